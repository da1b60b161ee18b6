"""RB, cracks: hairlines, fractures with a displaced edge, webs; thin, wandering, of changing width and contrast.

A crack is drawn as its distance map: width, worn edge, stain round it and truth are all read from the same distances. Widths are in
metres of pipe, so a crack is as thin on the wall of a large pipe as on that of a small one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from trainer.synth.defects.crack_paths import SIZE, distance_to, draw_lines, wander
from trainer.synth.defects.patches import dry_angle, fade, mixed, noise_cut, texels, wall_rgb
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import Grid

_FAR_TEXELS = np.float32(1e3)
# what has seeped out of a crack: none, lime, rust, damp, dirt
_STAINS: tuple[tuple[float, float, float] | None, ...] = (
    None,
    (0.78, 0.75, 0.68),
    (0.40, 0.20, 0.08),
    (0.14, 0.12, 0.10),
    (0.24, 0.19, 0.12),
)
_STAIN_SHARES = (0.42, 0.16, 0.14, 0.16, 0.12)


@dataclass(frozen=True, slots=True)
class CrackPatch:
    """Where a crack is drawn: its half sides, and the size of the patch in texels."""

    half_theta: float
    half_z_m: float
    shape: tuple[int, int]

    @property
    def texel_m(self) -> float:
        """Length of a texel along the pipe, m."""
        return 2 * self.half_z_m / self.shape[0]


def patch_for(scene: Scene, half_theta: float, half_z_m: float, *, longest: int = SIZE) -> CrackPatch:
    """A patch with square texels."""
    return CrackPatch(half_theta, half_z_m, texels(scene, half_theta, half_z_m, longest=longest))


def width_m(scene: Scene, rng: np.random.Generator, severity: float) -> float:
    """Half width of a crack: from a hair to a gaping fracture."""
    return float(scene.radius_m * (0.0025 + 0.017 * severity**1.6) * rng.uniform(0.6, 1.5))


def add_crack(
    scene: Scene, rng: np.random.Generator, severity: float, place: tuple[float, float], patch: CrackPatch, distance: Grid, half_m: float
) -> None:
    """Lay a crack on the wall; `place` is its angle and chainage, `half_m` its half width."""
    shape = patch.shape
    half = np.float32(half_m / patch.texel_m) * np.clip(1 + np.float32(0.5) * noise_cut(rng, "cloud", shape, 0.5), 0.15, 2.2)
    core = cv2.GaussianBlur(np.clip(half - distance + np.float32(0.55), 0, 1), (0, 0), 0.6)
    wall = wall_rgb(scene)
    dark = wall * np.float32(rng.uniform(0.03, 0.3))
    number = int(rng.choice(len(_STAINS), p=_STAIN_SHARES))
    stain = _STAINS[number] if severity > 0.15 else None
    reach = np.float32(scene.radius_m * rng.uniform(0.015, 0.06) / patch.texel_m + 1.0)
    halo = np.exp(-distance / reach) * np.float32(rng.uniform(0.3, 0.8) if stain else 0.14)
    halo *= np.clip(np.float32(0.7) + np.float32(0.6) * noise_cut(rng, "cloud", shape, 1.2), 0, 1)
    around = np.array(stain, np.float32) if stain else wall * np.float32(rng.choice([0.6, 1.35]))
    colour = mixed(around, dark, core)
    near = np.clip((np.maximum(half, np.float32(0.8)) + np.float32(1.6) - distance) * np.float32(0.7), 0, 1)
    seen = np.maximum(near, halo * np.float32(0.8))
    strong = np.float32(min(1.0, 0.72 + 0.5 * severity))
    window = fade(shape, all_round=patch.half_theta > 3)
    scene.decals.append(
        Decal(
            *place,
            patch.half_theta,
            patch.half_z_m,
            np.asarray(np.maximum(core * strong, halo) * window, dtype=np.float32),
            colour,
            np.asarray(-(np.float32(0.9) * core + np.float32(0.4) * halo) * window, dtype=np.float32),
            code="RB",
            mask_at=0.3,
            mask_alpha=np.asarray(seen * window, dtype=np.float32),
        )
    )


def _ends_at_joint(scene: Scene, rng: np.random.Generator, z_m: float, patch: CrackPatch, distance: Grid) -> Grid:
    """About half of the cracks that meet a joint stop there: the next pipe is whole."""
    for joint in scene.joints:
        row = int((joint.z_m - z_m + patch.half_z_m) / patch.texel_m)
        if 0.15 * patch.shape[0] < row < 0.85 * patch.shape[0] and rng.random() < 0.5:
            distance = distance.copy()
            whole = slice(row, None) if row > patch.shape[0] // 2 else slice(None, row)
            distance[whole] = _FAR_TEXELS
    return distance


def _paint(
    scene: Scene, rng: np.random.Generator, severity: float, place: tuple[float, float], kind: str, halves: tuple[float, float]
) -> float:
    patch = patch_for(scene, halves[0], halves[1], longest=320 if kind in ("along", "round") else SIZE)
    distance = distance_to(patch.shape, draw_lines(rng, kind, patch.shape, severity))
    distance = _ends_at_joint(scene, rng, place[1], patch, distance)
    add_crack(scene, rng, severity, place, patch, distance, width_m(scene, rng, severity) * (0.55 if kind == "web" else 1.0))
    return place[0]


def crack_along(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A longitudinal crack."""
    half_z = scene.radius_m * rng.uniform(0.7, 1.2) * (1 + 1.6 * severity)
    return _paint(scene, rng, severity, (dry_angle(scene, rng), z_m), "along", (rng.uniform(0.12, 0.3), half_z))


def crack_round(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A crack across, part or all of the way round."""
    half_theta = np.pi if rng.random() < 0.2 + 0.4 * severity else rng.uniform(0.5, 1.6)
    theta = dry_angle(scene, rng) if half_theta < 3 else 0.0
    halves = (float(half_theta), scene.radius_m * rng.uniform(0.15, 0.35))
    _paint(scene, rng, severity, (theta, z_m), "round", halves)
    if severity > 0.4 and rng.random() < 0.4:
        _paint(scene, rng, 0.7 * severity, (theta, z_m + halves[1] * rng.uniform(0.4, 0.9)), "round", halves)
    return theta


def crack_helical(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A crack that winds along the pipe."""
    halves = (rng.uniform(0.6, 1.5), scene.radius_m * rng.uniform(0.8, 1.3) * (1 + severity))
    return _paint(scene, rng, severity, (dry_angle(scene, rng), z_m), "helical", halves)


def crack_web(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A shattered place: many cracks from one."""
    halves = (rng.uniform(0.3, 0.5) + 0.5 * severity, scene.radius_m * rng.uniform(0.4, 0.6) * (1 + 1.5 * severity))
    return _paint(scene, rng, severity, (dry_angle(scene, rng), z_m), "web", halves)


def fracture_pieces(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The pipe broken into long shells: cracks along the crown and both sides, as under load from above."""
    half_z = scene.radius_m * rng.uniform(1.2, 2.0) * (1 + severity)
    for theta in (0.0, np.pi / 2, -np.pi / 2):
        if theta == 0 or rng.random() < 0.8:
            at = (float(theta + rng.normal(0, 0.12)), float(z_m + rng.normal(0, 0.2) * half_z))
            _paint(scene, rng, severity * rng.uniform(0.7, 1.0), at, "along", (0.2, half_z))
    return 0.0


def fracture_displaced(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """An open fracture, one of whose sides stands into the pipe."""
    theta, along = dry_angle(scene, rng), bool(rng.random() < 0.5)
    halves = (rng.uniform(0.4, 0.8), scene.radius_m * rng.uniform(1.0, 2.5)) if along else (rng.uniform(0.7, 1.6), 0.6 * scene.radius_m)
    patch = patch_for(scene, *halves)
    rows, columns = patch.shape
    span, across = (rows, columns) if along else (columns, rows)
    off = wander(rng, span, 0.5) + across / 2
    side = np.arange(across, dtype=np.float32)[None, :] - off[:, None].astype(np.float32)
    raised = np.clip(side * np.float32(0.6) + np.float32(0.5), 0, 1) * np.exp(-np.maximum(side, 0) / np.float32(0.3 * across))
    if not along:
        side, raised = np.ascontiguousarray(side.T), np.ascontiguousarray(raised.T)
    height = np.asarray(raised * fade(patch.shape), dtype=np.float32)
    lift = scene.radius_m * (0.015 + 0.13 * severity * rng.uniform(0.6, 1.2))
    nothing = np.zeros(patch.shape, np.float32)
    raised_enough = (height * np.float32(lift / (0.03 * scene.radius_m))).astype(np.float32)
    scene.decals.append(
        Decal(theta, z_m, *halves, nothing, scene.materials[0].rgb, height, lift_m=lift, code="RB", mask_at=1.0, mask_alpha=raised_enough)
    )
    add_crack(scene, rng, severity, (theta, z_m), patch, np.abs(side + np.float32(1)), width_m(scene, rng, severity) * 1.4)
    return theta


CRACKS: dict[str, Callable[[Scene, np.random.Generator, float, float], float]] = {
    "along": crack_along,
    "round": crack_round,
    "helical": crack_helical,
    "web": crack_web,
    "pieces": fracture_pieces,
    "displaced": fracture_displaced,
}
