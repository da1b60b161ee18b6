"""The picture before light: per pixel what is hit, its colour, gloss and relief, and which class it shows.

Walls are coloured here from their material; decals, fluids, bodies then overwrite pixels in order of depth.
"""
# C classes, H W pixels

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.geometry import FACE, GAP, WALL, Hits, Rays, wrap
from trainer.synth.materials import Material
from trainer.synth.scene import Decal, Scene
from trainer.synth.texture import TILE, Grid, NoiseKind, lookup, noise_tile, relief_tile

Selection = tuple[NDArray[np.intp], ...]


@dataclass(slots=True)
class Surface:
    """What each pixel sees. `relief` is the slope toward the camera used in shading; `shade` an extra factor (contact shadow)."""

    hits: Hits
    rays: Rays
    albedo: Grid
    gloss: Grid
    relief: Grid
    shade: Grid
    masks: NDArray[np.bool_]
    x_m: Grid
    y_m: Grid
    z_m: Grid

    def mark(self, code: str | None, where: tuple[NDArray[np.intp], ...] | NDArray[np.bool_]) -> None:
        """Say that pixels show `code`; None says nothing."""
        if code is not None:
            self.masks[taxonomy().index(code)][where] = True

    def cover(
        self, where: Selection, reach: Grid, rgb: Grid | tuple[float, float, float], *, part: int, gloss: float, code: str | None
    ) -> None:
        """Put an opaque body in front of what was there."""
        self.hits.range_m[where] = reach
        self.hits.part[where] = part
        self.albedo[where] = rgb
        self.gloss[where] = gloss
        self.relief[where] = 0
        self.shade[where] = 1
        self.masks[:, where[0], where[1]] = False
        self.place(where)
        self.mark(code, where)

    def place(self, where: Selection) -> None:
        """Positions of pixels from their range."""
        reach = self.hits.range_m[where]
        origin = self.rays.origin_m
        self.x_m[where] = origin[0] + reach * self.rays.x[where]
        self.y_m[where] = origin[1] + reach * self.rays.y[where]
        self.z_m[where] = origin[2] + reach * self.rays.z[where]


def paint_wall(scene: Scene, hits: Hits, rays: Rays) -> Surface:
    """Colour the bare pipe."""
    shape = hits.range_m.shape
    ones = np.ones(shape, np.float32)
    position = [np.float32(rays.origin_m[i]) + hits.range_m * (rays.x, rays.y, rays.z)[i] for i in range(3)]
    albedo, gloss, relief = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    present = np.flatnonzero(np.bincount(hits.material.reshape(-1)))
    for number in present:
        material = scene.materials[int(number)]
        colour, bump = _material_look(material, scene, hits, rays)
        if len(present) == 1:
            albedo, relief = colour, bump
            gloss[:] = material.gloss
        else:
            here = hits.material == number
            albedo[here], gloss[here], relief[here] = colour[here], material.gloss, bump[here]
    gloss += np.float32(scene.wetness * 0.5)
    _joint_look(hits, albedo, relief)
    masks = np.zeros((len(taxonomy()), *shape), np.bool_)
    return Surface(hits, rays, albedo, gloss, relief, ones, masks, *position)


def detail(hits: Hits, rays: Rays, wavelength_m: float) -> Grid:
    """How much of a texture of this wavelength survives at the pixel's footprint along the pipe, 0..1."""
    footprint = hits.range_m * hits.range_m * np.float32(rays.pixel_rad) / np.maximum(hits.radius_m, np.float32(0.02))
    return np.clip(np.float32(1.3) - footprint * np.float32(2.0 / wavelength_m), 0, 1)


def wall_noise(kind: NoiseKind, scene: Scene, hits: Hits, tile_m: float, shift: float) -> Grid:
    """Value and slope of noise anchored in the wall, (H, W, 2); `tile_m` is about the length of one tile."""
    return lookup(relief_tile(kind), *_wall_texels(scene, hits, tile_m, shift), wrap=True)


def wall_tone(kind: NoiseKind, scene: Scene, hits: Hits, tile_m: float, shift: float) -> Grid:
    """As `wall_noise`, the value alone, (H, W)."""
    return lookup(noise_tile(kind), *_wall_texels(scene, hits, tile_m, shift), wrap=True)


def _wall_texels(scene: Scene, hits: Hits, tile_m: float, shift: float) -> tuple[Grid, Grid]:
    tiles = max(1, round(2 * np.pi * scene.radius_m / tile_m))
    return hits.theta * np.float32(tiles * TILE / (2 * np.pi)), (hits.z_m + np.float32(scene.noise_offset + shift)) * np.float32(
        TILE / tile_m
    )


def _material_look(material: Material, scene: Scene, hits: Hits, rays: Rays) -> tuple[Grid, Grid]:
    cloud = wall_tone("cloud", scene, hits, 1.1, 0.0)
    grain = wall_noise("grain", scene, hits, 0.22, 3.1)
    fine = detail(hits, rays, 0.008)
    tone = 1 + np.float32(material.cloud * 0.7) * cloud + np.float32(material.grain) * grain[..., 0] * fine
    relief = np.float32(material.bump * 0.30) * grain[..., 1] * fine
    if material.cell:
        cell = wall_noise("cell", scene, hits, 0.30, 1.7)
        tone += np.float32(material.cell) * cell[..., 0] * fine
        relief += np.float32(material.cell * 0.7) * cell[..., 1] * fine
    streak = wall_tone("streak", scene, hits, 1.3, 5.3)
    tone += np.float32(material.streak + 0.02) * streak
    if material.hoop:
        tone += np.float32(material.hoop) * wall_tone("hoop", scene, hits, 0.5, 7.9) * fine
    if material.pattern != "plain":
        tone, relief = _pattern(material, hits, rays, tone, relief)
    colour = np.maximum(tone, np.float32(0.12))[..., None] * np.array(material.rgb, np.float32)
    return _stained(material, scene, colour, cloud + np.float32(0.9) * streak, hits), relief


def _stained(material: Material, scene: Scene, colour: Grid, cloud: Grid, hits: Hits) -> Grid:
    """Dirt lies in the invert, in clouds and in streaks along the flow, thicker at joints."""
    low = np.float32(-0.55) * np.cos(hits.theta + np.float32(material.stain_turn)) + np.float32(0.22) * cloud
    near_joint = _joint_dirt(scene, hits)
    amount = np.clip((low + near_joint) * np.float32(1.7) - np.float32(0.2), 0, 1) * np.float32(material.stain)
    return colour + amount[..., None] * (np.array(material.stain_rgb, np.float32) - colour)


def _joint_dirt(scene: Scene, hits: Hits) -> Grid:
    dirt, nearest = np.zeros_like(hits.z_m), float(hits.z_m.min())
    for joint in scene.joints:
        if 0 < joint.z_m - nearest < 12 * scene.radius_m:
            dirt += np.float32(0.5) * np.exp(np.abs(hits.z_m - np.float32(joint.z_m)) * np.float32(-7 / scene.radius_m))
    return dirt


def _pattern(material: Material, hits: Hits, rays: Rays, tone: Grid, relief: Grid) -> tuple[Grid, Grid]:
    fine = detail(hits, rays, material.pitch_m)
    if material.pattern == "ribs":
        phase = hits.z_m * np.float32(2 * np.pi / material.pitch_m)
        return tone + np.float32(0.18) * np.sin(phase) * fine, relief + np.float32(0.35) * np.cos(phase) * fine
    if material.pattern == "weave":
        weave = np.sin(hits.z_m * np.float32(420)) * np.sin(hits.theta * np.float32(60))
        return tone + np.float32(0.05) * weave * fine, relief
    course = hits.radius_m * hits.theta / np.float32(material.pitch_m)
    row = np.floor(course)
    along = hits.z_m / np.float32(3 * material.pitch_m) + np.float32(0.5) * np.mod(row, 2)
    mortar = np.maximum(np.abs(np.mod(course, 1) - 0.5), np.float32(0.5) - (np.float32(0.5) - np.abs(np.mod(along, 1) - 0.5)) * 2.2)
    joint = np.clip((mortar - np.float32(0.42)) * 16, 0, 1) * fine
    brick_tone = np.mod(np.sin(row * 12.9 + np.floor(along) * 78.2) * 43758.5, 1).astype(np.float32)
    return tone * (1 - joint * np.float32(0.35)) + (brick_tone - np.float32(0.5)) * np.float32(0.3) * (
        1 - joint
    ), relief - joint * np.float32(0.25)


def _joint_look(hits: Hits, albedo: Grid, relief: Grid) -> None:
    """Gaps are dark, end faces a little paler than the wall."""
    gap, face = hits.part == GAP, hits.part == FACE
    albedo[gap] *= np.float32(0.35)
    # an end face looks straight into the lamps; dirt hides most of it on sound joints
    around = hits.theta[face] * np.float32(TILE / (2 * np.pi))
    noise = lookup(noise_tile("cloud"), around, hits.z_m[face] * 997, wrap=True)
    fine = lookup(noise_tile("grain"), around * 2, hits.radius_m[face] * 900, wrap=True)
    albedo[face] *= np.clip(np.float32(0.6) + np.float32(0.22) * noise + np.float32(0.1) * fine, 0.15, 1.1)[:, None]
    relief[face] *= np.float32(0.5)


def paint_decal(surface: Surface, decal: Decal) -> None:
    """Lay a patch on the wall."""
    hits = surface.hits
    near_z = np.abs(hits.z_m - np.float32(decal.z_m)) < np.float32(decal.half_z_m)
    near_z &= (hits.part == WALL) | (hits.part == FACE) | (hits.part == GAP)
    where = np.nonzero(near_z)
    if not where[0].size:
        return
    u = wrap(hits.theta[where] - np.float32(decal.theta)) / np.float32(decal.half_theta)
    inside = np.abs(u) < 1
    where, u = (where[0][inside], where[1][inside]), u[inside]
    if not u.size:
        return
    v = (hits.z_m[where] - np.float32(decal.z_m)) / np.float32(decal.half_z_m)
    height, width = decal.alpha.shape
    x, y = (u * np.float32(0.5) + np.float32(0.5)) * (width - 1), (v * np.float32(0.5) + np.float32(0.5)) * (height - 1)
    alpha = lookup(decal.alpha, x, y)
    _blend(surface, decal, where, alpha, (x, y))
    if decal.code is not None:
        seen = lookup(decal.mask_alpha, x, y) if decal.mask_alpha is not None else alpha
        marked = seen > decal.mask_at
        surface.mark(decal.code, (where[0][marked], where[1][marked]))


def detail_at(surface: Surface, where: Selection, decal: Decal) -> Grid:
    """Fade of a decal's relief where its texels are far smaller than pixels."""
    reach = surface.hits.range_m[where]
    footprint = reach * reach * np.float32(surface.rays.pixel_rad) / np.maximum(surface.hits.radius_m[where], np.float32(0.02))
    texel = 2 * decal.half_z_m / decal.alpha.shape[0]
    return np.clip(np.float32(1.3) - footprint * np.float32(1 / (6 * texel)), 0, 1)


def _blend(surface: Surface, decal: Decal, where: Selection, alpha: Grid, at: tuple[Grid, Grid]) -> None:
    colour = lookup(decal.colour, *at) if isinstance(decal.colour, np.ndarray) else np.array(decal.colour, np.float32)
    below = surface.albedo[where]
    target = below * colour if decal.multiply else colour
    surface.albedo[where] = below + alpha[:, None] * (target - below)
    if decal.gloss:
        surface.gloss[where] += alpha * np.float32(decal.gloss)
    if decal.relief is not None:
        slope = np.clip(np.gradient(decal.relief, axis=0).astype(np.float32) * np.float32(decal.relief.shape[0] / 110), -0.55, 0.55)
        fresh = surface.relief[where] * (1 - np.float32(0.5) * alpha) + lookup(slope, *at) * alpha * detail_at(surface, where, decal)
        surface.relief[where] = fresh
