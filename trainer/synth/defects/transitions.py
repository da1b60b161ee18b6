"""OK, change of construction: from one joint on the pipe is of another material, width or make."""

import numpy as np

from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.mortar import mortar_rgb
from trainer.synth.defects.pipe_ends import tinted, wall_rgb
from trainer.synth.defects.seal_parts import add_ridge
from trainer.synth.materials import draw_material
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Band, Decal, Joint, Rgb, Scene
from trainer.synth.texture import patch_noise


def _other_pipe(scene: Scene, rng: np.random.Generator, z_m: float, *, liner: bool | None = None) -> Joint:
    """A joint from which on the material is another one."""
    joint = joint_at(rng, scene, z_m)
    scene.joints = [j for j in scene.joints if j is joint or abs(j.z_m - z_m) > 2.5 * scene.radius_m]
    scene.materials.append(draw_material(rng, other_than=scene.materials[0].name, liner=liner))
    joint.material = len(scene.materials) - 1
    joint.gap_m = float(rng.uniform(0.003, 0.012))
    return joint


def _finish(scene: Scene, joint: Joint) -> None:
    scene.bands.append(Band("OK", joint.z_m - 0.12 * scene.radius_m - joint.gap_m, joint.z_m + 0.5 * scene.radius_m))


def _edge(scene: Scene, rng: np.random.Generator, joint: Joint, rgb: Rgb, patchy: float) -> None:
    """Colour the new pipe's end face; `patchy` 0..1 hides it in dirt."""
    half, lip = joint.gap_m / 2, 0.015 * scene.radius_m
    noise = np.repeat(patch_noise(rng, 256, 0.25, rows=1), 8, axis=0)
    alpha = np.clip(1 - patchy * (0.6 + 0.7 * patch_noise(rng, 256, 0.25, rows=1)), 0, 0.9) * np.linspace(1, 1, 8)[:, None]
    colour = np.clip(np.array(rgb, np.float32) * (1 + 0.15 * noise)[..., None], 0.01, 0.95).astype(np.float32)
    scene.decals.append(Decal(0.0, joint.z_m + half, np.pi, lip, alpha.astype(np.float32), colour))


def paint_new_material(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The same width, another material."""
    joint = _other_pipe(scene, rng, z_m)
    joint.widen_m = float(rng.normal(0, 0.01)) * scene.radius_m
    _finish(scene, joint)
    return 0.0


def paint_reduction(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Narrower from here on, about the same axis."""
    joint = _other_pipe(scene, rng, z_m)
    joint.widen_m = -scene.radius_m * float(rng.uniform(0.04, 0.08 + 0.26 * severity))
    _edge(scene, rng, joint, wall_rgb(scene, float(rng.uniform(0.7, 1.5))), float(rng.random()))
    _finish(scene, joint)
    return 0.0


def paint_eccentric(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Narrower, the invert or the crown kept in line."""
    joint = _other_pipe(scene, rng, z_m)
    narrow = scene.radius_m * float(rng.uniform(0.06, 0.12 + 0.22 * severity))
    up = float(rng.choice([-1, 1], p=[0.75, 0.25]))
    joint.widen_m, joint.shift_xy = -narrow, (float(rng.normal(0, 0.1)) * narrow, up * narrow * float(rng.uniform(0.7, 1.0)))
    _edge(scene, rng, joint, mortar_rgb(scene, rng), float(rng.random()))
    _finish(scene, joint)
    return 0.0 if up < 0 else np.pi


def paint_enlargement(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Wider from here on: the near pipe ends in the air."""
    joint = _other_pipe(scene, rng, z_m)
    joint.widen_m = scene.radius_m * float(rng.uniform(0.05, 0.12 + 0.25 * severity))
    _finish(scene, joint)
    return 0.0


def paint_pushed_in(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A smaller pipe pushed into the old one: a thick pale or coloured end, a dark ring about it."""
    joint = _other_pipe(scene, rng, z_m, liner=False)
    thick = float(rng.uniform(0.05, 0.09 + 0.08 * severity))
    joint.widen_m, joint.depth_m = -scene.radius_m * thick * 1.3, 0.1 * thick * scene.radius_m
    joint.shift_xy = (float(rng.normal(0, 0.25)) * thick * scene.radius_m, -0.3 * thick * scene.radius_m * float(rng.random()))
    r, g, b = scene.materials[-1].rgb
    _edge(scene, rng, joint, tinted(rng, (r, g, b), 0.9, 1.4), 0.3)
    _finish(scene, joint)
    return 0.0


def paint_liner_end(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A liner begins: a thin pale edge, cut unevenly and folded."""
    joint = _other_pipe(scene, rng, z_m, liner=True)
    joint.widen_m, joint.gap_m = -scene.radius_m * float(rng.uniform(0.025, 0.06 + 0.04 * severity)), 0.002
    r, g, b = scene.materials[-1].rgb
    _edge(scene, rng, joint, tinted(rng, (r, g, b), 0.9, 1.3), 0.2)
    for _ in range(int(rng.integers(0, 4))):
        fold = 0.015 + 0.05 * severity * float(rng.random())
        add_ridge(
            scene,
            rng,
            z_m + 0.1 * scene.radius_m,
            float(rng.uniform(-2.5, 2.5)),
            half_theta=float(rng.uniform(0.1, 0.5)),
            height=fold,
            width=2 * fold,
            rgb=(r, g, b),
            lumpy=0.4,
            gloss=0.4,
            code="OK",
        )
    _finish(scene, joint)
    return 0.0


def paint_mortar_ring(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Another pipe joined on with a broad ring of mortar."""
    joint = _other_pipe(scene, rng, z_m)
    joint.widen_m = scene.radius_m * float(rng.choice([-1, 1], p=[0.7, 0.3]) * rng.uniform(0.0, 0.05 + 0.1 * severity))
    rgb = mortar_rgb(scene, rng)
    _edge(scene, rng, joint, rgb, 0.1)
    height = 0.012 + 0.03 * severity * float(rng.random())
    add_ridge(
        scene,
        rng,
        z_m,
        0.0,
        half_theta=np.pi,
        height=height,
        width=float(rng.uniform(0.06, 0.2)),
        rgb=rgb,
        lumpy=float(rng.uniform(0.2, 0.8)),
        code="OK",
    )
    _finish(scene, joint)
    return 0.0


OK_LOOKS: Looks = {
    "new material": (1.5, paint_new_material),
    "reduction": (1.5, paint_reduction),
    "eccentric": (1.2, paint_eccentric),
    "enlargement": (0.8, paint_enlargement),
    "pushed in": (1.2, paint_pushed_in),
    "liner end": (1.2, paint_liner_end),
    "mortar ring": (1.0, paint_mortar_ring),
}


def paint_transition(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OK."""
    return paint_look(OK_LOOKS, scene, rng, severity, z_m)
