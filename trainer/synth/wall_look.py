"""The bare wall: material colour and relief, stains, joints in order, ribs and brick courses, all anchored in the pipe."""
# H W pixels

from collections.abc import Sequence

import cv2
import numpy as np

from trainer.synth.geometry import FACE, GAP, Hits, Rays
from trainer.synth.joint_look import along_the_pipe
from trainer.synth.materials import Material
from trainer.synth.scene import Ribs, Scene
from trainer.synth.surface import Surface
from trainer.synth.texture import TILE, Grid, at_least, coarse_tile, fine_tile, lookup, modulo, noise_tile, sample_tiles
from trainer.synth.weathering import weather

_COARSE_M = 1.1
_TURN = 2 * np.pi


def paint_wall(scene: Scene, hits: Hits, rays: Rays) -> Surface:
    """Colour the bare pipe."""
    footprint = hits.range_m * hits.range_m * np.float32(rays.pixel_rad) / at_least(hits.radius_m, 0.02)
    albedo, gloss, relief = _look(scene, hits, rays, footprint)
    gloss += np.float32(scene.wetness * 0.5)
    if scene.segments and any(s.part == "gap" for s in scene.segments):
        _paint_faces(hits, albedo, relief)
    return Surface(hits, rays, albedo, gloss, relief, np.ones_like(gloss), footprint)


def detail(footprint_m: Grid, wavelength_m: float) -> Grid:
    """How much of a texture of this wavelength survives at the pixel's footprint along the pipe, 0..1."""
    return np.asarray(np.clip(np.float32(1.3) - footprint_m * np.float32(2.0 / wavelength_m), 0, 1))


def _look(scene: Scene, hits: Hits, rays: Rays, footprint: Grid) -> tuple[Grid, Grid, Grid]:
    """Colour, gloss and relief; where several materials meet, each is made for all of the picture and cut out."""
    along = along_the_pipe(scene, hits, footprint, rays.origin_m[2])
    slow = _coarse(scene, hits)
    present = [n for n in range(len(scene.materials)) if len(scene.materials) == 1 or (hits.material == n).any()]
    albedo, relief = _material_look(scene.materials[present[0]], scene, hits, footprint, (slow, along))
    gloss = np.full_like(relief, scene.materials[present[0]].gloss)
    for number in present[1:]:
        here = np.asarray(hits.material == number, np.uint8)
        colour, bump = _material_look(scene.materials[number], scene, hits, footprint, (slow, along))
        cv2.copyTo(colour, here, albedo)
        cv2.copyTo(bump, here, relief)
        gloss[here.view(np.bool_)] = scene.materials[number].gloss
    return albedo, gloss, relief


def _material_look(
    material: Material, scene: Scene, hits: Hits, footprint: Grid, common: tuple[Sequence[Grid], tuple[Grid, ...] | None]
) -> tuple[Grid, Grid]:
    """Colour and relief; `common` to all materials are the slow noises and what is on the wall along the pipe."""
    (cloud, streak, hoop, blotch), along = common
    fine = detail(footprint, 0.008)
    grain, grain_slope, cell, cell_slope = _fine(scene, hits, material.grain_m, fine)
    speck = _mix((grain, material.grain), (cell, material.cell), (hoop, material.hoop))
    speck *= fine
    tone = _mix((cloud, material.cloud * 0.7), (streak, material.streak + 0.02))
    tone += speck
    tone += 1
    relief = _mix((grain_slope, material.bump * 0.30), (cell_slope, material.cell * 0.7))
    relief *= fine
    tone, relief = _patterned(material, scene, hits, footprint, tone, relief)
    dirt = _mix((cloud, 0.22), (streak, 0.20), (blotch, 0.10))
    turned = hits.theta + np.float32(material.stain_turn)
    np.cos(turned, out=turned)
    turned *= np.float32(0.55)
    dirt -= turned
    if along is not None:
        tone *= along[0]
        dirt += along[1]
        relief += along[3]
    dirt *= np.float32(1.7 * material.stain)
    dirt -= np.float32(0.2 * material.stain)
    stain = np.clip(dirt, 0, material.stain, out=dirt)
    colour = _coloured(material, scene, at_least(tone, 0.12), stain, None if along is None else along[2])
    return weather(material, scene, hits, colour), relief


def _coarse(scene: Scene, hits: Hits) -> Sequence[Grid]:
    """Slow noises, made at half the picture's size."""
    texels = _texels(scene, hits.theta[::2, ::2], hits.z_m[::2, ::2], _COARSE_M, 0.0)
    height, width = hits.z_m.shape
    return cv2.split(cv2.resize(sample_tiles([coarse_tile()], *texels)[0], (width, height), interpolation=cv2.INTER_LINEAR))


def _fine(scene: Scene, hits: Hits, tile_m: float, seen: Grid) -> Sequence[Grid]:
    """Quick noises; where none is `seen`, all pixels look up the same texel, which costs nothing."""
    near = (seen > 0).astype(np.float32)
    around, along = _texels(scene, hits.theta, hits.z_m, tile_m, 3.1)
    around *= near
    along *= near
    return cv2.split(sample_tiles([fine_tile()], around, along)[0])


def _mix(*layers: tuple[Grid, float]) -> Grid:
    """Sum of weighted layers; those without weight cost nothing."""
    used = [(layer, weight) for layer, weight in layers if weight]
    if not used:
        return np.zeros_like(layers[0][0])
    total: Grid = used[0][0] * np.float32(used[0][1])
    for layer, weight in used[1:]:
        total = cv2.scaleAdd(layer, weight, total, total)
    return total


def _coloured(material: Material, scene: Scene, tone: Grid, stain: Grid, pale: Grid | None) -> Grid:
    """(H, W, 3): the material's colour times tone, under the stain's, under that of mortar at joints."""
    shares, colours = [tone * (1 - stain), stain], [material.rgb, material.stain_rgb]
    if pale is not None and pale.any():
        pale = pale * np.clip(tone, 0.4, 1.4)
        clear = 1 - pale
        shares, colours = [*(share * clear for share in shares), pale], [*colours, scene.mortar_rgb]
    else:
        shares, colours = [*shares, np.zeros_like(tone)], [*colours, (0.0, 0.0, 0.0)]
    return np.asarray(cv2.transform(cv2.merge(shares), np.array(colours, np.float32).T))


def _texels(scene: Scene, theta: Grid, z_m: Grid, tile_m: float, shift: float) -> tuple[Grid, Grid]:
    """Places in a tile repeated a whole number of times round the pipe."""
    tiles = max(1, round(_TURN * scene.radius_m / tile_m))
    along = (z_m + np.float32(scene.noise_offset + shift)) * np.float32(TILE / 2 / tile_m)
    return theta * np.float32(tiles * TILE / 2 / _TURN), along


def _patterned(material: Material, scene: Scene, hits: Hits, footprint: Grid, tone: Grid, relief: Grid) -> tuple[Grid, Grid]:
    ribs = scene.ribs if material is scene.materials[0] else None
    if ribs is None and material.pattern == "ribs":
        ribs = Ribs(material.pitch_m, min(material.rib / 0.3, 1.0))
    if ribs is not None:
        return _ribbed(ribs, hits, footprint, tone, relief)
    if material.pattern == "weave":
        weave = np.sin(hits.z_m * np.float32(420)) * np.sin(hits.theta * np.float32(60))
        return tone + np.float32(0.05) * weave * detail(footprint, material.pitch_m), relief
    if material.pattern == "brick":
        courses = max(8, round(_TURN * scene.radius_m / material.pitch_m))
        brick, mortar = brick_courses(hits.theta * np.float32(courses / _TURN), hits.z_m * np.float32(1 / (3 * material.pitch_m)))
        mortar *= detail(footprint, material.pitch_m)
        return tone * (1 - mortar * np.float32(0.35)) + brick * np.float32(0.3) * (1 - mortar), relief - mortar * np.float32(0.25)
    return tone, relief


def _ribbed(ribs: Ribs, hits: Hits, footprint: Grid, tone: Grid, relief: Grid) -> tuple[Grid, Grid]:
    """Rings or spirals, from a table over one pitch; gone where a pixel spans half a pitch, before they beat with the pixels."""
    phase = hits.z_m * np.float32(1 / ribs.pitch_m)
    if ribs.starts:
        phase += hits.theta * np.float32(ribs.starts / _TURN)
    samples = lookup(_rib_table(ribs), modulo(phase, 1.0) * np.float32(64), np.zeros_like(phase))
    height, slope = cv2.split(samples)
    fine = detail(footprint, ribs.pitch_m) * np.float32(ribs.depth)
    return tone + np.float32(0.30) * height * fine, relief + np.float32(0.8) * slope * fine


def _rib_table(ribs: Ribs) -> Grid:
    phase = np.linspace(0, 1, 65)
    wave = np.cos(_TURN * phase) - np.cos(np.pi * ribs.duty)
    height = np.tanh(wave * (1 + 7 * ribs.sharp)) / np.tanh(1 + 7 * ribs.sharp)
    slope = np.gradient(height)
    return np.dstack([height, slope / (np.abs(slope).max() + 1e-6)]).astype(np.float32)


def brick_courses(course: Grid, along: Grid) -> tuple[Grid, Grid]:
    """Tone of each brick (-0.5..0.5) and mortar (0..1) at places counted in courses and in bricks along a course."""
    row = np.floor(course)
    shifted = along + np.float32(0.5) * modulo(row, 2.0)
    number = np.floor(shifted)
    across = np.abs(course - row - np.float32(0.5))
    ends = np.float32(0.5) - (np.float32(0.5) - np.abs(shifted - number - np.float32(0.5))) * np.float32(2.2)
    mortar = np.clip((np.maximum(across, ends) - np.float32(0.42)) * 16, 0, 1)
    place = modulo(row * np.float32(61) + np.float32(0.5), TILE), modulo(number * np.float32(37) + np.float32(0.5), TILE)
    tone = lookup(noise_tile("grain"), *place, wrap=True)
    return np.clip(tone * np.float32(0.3), -0.5, 0.5), mortar


def _paint_faces(hits: Hits, albedo: Grid, relief: Grid) -> None:
    """Gaps are dark, end faces a little paler than the wall."""
    flat, bumps = albedo.reshape(-1, 3), relief.reshape(-1)
    flat[np.flatnonzero(hits.part == GAP)] *= np.float32(0.35)
    face = np.flatnonzero(hits.part == FACE)
    if not face.size:
        return
    # an end face looks straight into the lamps; dirt hides most of it on sound joints
    around = hits.theta.reshape(-1)[face] * np.float32(TILE / _TURN)
    noise = lookup(noise_tile("cloud"), around, hits.z_m.reshape(-1)[face] * 997, wrap=True)
    fine = lookup(noise_tile("grain"), around * 2, hits.radius_m.reshape(-1)[face] * 900, wrap=True)
    flat[face] *= np.clip(np.float32(0.6) + np.float32(0.22) * noise + np.float32(0.1) * fine, 0.15, 1.1)[:, None]
    bumps[face] *= np.float32(0.5)
