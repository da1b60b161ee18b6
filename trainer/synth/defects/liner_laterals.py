"""Laterals of lined pipes: OS cut open again through the liner, OP with a profile that joins liner and lateral."""

from dataclasses import replace

import cv2
import numpy as np

from trainer.synth.defects.looks import Looks, paint_look
from trainer.synth.defects.mortar import SIZE, add_collar, add_drip, add_flange
from trainer.synth.defects.pipe_ends import CLOCK, draw_lean, draw_theta, made_of, ragged_clock, tinted, wall_rgb, with_contents
from trainer.synth.scene import Branch, Curtain, Decal, Rgb, Scene
from trainer.synth.texture import Grid, patch_noise

_OLD: tuple[Rgb, ...] = ((0.42, 0.26, 0.16), (0.40, 0.37, 0.32), (0.25, 0.18, 0.12), (0.55, 0.52, 0.46))
_PROFILES: tuple[Rgb, ...] = (
    (0.84, 0.82, 0.76),
    (0.72, 0.66, 0.44),
    (0.45, 0.50, 0.55),
    (0.26, 0.42, 0.62),
    (0.12, 0.12, 0.13),
    (0.56, 0.66, 0.52),
)


def _opened(scene: Scene, rng: np.random.Generator, severity: float, z_m: float, outline: Grid) -> Branch:
    radius = scene.radius_m * (0.24 + 0.34 * float(np.clip(0.7 * severity + 0.3 * rng.random(), 0, 1)))
    old = tinted(rng, _OLD[int(rng.integers(len(_OLD)))])
    branch = Branch(draw_theta(rng), z_m, radius, draw_lean(rng) * 0.7, old, "OS", outline=outline, noise_offset=float(rng.uniform(0, 50)))
    if rng.random() < 0.3:
        branch = made_of(branch, rng)
    return replace(
        with_contents(branch, rng),
        hole_m=1.02 * radius,
        recess_m=scene.radius_m * float(rng.uniform(0.03, 0.09)),
        stub_thick_m=0.15 * radius,
        end_rgb=tinted(rng, old, 0.6, 1.2),
        soil_rgb=tinted(rng, old, 0.4, 0.9),
        rim_m=radius * float(rng.uniform(0.03, 0.12)),
        rim_rgb=wall_rgb(scene, float(rng.choice([rng.uniform(0.45, 0.7), rng.uniform(1.1, 1.5)]))),
        rim_ragged=0.5,
    )


def _put(scene: Scene, rng: np.random.Generator, branch: Branch) -> float:
    scene.branches.append(branch)
    if rng.random() < 0.25:
        add_drip(scene, rng, branch)
    return branch.theta


def paint_clean_cut(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Nearly round, a slightly wavy milled edge."""
    return _put(scene, rng, _opened(scene, rng, severity, z_m, ragged_clock(rng, 0.03 + 0.06 * severity, steps=9)))


def paint_frayed(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Teeth and strands of liner stand into the opening and hang from its edge."""
    teeth = np.clip(rng.normal(0, 1, CLOCK), 0, 3) * (0.05 + 0.12 * severity)
    outline = (ragged_clock(rng, 0.08, steps=14) * (1 - teeth)).astype(np.float32)
    branch = _opened(scene, rng, severity, z_m, np.clip(outline, 0.4, 1.5))
    _add_strands(scene, rng, branch, 4 + int(10 * severity))
    return _put(scene, rng, branch)


def paint_part_cut(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Cut only in part: a crescent or half moon is open, the liner still covers the rest."""
    angle = np.linspace(0, 2 * np.pi, CLOCK, endpoint=False) - rng.uniform(0, 2 * np.pi)
    chord = rng.uniform(-0.1, 0.45)
    limit = np.where(np.cos(angle) > 0.05, chord / np.maximum(np.cos(angle), 0.05), 9.0) if chord > 0 else np.full(CLOCK, 0.85)
    outline = np.minimum(ragged_clock(rng, 0.07, steps=10), np.maximum(limit, 0.12))
    branch = _opened(scene, rng, severity, z_m, outline.astype(np.float32))
    if rng.random() < 0.5:
        _add_slits(scene, rng, branch, 2 + int(4 * severity))
    return _put(scene, rng, branch)


def paint_misplaced(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The cut missed: old pipe wall shows in a crescent beside the lateral's mouth."""
    branch = _opened(scene, rng, severity, z_m, ragged_clock(rng, 0.06, steps=10))
    away, turn = branch.radius_m * (0.25 + 0.5 * rng.random()), rng.uniform(0, 2 * np.pi)
    branch = replace(branch, radius_m=0.9 * branch.radius_m, offset_m=(float(away * np.cos(turn)), float(away * np.sin(turn))))
    return _put(scene, rng, branch)


def paint_slit(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Saw cuts run past the corners of a four-cornered opening."""
    angle = np.linspace(0, 2 * np.pi, CLOCK, endpoint=False) + rng.uniform(0, 0.8)
    square = 0.85 / np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    branch = _opened(scene, rng, severity, z_m, (square * ragged_clock(rng, 0.03)).astype(np.float32))
    _add_slits(scene, rng, branch, 3 + int(5 * severity))
    return _put(scene, rng, branch)


def paint_wrinkled(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The liner stands up in a wrinkled lip round the opening."""
    branch = _opened(scene, rng, severity, z_m, ragged_clock(rng, 0.10, steps=16))
    waves = (0.7 * np.sin(np.linspace(0, rng.uniform(15, 40), SIZE))[None, :] + 0.6 * patch_noise(rng, SIZE, 2.5)).astype(np.float32)
    width = branch.radius_m * float(rng.uniform(0.2, 0.45))
    add_flange(scene, branch, rgb=wall_rgb(scene, 1.1), width_m=width, height_m=width * (0.12 + 0.2 * severity), wrinkles=waves)
    return _put(scene, rng, branch)


def _add_slits(scene: Scene, rng: np.random.Generator, branch: Branch, num: int) -> None:
    for _ in range(num):
        turn = rng.uniform(0, 2 * np.pi)
        off = branch.radius_m * rng.uniform(0.95, 1.25)
        along, half = bool(rng.random() < 0.5), branch.radius_m * rng.uniform(0.25, 0.7)
        thin = 0.02 * branch.radius_m * rng.uniform(0.6, 2)
        half_z, half_round = (half, thin) if along else (thin, half)
        alpha = np.ones((3, 3), np.float32)
        scene.decals.append(
            Decal(
                branch.theta + float(off * np.sin(turn)) / scene.radius_m,
                branch.z_m + float(off * np.cos(turn)),
                half_round / scene.radius_m,
                half_z,
                alpha,
                wall_rgb(scene, float(rng.uniform(0.15, 0.5))),
                code="OS",
            )
        )


def _add_strands(scene: Scene, rng: np.random.Generator, branch: Branch, num: int) -> None:
    """Glass fibres and rags hanging from the upper edge: a cut-out in front of the mouth."""
    size = 128
    canvas = np.zeros((size, size), np.uint8)
    for _ in range(num):
        x, y, length = rng.uniform(20, 108), rng.uniform(5, 40), rng.uniform(20, 80)
        t = np.linspace(0, 1, 12)
        bend = rng.normal(0, 14)
        points = np.stack([x + bend * t**2 + rng.normal(0, 3) * np.sin(t * 5), y + length * t], axis=1)
        cv2.polylines(canvas, [(points * 8).astype(np.int32)], False, 255, int(rng.integers(1, 4)), cv2.LINE_AA, 3)
    alpha = canvas.astype(np.float32) / np.float32(255)
    rgb = np.clip(
        np.array(wall_rgb(scene, float(rng.uniform(0.6, 1.3))), np.float32) * (1 + 0.15 * patch_noise(rng, size, 2.0))[..., None],
        0.02,
        0.95,
    )
    inset = scene.radius_m * 0.86
    centre = (float(np.sin(branch.theta) * inset), float(np.cos(branch.theta) * inset))
    scene.curtains.append(Curtain(branch.z_m - 0.4 * branch.radius_m, centre, 0.9 * branch.radius_m, alpha, rgb.astype(np.float32), "OS"))


def _profiled(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> tuple[Branch, Rgb]:
    radius = scene.radius_m * (0.24 + 0.32 * float(np.clip(0.7 * severity + 0.3 * rng.random(), 0, 1)))
    rgb = (
        wall_rgb(scene, float(rng.uniform(0.75, 1.4))) if rng.random() < 0.3 else tinted(rng, _PROFILES[int(rng.integers(len(_PROFILES)))])
    )
    bore = tinted(rng, rgb, 0.7, 1.0)
    branch = Branch(draw_theta(rng), z_m, radius, draw_lean(rng), bore, "OP", rim_m=0.04 * radius, rim_rgb=tinted(rng, rgb, 0.5, 0.8))
    return with_contents(branch, rng), rgb


def paint_hat(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A broad smooth brim bonded to the liner, the crown of the hat up the lateral."""
    branch, rgb = _profiled(scene, rng, severity, z_m)
    width = branch.radius_m * float(rng.uniform(0.35, 0.9))
    add_flange(scene, branch, rgb=rgb, width_m=width, height_m=scene.radius_m * float(rng.uniform(0.015, 0.05)))
    return _put(scene, rng, branch)


def paint_creased_hat(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The brim has folds and does not lie flat."""
    branch, rgb = _profiled(scene, rng, severity, z_m)
    branch = replace(branch, outline=ragged_clock(rng, 0.05))
    waves = (0.5 * np.sin(np.linspace(0, rng.uniform(10, 30), SIZE))[:, None] + 0.7 * patch_noise(rng, SIZE, 1.5)).astype(np.float32)
    width = branch.radius_m * float(rng.uniform(0.4, 0.9))
    add_flange(scene, branch, rgb=rgb, width_m=width, height_m=scene.radius_m * (0.02 + 0.05 * severity), wrinkles=waves)
    return _put(scene, rng, branch)


def paint_sleeve(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A short sleeve of the profile stands into the pipe above its brim."""
    branch, rgb = _profiled(scene, rng, severity, z_m)
    branch = replace(branch, stub_m=scene.radius_m * float(rng.uniform(0.08, 0.15 + 0.2 * severity)), stub_thick_m=0.1 * branch.radius_m)
    add_flange(scene, branch, rgb=rgb, width_m=branch.radius_m * float(rng.uniform(0.3, 0.6)), height_m=0.025 * scene.radius_m)
    return _put(scene, rng, branch)


def paint_resin_collar(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Resin was pressed out round the profile and hardened in runs."""
    branch, rgb = _profiled(scene, rng, severity, z_m)
    add_flange(scene, branch, rgb=rgb, width_m=branch.radius_m * float(rng.uniform(0.25, 0.5)), height_m=0.03 * scene.radius_m, gloss=0.6)
    wide = replace(branch, radius_m=1.4 * branch.radius_m)
    add_collar(
        scene, rng, wide, width_m=branch.radius_m * float(rng.uniform(0.15, 0.4)), height_m=scene.radius_m * (0.02 + 0.05 * severity)
    )
    return _put(scene, rng, branch)


def paint_sealed_joint(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A dark profile ring set back in the mouth behind a pale brim."""
    branch, rgb = _profiled(scene, rng, severity, z_m)
    branch = replace(
        branch,
        hole_m=1.15 * branch.radius_m,
        recess_m=0.2 * branch.radius_m,
        stub_thick_m=0.14 * branch.radius_m,
        end_rgb=(0.06, 0.06, 0.07),
    )
    wide = replace(branch, radius_m=1.15 * branch.radius_m)
    add_flange(scene, wide, rgb=rgb, width_m=branch.radius_m * float(rng.uniform(0.2, 0.5)), height_m=0.03 * scene.radius_m)
    return _put(scene, rng, branch)


OS_LOOKS: Looks = {
    "clean cut": (2.0, paint_clean_cut),
    "frayed": (2.0, paint_frayed),
    "part cut": (1.5, paint_part_cut),
    "misplaced": (1.2, paint_misplaced),
    "slit": (1.0, paint_slit),
    "wrinkled": (1.2, paint_wrinkled),
}
OP_LOOKS: Looks = {
    "hat": (2.0, paint_hat),
    "creased hat": (1.2, paint_creased_hat),
    "sleeve": (1.0, paint_sleeve),
    "resin collar": (1.0, paint_resin_collar),
    "sealed joint": (1.0, paint_sealed_joint),
}


def paint_reinstatement(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OS."""
    return paint_look(OS_LOOKS, scene, rng, severity, z_m)


def paint_profile_connection(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OP."""
    return paint_look(OP_LOOKS, scene, rng, severity, z_m)
