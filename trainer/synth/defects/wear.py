"""OB, damage of the wall's surface: roughened, eaten, spalled, scoured, flaking; from a slight loss of gloss to bare stones.

Each kind is a change of tone, colour and relief inside a soft ragged field, in the wall's own colours unless chemistry says otherwise.
Rough but sound concrete is harmless, so damage is made rougher than the wall it lies on, whatever that wall is.
"""

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.corrosion import corrosion, lost_mortar, reinforcement, tubercles
from trainer.synth.defects.damage_field import aged_rgb, lay_damage, place_field, soft_field
from trainer.synth.defects.patches import fade, mixed, noise_cut, stone_cut, texels, tinted, torn_shape, wall_rgb
from trainer.synth.scene import Scene


def roughened(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The cement skin has gone: sandy, matt, a little uneven."""
    place = place_field(scene, rng, severity, z_m)
    alpha = soft_field(scene, rng, place, severity)
    grain, cloud = noise_cut(rng, "grain", alpha.shape, 1.0), noise_cut(rng, "cloud", alpha.shape, 1.6)
    material = scene.materials[0]
    strength = np.float32(0.6 + 0.6 * severity + material.bump + 1.5 * (material.grain + material.cell))  # rougher than the sound wall
    tone = 1 + strength * (np.float32(0.20) * grain + np.float32(0.13) * cloud)
    relief = strength * (np.float32(0.45) * grain + np.float32(0.35) * cloud)
    return lay_damage(scene, place, alpha * np.float32(0.55 + 0.4 * severity), tinted(aged_rgb(scene, rng), tone), relief, seen=alpha)


def aggregate(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Stones of the concrete laid bare, fine to coarse; some have fallen out."""
    place = place_field(scene, rng, severity, z_m)
    alpha = soft_field(scene, rng, place, severity)
    tone, height = stone_cut(rng, alpha.shape, rng.uniform(0.7, 1.6), coarse=float(np.clip(rng.normal(severity, 0.3), 0, 1)))
    bare = np.clip(
        alpha * np.float32(1.5) - np.float32(0.3) * (1 - height) + np.float32(0.2) * noise_cut(rng, "cloud", alpha.shape, 1.0), 0, 1
    )
    material = scene.materials[0]
    contrast = np.float32((0.06 + 0.22 * severity) * rng.uniform(0.5, 1.2) + 0.5 * (material.grain + material.cell))
    matrix = np.float32(0.85) + np.float32(0.2) * height + np.float32(0.10) * noise_cut(rng, "grain", alpha.shape)
    base = aged_rgb(scene, rng)
    stone = np.clip(
        base * np.array((1.1, 1.0, 0.88), np.float32) ** np.float32(rng.uniform(-1, 1.5)), 0, 0.95
    )  # of another colour than its paste
    colour = tinted(mixed(base, stone, height), (1 + contrast * tone) * matrix)
    return lay_damage(
        scene, place, bare * alpha**0.5 * np.float32(0.6 + 0.4 * severity), colour, np.float32(0.5 + 1.0 * severity) * height, seen=alpha
    )


def spalls(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Shallow pieces broken off the surface, rough inside, with a shadowed edge."""
    centre = place_field(scene, rng, severity * 0.6, z_m)
    for _ in range(1 + int(rng.poisson(0.5 + 4 * severity))):
        size = 0.09 + 0.55 * severity * rng.random()
        theta, z = centre[0] + rng.normal(0, 0.15 + 0.4 * severity), z_m + rng.normal(0, 0.2 + 0.8 * severity) * scene.radius_m
        place = (float(theta), float(z), size, size * scene.radius_m * float(rng.uniform(0.6, 1.8)))
        shape = texels(scene, place[2], place[3], longest=112)
        inside = torn_shape(rng, shape, 0.68, corners=int(rng.integers(7, 16)), rough=0.6)
        alpha = np.clip(inside * np.float32(0.5) + np.float32(0.5), 0, 1) * fade(shape)
        tone, height = stone_cut(rng, shape, rng.uniform(1.0, 2.5), coarse=float(rng.random()))
        deep = np.clip(inside / np.float32(0.10 * max(shape)), 0, 1)
        shade = (np.float32(0.8) + np.float32(0.2) * deep) * (
            1 + np.float32(0.14) * tone + np.float32(0.12) * noise_cut(rng, "grain", shape)
        )
        relief = np.float32(-1.6) * deep + np.float32(0.8) * height * deep
        lay_damage(
            scene, place, alpha * np.float32(0.7 + 0.3 * severity), tinted(aged_rgb(scene, rng, 0.6, 1.15), shade), relief, seen=alpha
        )
    return centre[0]


def scoured(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The invert worn by what the water carries: a long channel of bare stones with a ragged bank."""
    half_theta = 0.45 + 0.7 * severity * rng.uniform(0.7, 1.2)
    place = (float(np.pi + rng.normal(0, 0.12)), z_m, float(half_theta), scene.radius_m * float(rng.uniform(2.0, 3.5) * (1 + severity)))
    shape = (256, 96)
    across = np.abs(np.linspace(-1, 1, 96, dtype=np.float32))[None, :]
    bank = (
        np.float32(0.72)
        + np.float32(0.10) * noise_cut(rng, "cloud", (256, 1), 1.0)
        + np.float32(0.06) * noise_cut(rng, "cloud", shape, 2.0)
    )
    inside = bank - across
    alpha = np.clip(inside * np.float32(9), 0, 1) * fade(shape)
    tone, height = stone_cut(rng, shape, rng.uniform(0.6, 1.4), coarse=float(severity))
    shade = (1 + np.float32(0.05 + 0.2 * severity) * tone) * (np.float32(0.8) + np.float32(0.25) * height)
    edge = np.exp(-((inside * np.float32(14)) ** 2)) * np.float32(0.35)
    colour = tinted(aged_rgb(scene, rng, 0.55, 1.0), shade * (1 - edge))
    relief = np.float32(0.5 + severity) * height
    return lay_damage(scene, place, alpha * np.float32(0.6 + 0.4 * severity), colour, relief, seen=alpha)


def flaking(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """A skin that comes off in plates; the ground under it is darker or paler, the plates' edges stand up."""
    place = place_field(scene, rng, severity, z_m)
    field = soft_field(scene, rng, place, severity, softness=1.2)
    ragged = noise_cut(rng, "cloud", field.shape, rng.uniform(0.9, 1.8)) + np.float32(0.30) * noise_cut(rng, "grain", field.shape)
    gone = np.clip((ragged * np.float32(0.35) + field * np.float32(1.2) - np.float32(0.65)) * np.float32(8), 0, 1)
    rise = cv2.GaussianBlur(gone, (0, 0), 1.3)
    lip = np.clip(rise * (1 - gone) * np.float32(4), 0, 1)
    ground = aged_rgb(scene, rng, 0.45, 0.8) if rng.random() < 0.6 else aged_rgb(scene, rng, 1.15, 1.5)
    colour = tinted(ground, 1 + np.float32(0.16) * noise_cut(rng, "grain", field.shape))
    colour = mixed(colour, wall_rgb(scene) * np.float32(1.3), lip * np.float32(0.7))
    cover = np.clip(gone + lip * np.float32(0.6), 0, 1) * fade(field.shape, all_round=place[2] > 3)
    return lay_damage(scene, place, cover * np.float32(0.6 + 0.35 * severity), colour, np.float32(-1.6) * rise, seen=cover)


def pitting(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Many small pits, scattered and in groups."""
    place = place_field(scene, rng, severity, z_m)
    alpha = soft_field(scene, rng, place, severity)
    tone, height = stone_cut(rng, alpha.shape, rng.uniform(0.8, 1.6), coarse=0.3 * severity * float(rng.random()))
    pits = np.clip((tone - np.float32(0.5 - 0.8 * severity)) * 2, 0, 1) * np.clip(height * np.float32(1.8), 0, 1) * np.clip(alpha * 2, 0, 1)
    colour = tinted(aged_rgb(scene, rng, 0.8, 1.05), np.float32(1) - np.float32(rng.uniform(0.25, 0.7)) * pits)
    cover = np.maximum(pits, alpha * np.float32(0.1))
    near = cv2.GaussianBlur(pits, (0, 0), 3) * np.float32(3)
    return lay_damage(scene, place, cover * np.float32(0.6 + 0.4 * severity), colour, np.float32(-2.2) * pits, seen=np.clip(near, 0, 1))


def grooves(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Wide deep grooves along the pipe, cut by a cleaning head or a dragged tool."""
    place = place_field(scene, rng, severity, z_m)
    place = (place[0], z_m, min(place[2], 0.8), scene.radius_m * float(rng.uniform(1.2, 2.2) * (1 + severity)))
    shape = (192, 96)
    columns, rows = np.arange(96, dtype=np.float32)[None, :], np.linspace(-1, 1, 192, dtype=np.float32)[:, None]
    deep = np.zeros(shape, np.float32)
    for _ in range(int(rng.integers(2, 4 + int(6 * severity)))):
        wide = np.float32(rng.uniform(1.2, 2.5) + 2.5 * severity * rng.random())
        line = rng.uniform(10, 86) + rng.normal(0, 6) * rows + np.float32(rng.uniform(0.3, 2)) * noise_cut(rng, "cloud", (192, 1), 0.7)
        extent = np.clip(np.float32(4) * (np.float32(rng.uniform(0.4, 0.95)) - np.abs(rows - np.float32(rng.uniform(-0.4, 0.4)))), 0, 1)
        deep = np.maximum(deep, np.clip(1.3 - np.abs(columns - line) / wide, 0, 1).astype(np.float32) * extent)
    deep *= np.clip(1 + np.float32(0.35) * noise_cut(rng, "cloud", shape, 1.5), 0, 1) * fade(shape)
    side = np.clip(
        np.asarray(np.gradient(deep, axis=1)) * np.float32(2 * rng.choice([-1, 1])), -0.6, 0.6
    )  # light comes a little from one side
    colour = tinted(aged_rgb(scene, rng, 0.8, 1.1), np.clip(np.float32(1) - np.float32(0.55) * deep + side, 0.1, 1.7))
    return lay_damage(
        scene, place, np.clip(deep * 2, 0, 1) * np.float32(0.65 + 0.35 * severity), colour, np.float32(-1.5) * deep, seen=deep
    )


WEAR: dict[str, Callable[[Scene, np.random.Generator, float, float], float]] = {
    "roughened": roughened,
    "aggregate": aggregate,
    "spalls": spalls,
    "corrosion": corrosion,
    "tubercles": tubercles,
    "scoured": scoured,
    "reinforcement": reinforcement,
    "flaking": flaking,
    "pitting": pitting,
    "grooves": grooves,
    "lost mortar": lost_mortar,
}
_SHARES = {"roughened": 2.0, "spalls": 1.5, "corrosion": 2.0, "scoured": 1.5, "flaking": 1.2, "pitting": 1.2, "grooves": 0.7}
_CEMENT = {"aggregate": 3.0, "reinforcement": 1.0}
_METAL = {"tubercles": 4.0}


def paint_surface_damage(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add OB; returns the clock angle."""
    material = scene.materials[0]
    shares = dict(_SHARES)
    if "concrete" in material.name:
        shares |= _CEMENT
    if "iron" in material.name:
        shares |= _METAL
    if material.pattern == "brick":
        shares["lost mortar"] = 4.0
    if not material.rigid:
        shares = {"roughened": 1.0, "flaking": 1.5, "pitting": 1.0, "grooves": 2.5, "corrosion": 0.5}
    names, weights = list(shares), np.array(list(shares.values()))
    if severity > 0.55 and rng.random() < 0.5:  # gross damage is seldom of one kind
        other = names[int(rng.choice(len(names), p=weights / weights.sum()))]
        WEAR[other](scene, rng, 0.75 * severity, z_m * float(rng.uniform(0.85, 1.2)))
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return WEAR[name](scene, rng, severity, z_m)
