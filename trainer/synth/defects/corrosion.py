"""OB, chemical damage: crusty bloom, knobs of rust, bare reinforcement, washed-out mortar."""

import cv2
import numpy as np

from trainer.synth.defects.damage_field import aged_rgb, lay_damage, place_field, soft_field
from trainer.synth.defects.patches import mixed, noise_cut, stone_cut, tinted
from trainer.synth.scene import Scene

_BLOOMS = ((0.80, 0.78, 0.72), (0.72, 0.64, 0.40), (0.46, 0.30, 0.14), (0.62, 0.42, 0.20), (0.40, 0.42, 0.30))
_RUST = np.array((0.36, 0.17, 0.07), np.float32)


def corrosion(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Crusty bloom where acid has turned the cement to pulp: white, yellow, brown, worst at the crown."""
    place = place_field(scene, rng, severity, z_m)
    if rng.random() < 0.5 and place[2] < 3:
        place = (float(rng.normal(0, 0.4)), *place[1:])
    alpha = soft_field(scene, rng, place, severity, softness=0.9)
    cloud, grain = noise_cut(rng, "cloud", alpha.shape, rng.uniform(1.2, 2.0)), noise_cut(rng, "grain", alpha.shape)
    crust = np.clip(np.float32(0.5) + np.float32(0.5) * cloud + np.float32(0.25) * grain, 0, 1) * alpha
    first, second = (np.array(_BLOOMS[int(i)], np.float32) for i in rng.integers(0, len(_BLOOMS), 2))
    blend = np.clip(np.float32(0.5) + np.float32(0.6) * noise_cut(rng, "cloud", alpha.shape, 0.6), 0, 1)
    colour = tinted(mixed(first, second, blend), 1 + np.float32(0.12) * grain + np.float32(0.10) * cloud)
    relief = np.float32(0.4 + 1.0 * severity) * (crust + np.float32(0.35) * grain)
    return lay_damage(scene, place, crust * np.float32(0.5 + 0.45 * severity), colour, relief, seen=np.sqrt(crust) * alpha)


def tubercles(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Knobs of rust, each with a brown run below it."""
    place = place_field(scene, rng, severity, z_m)
    alpha = soft_field(scene, rng, place, severity)
    tone, height = stone_cut(rng, alpha.shape, rng.uniform(0.7, 1.4), coarse=0.4 + 0.4 * float(rng.random()))
    knobs = np.clip((tone + np.float32(1.2 * severity - 0.5)) * np.float32(1.2), 0, 1) * height * alpha
    knobs = cv2.GaussianBlur(knobs, (0, 0), 1.2)
    stain = cv2.GaussianBlur(knobs, (0, 0), 5) * np.float32(1.2)
    warm = np.array(((0.42, 0.20, 0.08), (0.52, 0.28, 0.10), (0.24, 0.13, 0.08))[int(rng.integers(3))], np.float32)
    shade = np.float32(0.75) + np.float32(0.6) * knobs + np.float32(0.18) * noise_cut(rng, "grain", alpha.shape)
    cover = np.clip(np.maximum(knobs * np.float32(1.5), stain), 0, 1)
    return lay_damage(scene, place, cover * np.float32(0.65 + 0.3 * severity), tinted(warm, shade), np.float32(3.0) * knobs, seen=cover)


def reinforcement(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """The cover has come off the steel: rusty bars, round or along or both, in broken concrete."""
    place = place_field(scene, rng, severity, z_m)
    alpha = soft_field(scene, rng, place, severity, softness=0.25)
    shape = alpha.shape
    rows, columns = (np.arange(side, dtype=np.float32) for side in shape)
    pitch, bar = rng.uniform(14, 34), 1.0 + 1.8 * severity
    bend = np.float32(2.0) * noise_cut(rng, "cloud", shape, 0.2)
    round_bars = np.abs(np.mod(rows[:, None] + bend, np.float32(pitch)) - np.float32(pitch / 2))
    along_bars = np.abs(np.mod(columns[None, :] + bend, np.float32(pitch * 1.3)) - np.float32(pitch * 0.65))
    kind = int(rng.integers(3))
    nearest = (round_bars, along_bars, np.minimum(round_bars, along_bars))[kind]
    laid_bare = np.clip(noise_cut(rng, "cloud", shape, 0.8) + np.float32(rng.uniform(-0.3, 0.8) + 0.4 * severity), 0, 1)
    bars = np.clip(np.float32(bar) - nearest + np.float32(0.5), 0, 1) * laid_bare
    stain = np.exp(-nearest * np.float32(0.18)) * np.float32(0.55)
    tone, height = stone_cut(rng, shape, 1.2, coarse=0.4)
    ground = tinted(aged_rgb(scene, rng, 0.55, 1.0), (1 + np.float32(0.13) * tone) * (np.float32(0.8) + np.float32(0.2) * height))
    steel = tinted(_RUST * np.float32(rng.uniform(0.35, 1.1)), 1 + np.float32(0.25) * noise_cut(rng, "grain", shape))
    colour = mixed(mixed(ground, _RUST, stain * laid_bare), steel, bars)
    relief = np.float32(0.8) * height + np.float32(2.5) * bars
    return lay_damage(scene, place, alpha * np.float32(0.6 + 0.4 * severity), colour, relief, seen=alpha)


def lost_mortar(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Joints of a brick wall washed out, some bricks worn back."""
    place = place_field(scene, rng, 0.3 + 0.7 * severity, z_m)
    alpha = soft_field(scene, rng, place, severity, softness=0.5)
    pitch = scene.materials[0].pitch_m
    rows = np.linspace(place[1] - place[3], place[1] + place[3], alpha.shape[0], dtype=np.float32)[:, None]
    angles = np.mod(np.linspace(place[0] - place[2], place[0] + place[2], alpha.shape[1]), 2 * np.pi).astype(np.float32)[None, :]
    course = angles * np.float32(scene.radius_m / pitch)
    along = rows / np.float32(3 * pitch) + np.float32(0.5) * np.mod(np.floor(course), 2)
    bed = np.float32(0.5) - np.abs(np.mod(course, 1) - np.float32(0.5))
    head = (np.float32(0.5) - np.abs(np.mod(along, 1) - np.float32(0.5))) * 3
    wide = np.float32(0.07 + 0.10 * severity) * np.clip(1 + np.float32(0.5) * noise_cut(rng, "cloud", alpha.shape, 1.4), 0.1, 2)
    gone = np.clip((wide - np.minimum(bed, head)) * np.float32(12), 0, 1) * alpha
    dark = tinted(aged_rgb(scene, rng, 0.12, 0.3), 1 + np.float32(0.2) * noise_cut(rng, "grain", alpha.shape))
    near = np.clip(cv2.GaussianBlur(gone, (0, 0), 2.0) * 2, 0, 1)
    return lay_damage(scene, place, gone * np.float32(0.75 + 0.25 * severity), dark, np.float32(-2.0) * gone, seen=near)
