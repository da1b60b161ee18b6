"""RB, breaks and collapse: pieces missing from the wall, shells and tongues hanging in, torn plastic, lost bricks, a fallen crown."""

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.bodies import add_rubble
from trainer.synth.defects.crack_paths import distance_to, path
from trainer.synth.defects.cracks import CRACKS, add_crack, patch_for, width_m
from trainer.synth.defects.patches import dome, dry_limit, fade, mixed, noise_cut, texels, tinted, torn_shape, wall_rgb
from trainer.synth.defects.shards import curl_tongue, hang_shell, lay_shards, peel_skin, soil_look
from trainer.synth.scene import Decal, Mound, Scene
from trainer.synth.texture import Grid

_EDGE_M = 0.018  # thickness of a pipe's wall as its broken edge shows it


def _dry_angle(scene: Scene, rng: np.random.Generator) -> float:
    """Above the water, most often near the crown, where pipes fall in."""
    limit = dry_limit(scene)
    theta = rng.normal(0, 0.6) if rng.random() < 0.55 else rng.uniform(-1, 1) * limit
    return float(np.clip(theta, -0.8 * limit, 0.8 * limit))


def open_wall(
    scene: Scene, rng: np.random.Generator, place: tuple[float, float], halves: tuple[float, float], inside: Grid, deep: float
) -> None:
    """Take the wall away where `inside` (h, w), a signed distance in texels, is positive; `deep` radii of ground are gone behind."""
    shape = inside.shape[0], inside.shape[1]
    texel_m = 2 * halves[1] / shape[0]
    edge = np.float32(max(1.5, min(_EDGE_M, 0.12 * scene.radius_m) * rng.uniform(0.5, 1.6) / texel_m))
    soil, height = soil_look(rng, shape)
    grain = noise_cut(rng, "grain", shape)
    fresh = tinted(wall_rgb(scene) * np.float32(rng.uniform(0.8, 1.45)), 1 + np.float32(0.2) * grain)
    behind = np.clip((inside - edge) * np.float32(0.7), 0, 1)
    # no steeper than about 35 degrees: next to a cliff that faces away, the tracer would see the same edge twice
    deep = min(deep, 0.45 * float(inside.max()) * texel_m / scene.radius_m)
    ramp = np.float32(max(2.5 * edge, 1.5 * deep * scene.radius_m / texel_m))
    hollow = cv2.GaussianBlur(np.clip(inside / ramp, 0, 1), (0, 0), 1.5) * np.clip(inside, 0, 1)
    shadow = np.float32(1) - np.float32(0.65) * behind * (1 - np.clip((inside - edge) / (np.float32(2) * edge), 0, 1))
    alpha = np.asarray(np.clip(inside * np.float32(0.8) + np.float32(0.5), 0, 1) * fade(shape), dtype=np.float32)
    relief = np.float32(-2.2) * hollow + np.float32(0.9) * height * behind + np.float32(0.12) * grain
    scene.decals.append(
        Decal(
            *place,
            *halves,
            alpha,
            tinted(mixed(fresh, soil, behind), shadow),
            relief.astype(np.float32),
            code="RB",
        )
    )
    scene.decals.append(Decal(*place, *halves, hollow, (1.0, 1.0, 1.0), lift_m=-deep * scene.radius_m, multiply=True))


def _cracks_round(scene: Scene, rng: np.random.Generator, severity: float, place: tuple[float, float], halves: tuple[float, float]) -> None:
    """Cracks that run out from a hole's edge."""
    if rng.random() < 0.3:
        return
    patch = patch_for(scene, min(halves[0] * 1.9, 3.0), halves[1] * 1.9)
    middle = np.array(patch.shape[::-1]) / 2
    lines = []
    for _ in range(int(rng.integers(1, 5))):
        angle = rng.uniform(0, 2 * np.pi)
        ray = np.array([np.cos(angle), np.sin(angle)]) * middle
        lines.append(path(rng, middle + 0.42 * ray, middle + rng.uniform(0.6, 0.95) * ray, 1.3))
    add_crack(scene, rng, severity, place, patch, distance_to(patch.shape, lines), 0.5 * width_m(scene, rng, severity))


def missing_piece(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A piece gone from the wall; the ground or a void shows."""
    theta = _dry_angle(scene, rng)
    halves = (0.10 + 0.65 * severity * rng.uniform(0.6, 1.3), scene.radius_m * (0.12 + 0.9 * severity * rng.uniform(0.5, 1.5)))
    _cracks_round(scene, rng, severity, (theta, z_m), halves)
    shape = texels(scene, *halves, longest=128)
    inside = torn_shape(rng, shape, 0.7, corners=int(rng.integers(5, 14)), rough=0.6)
    for joint in scene.joints:  # a piece broken out of a pipe's end leaves the next pipe whole
        row = int((joint.z_m - z_m + halves[1]) * shape[0] / (2 * halves[1]))
        if 0.2 * shape[0] < row < 0.8 * shape[0] and rng.random() < 0.6:
            inside[row:] = -9
    open_wall(scene, rng, (theta, z_m), halves, inside, 0.08 + 0.25 * severity * float(rng.random()))
    if severity > 0.4 and rng.random() < 0.4:
        lay_shards(scene, rng, int(rng.integers(1, 4)), z_m, size=0.25 * severity)
    return theta


def hanging_shell(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A broken shell that still hangs in its place, over the hole it left."""
    theta = _dry_angle(scene, rng)
    size = 0.16 + 0.5 * severity * rng.uniform(0.7, 1.2)
    halves = (min(size * 1.1, 1.2), scene.radius_m * size * 1.3)
    inside = torn_shape(rng, texels(scene, *halves, longest=128), 0.72, corners=8, rough=0.5)
    open_wall(scene, rng, (theta, z_m), halves, inside, 0.06 + 0.15 * severity)
    _cracks_round(scene, rng, severity, (theta, z_m), halves)
    for _ in range(1 + int(rng.poisson(0.8 * severity))):
        place = (float(theta + rng.normal(0, 0.25) * size), z_m + float(rng.normal(0, 0.3)) * halves[1])
        lean = rng.uniform(0.08, 0.25) + 0.5 * severity * rng.random()
        hang_shell(scene, rng, size * rng.uniform(0.5, 0.95), place, lean=float(rng.choice([-1, 1]) * lean), drop=0.04 + 0.22 * severity)
    return theta


def torn_skin(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Skin torn off the wall and curled into the pipe, as plastic and lined pipes tear."""
    theta = float(rng.normal(0, 0.9))
    halves = (0.25 + 0.7 * severity, scene.radius_m * (0.25 + 0.5 * severity))
    inside = torn_shape(rng, texels(scene, *halves, longest=128), 0.75, corners=12, rough=0.6)
    open_wall(scene, rng, (theta, z_m), halves, inside, 0.05)
    for _ in range(1 + int(rng.poisson(1.2 * severity))):
        size = (0.2 + 0.75 * severity) * rng.uniform(0.6, 1.1)
        place = (float(theta + rng.normal(0, 0.35)), z_m + float(rng.normal(0, 0.35)) * scene.radius_m)
        (peel_skin if rng.random() < 0.6 else curl_tongue)(scene, rng, size, place)
    return theta


def unwound_spiral(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A spiral-wound pipe whose strip has come loose: a slanting slit round the wall, the strip hanging in."""
    half_theta, half_z = float(rng.uniform(1.4, 3.0)), scene.radius_m * (0.3 + 0.4 * severity)
    theta = float(rng.normal(0, 0.5))
    rows, columns = texels(scene, half_theta, half_z)
    slope = np.linspace(-0.35, 0.35, columns, dtype=np.float32) * np.float32(rows * rng.choice([-1, 1]))
    gape = np.clip(np.sin(np.linspace(0, np.pi, columns, dtype=np.float32)), 0, 1) * np.float32(rows * (0.03 + 0.12 * severity))
    ragged = np.float32(1.2) * noise_cut(rng, "grain", (rows, columns), 0.6)
    inside = gape[None, :] + ragged - np.abs(np.arange(rows, dtype=np.float32)[:, None] - rows / 2 - slope[None, :])
    open_wall(scene, rng, (theta, z_m), (half_theta, half_z), np.asarray(inside, np.float32), 0.05)
    for _ in range(1 + int(rng.poisson(1.5 * severity))):
        place = (float(theta + rng.normal(0, 0.6)), z_m + float(rng.normal(0, 0.25)) * scene.radius_m)
        peel_skin(scene, rng, (0.35 + 0.6 * severity) * rng.uniform(0.7, 1.1), place)
    return theta


def missing_bricks(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Bricks gone from a masonry pipe; elsewhere a stepped hole of that shape."""
    pitch, radius = scene.materials[0].pitch_m, scene.radius_m
    theta = _dry_angle(scene, rng)
    first, course = int(z_m / (3 * pitch)), int((theta % (2 * np.pi)) * radius / pitch)
    near = [(i, j) for i in (0, 1, -1, 2) for j in (0, 1, -1)]
    for number in rng.permutation(len(near))[: 1 + int(rng.poisson(5 * severity**2))]:
        row, column = course + near[number][0], first + near[number][1]
        at = ((row + 0.5) * pitch / radius, (column + 0.5 - 0.5 * (row % 2)) * 3 * pitch)
        inside = fade((64, 32)) * np.float32(9) - np.float32(4 - 2 * severity) + np.float32(1.2) * noise_cut(rng, "cloud", (64, 32), 1.5)
        open_wall(
            scene, rng, (float(at[0]), float(at[1])), (0.55 * pitch / radius, 1.6 * pitch), inside.astype(np.float32), 0.12 + 0.2 * severity
        )
    return theta


def collapse(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The crown has fallen in: a great hole, ground and shells on the floor."""
    radius = scene.radius_m
    theta = float(rng.normal(0, 0.35))
    halves = (0.55 + 0.85 * severity, radius * (0.5 + 0.9 * severity))
    _cracks_round(scene, rng, severity, (theta, z_m), (halves[0] * 0.9, halves[1] * 0.9))
    inside = torn_shape(rng, texels(scene, *halves, longest=192), 0.72, corners=int(rng.integers(8, 16)), rough=0.7)
    open_wall(scene, rng, (theta, z_m), halves, inside, 0.15 + 0.3 * severity)
    heap = radius * (0.12 + 0.55 * severity * rng.uniform(0.6, 1.1))
    ground = np.array(((0.24, 0.18, 0.12), (0.16, 0.13, 0.10), (0.36, 0.28, 0.19), (0.32, 0.31, 0.28))[int(rng.integers(4))])
    _add_heap(scene, rng, z_m, heap, ground)
    add_rubble(scene, rng, z_m, num=3 + int(5 * severity), code="RB", rgb=tuple(ground * 1.3), level=0.3 * heap / radius, size=0.10)
    lay_shards(scene, rng, 2 + int(2 * severity), z_m, size=0.18 + 0.2 * severity, height_m=heap * 0.8)
    for _ in range(int(rng.poisson(1.2 * severity))):
        place = (float(theta + rng.normal(0, 0.6)), z_m + float(rng.normal(0, 0.5)) * radius)
        hang_shell(scene, rng, 0.2 + 0.3 * severity * rng.random(), place, lean=float(rng.normal(0, 0.5)), drop=0.1 + 0.2 * severity)
    return theta


def _add_heap(scene: Scene, rng: np.random.Generator, z_m: float, height_m: float, ground: Grid) -> None:
    """Fallen earth and stones on the floor."""
    shape = (128, 96)
    colour, lumps = soil_look(rng, shape, ground)
    slope = np.clip(np.float32(1.3) * dome(shape) + np.float32(0.22) * noise_cut(rng, "cloud", shape, 0.9), 0, 1)
    height = slope * (1 + np.float32(0.25) * lumps) * np.float32(height_m) * fade(shape)
    grown = min(1.0, 0.35 + height_m / (0.45 * scene.radius_m))
    halves = (float(rng.uniform(0.7, 1.1)) * grown, scene.radius_m * float(rng.uniform(0.7, 1.6)) * grown)
    scene.mounds.append(
        Mound(float(np.pi + rng.normal(0, 0.15)), z_m, *halves, height.astype(np.float32), colour, bare_m=0.04 * height_m, code="RB")
    )


BREAKS: dict[str, Callable[[Scene, np.random.Generator, float, float], float]] = {
    "missing piece": missing_piece,
    "hanging shell": hanging_shell,
    "torn skin": torn_skin,
    "unwound spiral": unwound_spiral,
    "missing bricks": missing_bricks,
    "collapse": collapse,
}
_SHARES_RIGID = {
    "along": 3,
    "round": 3,
    "helical": 1.5,
    "web": 2,
    "pieces": 1.2,
    "displaced": 1.5,
    "missing piece": 2.5,
    "hanging shell": 1.5,
}
_SHARES_PLASTIC = {"along": 1.5, "round": 1.5, "displaced": 1, "missing piece": 1.5, "torn skin": 3, "unwound spiral": 2}


def paint_break(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add RB; returns the clock angle."""
    material = scene.materials[0]
    shares = dict(_SHARES_RIGID if material.rigid else _SHARES_PLASTIC)
    if material.rigid and rng.random() < 0.2:  # coated, sleeved or lined without looking so
        shares["torn skin"] = 4.0
    if material.pattern == "brick":
        shares["missing bricks"] = 5.0
    if severity > 0.35:
        shares["collapse"] = 1.5
    names = list(shares)
    # small damage is mostly a crack, gross damage mostly a break
    weights = np.array([share * (1.4 - severity if name in CRACKS else 0.4 + 1.6 * severity) for name, share in shares.items()])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return {**CRACKS, **BREAKS}[name](scene, rng, severity, z_m)
