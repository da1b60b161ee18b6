"""FS, displaced joint: the next pipe's end steps aside, stands off, or turns away.

A sound joint (pipe.py) keeps below the smallest of these: its step is a few thousandths of the radius and its gap narrower.
"""

import numpy as np

from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.mortar import mortar_rgb
from trainer.synth.defects.pipe_ends import tinted, wall_rgb
from trainer.synth.defects.seal_parts import add_ridge
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Band, Decal, Joint, Rgb, Scene
from trainer.synth.texture import patch_noise

_FACES: tuple[Rgb, ...] = (
    (0.80, 0.78, 0.73),
    (0.62, 0.60, 0.55),
    (0.46, 0.34, 0.22),
    (0.55, 0.50, 0.42),
    (0.26, 0.22, 0.18),
    (0.70, 0.42, 0.28),
)
_GAPS: tuple[Rgb, ...] = ((0.05, 0.045, 0.04), (0.20, 0.15, 0.10), (0.33, 0.26, 0.17), (0.10, 0.10, 0.10), (0.42, 0.38, 0.30))
ROWS, COLUMNS = 24, 256


def _sideways(rng: np.random.Generator) -> float:
    """Pipes sink or rise more often than they move sideways."""
    return float(rng.normal(0, 0.5) + rng.choice([0, np.pi]) if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi))


def _shift(scene: Scene, joint: Joint, theta: float, share: float) -> None:
    """Move the next pipe's axis by a share of the radius, away from the clock angle where its end face then shows."""
    step = scene.radius_m * share
    joint.shift_xy = (float(-np.sin(theta) * step), float(-np.cos(theta) * step))


def _open(scene: Scene, joint: Joint, gap: float, depth: float) -> None:
    """Widen the joint by shares of the radius beyond what it had."""
    joint.gap_m = 1.3 * joint.gap_m + gap * scene.radius_m
    joint.depth_m = max(joint.depth_m, depth * scene.radius_m)


def _finish(scene: Scene, rng: np.random.Generator, joint: Joint, *, face: Rgb | None = None, gap: Rgb | None = None) -> None:
    """Colour the end face and what is seen in the gap, and mark the joint."""
    face = face or (
        wall_rgb(scene, float(rng.uniform(0.7, 1.6))) if rng.random() < 0.45 else tinted(rng, _FACES[int(rng.integers(len(_FACES)))])
    )
    gap = gap or tinted(rng, _GAPS[int(rng.integers(len(_GAPS)))])
    half, lip = joint.gap_m / 2, 0.012 * scene.radius_m
    rows = np.linspace(-half - lip, half + lip, ROWS, dtype=np.float32)[:, None]
    stony = patch_noise(rng, COLUMNS, 1.3, "cell", rows=ROWS) * 0.35 + patch_noise(rng, COLUMNS, 0.7, rows=ROWS) * 0.3
    on_face = (rows > half - 0.6 * lip)[..., None]
    # the face is all of one row: fast noise would become rays across it
    noise = np.where(on_face[..., 0], 0.18 * patch_noise(rng, COLUMNS, 0.25, rows=1), stony)
    colour = np.where(on_face, np.array(face, np.float32), np.array(gap, np.float32)) * np.clip(1 + noise, 0.3, 1.8)[..., None]
    dirty = np.clip(0.6 + 0.4 * patch_noise(rng, COLUMNS, 0.2, rows=1), 0.05, 0.85)
    alpha = np.where(on_face[..., 0], dirty, 0.9) * ((rows > -half) & (rows < half + 0.5 * lip))
    colour, alpha = np.clip(colour, 0.01, 0.95).astype(np.float32), alpha.astype(np.float32)
    scene.decals.append(Decal(float(rng.uniform(0, 6)), joint.z_m, np.pi, half + lip, alpha, colour))
    margin = 0.035 * scene.radius_m + half
    scene.bands.append(Band("FS", joint.z_m - margin, joint.z_m + margin))


def paint_step(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The next pipe has moved aside: a crescent of its end face."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _shift(scene, joint, theta, 0.04 + 0.30 * severity)
    _finish(scene, rng, joint)
    return theta


def paint_open_joint(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The pipes have come apart: the whole end face is seen as a ring, soil or darkness before it."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _open(scene, joint, 0.03 + 0.28 * severity * float(rng.uniform(0.5, 1.1)), 0.06 + 0.14 * severity * float(rng.random()))
    _shift(scene, joint, theta, 0.03 * float(rng.random()))
    _finish(scene, rng, joint)
    return theta


def paint_step_and_gap(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Both apart and aside: a ring much thicker on one side."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _shift(scene, joint, theta, 0.03 + 0.24 * severity)
    _open(scene, joint, 0.02 + 0.20 * severity, 0.06 + 0.12 * severity)
    _finish(scene, rng, joint)
    return theta


def paint_bend(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The next pipes turn away: the far circle leaves the middle in a row of small steps after one open joint."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _shift(scene, joint, theta, 0.03 + 0.05 * severity)
    _open(scene, joint, 0.03 + 0.12 * severity, 0.05 + 0.08 * severity)
    _finish(scene, rng, joint)
    spacing, slope = scene.radius_m * 0.3, (0.05 + 0.11 * severity) * float(rng.uniform(0.7, 1.1))
    end = z_m + scene.radius_m * 3.2
    scene.joints = [j for j in scene.joints if j is joint or not z_m < j.z_m < end]
    for number in range(1, 10):
        fold = Joint(z_m + number * spacing, gap_m=1e-5, depth_m=1e-4)
        _shift(scene, fold, theta, slope * 0.3)
        scene.joints.append(fold)
        # the folds stand for a straight pipe at an angle: their little faces must not shine like ends
        scene.decals.append(
            Decal(0.0, fold.z_m, np.pi, 0.006 * scene.radius_m, np.ones((3, 3), np.float32), (0.55, 0.55, 0.55), multiply=True)
        )
    return theta


def paint_row(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Several short pipes, each out of line with the last."""
    theta = _sideways(rng)
    first = theta
    for number in range(2 + int(rng.integers(0, 2))):
        joint = joint_at(rng, scene, z_m) if number == 0 else Joint(z_m + number * scene.radius_m * float(rng.uniform(1.0, 1.8)))
        if number:
            scene.joints = [j for j in scene.joints if abs(j.z_m - joint.z_m) > 0.5 * scene.radius_m] + [joint]
        _shift(scene, joint, theta, (0.04 + 0.2 * severity) * float(rng.uniform(0.6, 1.1)))
        _open(scene, joint, 0.02 + 0.08 * severity, 0.04 + 0.08 * severity)
        _finish(scene, rng, joint)
        theta += np.pi * float(rng.random() < 0.6) + float(rng.normal(0, 0.5))
    return first


def paint_mortared_step(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A step with remains of mortar along it."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _shift(scene, joint, theta, 0.04 + 0.24 * severity)
    _finish(scene, rng, joint)
    for _ in range(1 + int(rng.integers(0, 3))):
        add_ridge(
            scene,
            rng,
            z_m + float(rng.normal(0, 0.05)) * scene.radius_m,
            theta + float(rng.normal(0, 1.2)),
            half_theta=float(rng.uniform(0.2, 0.8)),
            height=0.02 + 0.05 * severity,
            width=0.06 + 0.08 * severity,
            rgb=mortar_rgb(scene, rng),
            lumpy=0.9,
            code="FS",
        )
    return theta


def paint_broken_edge(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Displaced, and the near pipe's edge is chipped: soil shows through the chips."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _shift(scene, joint, theta, 0.03 + 0.2 * severity)
    _open(scene, joint, 0.04 + 0.12 * severity, 0.08 + 0.1 * severity)
    gap = tinted(rng, _GAPS[int(rng.integers(len(_GAPS)))])
    _finish(scene, rng, joint, gap=gap)
    corners = int(rng.integers(10, 26))
    depth = np.interp(np.linspace(0, corners, COLUMNS), np.arange(corners + 1), np.clip(rng.normal(-0.1, 0.6, corners + 1), 0, 1.0))
    rows = np.linspace(0, 1, 48, dtype=np.float32)[:, None]
    alpha = np.clip((depth[None, :] - (1 - rows)) * 14, 0, 1).astype(np.float32)
    edge = np.exp(-(((depth[None, :] - (1 - rows)) * 14 - 1) ** 2))[..., None]
    grain = np.clip(1 + 0.35 * patch_noise(rng, COLUMNS, 1.6, "cell", rows=48), 0.3, 1.8)[..., None]
    colour = np.array(gap, np.float32) * grain + edge * (np.array(wall_rgb(scene, 1.3), np.float32) - np.array(gap, np.float32) * grain)
    half = scene.radius_m * (0.04 + 0.12 * severity)
    middle = z_m - joint.gap_m / 2 - half
    scene.decals.append(Decal(theta, middle, np.pi, half, alpha, np.clip(colour, 0.01, 0.95).astype(np.float32), alpha * -1.0, code="FS"))
    return theta


def paint_bare_seal(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Drawn so far apart that the rubber in the socket shows as a black ring in a pale one."""
    joint, theta = joint_at(rng, scene, z_m), _sideways(rng)
    _open(scene, joint, 0.05 + 0.25 * severity, 0.05 + 0.06 * severity)
    _shift(scene, joint, theta, 0.02 + 0.05 * severity * float(rng.random()))
    _finish(scene, rng, joint, gap=wall_rgb(scene, float(rng.uniform(0.5, 1.3))))
    rows = np.abs(np.linspace(-1, 1, 9, dtype=np.float32))[:, None]
    wave = 0.25 * np.interp(np.linspace(0, 12, COLUMNS), np.arange(13), rng.normal(0, 1, 13))[None, :]
    alpha = np.clip((0.8 + wave - rows) * 4, 0, 1).astype(np.float32)
    at = joint.z_m + joint.gap_m * float(rng.uniform(-0.3, 0.1))
    scene.decals.append(Decal(theta, at, np.pi, 0.22 * joint.gap_m, alpha, (0.03, 0.03, 0.03), alpha * 2, gloss=0.4))
    return theta


FS_LOOKS: Looks = {
    "step": (2.5, paint_step),
    "open joint": (2.0, paint_open_joint),
    "step and gap": (2.0, paint_step_and_gap),
    "bend": (1.2, paint_bend),
    "row": (1.0, paint_row),
    "mortared step": (1.0, paint_mortared_step),
    "broken edge": (1.2, paint_broken_edge),
    "bare seal": (0.8, paint_bare_seal),
}


def paint_displaced_joint(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add FS; returns the clock angle of the step."""
    return paint_look(FS_LOOKS, scene, rng, severity, z_m)
