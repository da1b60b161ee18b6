"""Laterals: the hole in the wall, the ring round it, and what is seen through it: soil, the end of the lateral's pipe, its inside.

Everything is met in the lateral's own frame: first axis roughly along the pipe, second round it, third outward along the lateral.
"""
# K chosen rays

from typing import NamedTuple

import cv2
import numpy as np

from trainer.synth.geometry import INSIDE, egg_radius, wrap
from trainer.synth.scene import Branch, Scene
from trainer.synth.solids import directions
from trainer.synth.stubs import Bore, add_stub, bore_look, far_root, fill_bore, over_clock
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import Grid, lookup, noise_tile


class Wall(NamedTuple):
    """Wall pixels near a lateral: which, their distance from its axis and their clock round it."""

    where: Places
    off_m: Grid
    clock: Grid


def wall_point(scene: Scene, theta: float, z_m: float) -> Grid:
    """The point of the wall at an angle and chainage, (3,), dents and lumps apart."""
    segment = next((s for s in scene.segments if s.start_m <= z_m <= s.end_m), None)
    radius, (x, y) = (segment.radius_m, segment.centre_xy) if segment else (scene.radius_m, (0.0, 0.0))
    if scene.egg:
        radius = float(egg_radius(np.array([theta], np.float32), radius, scene.egg)[0])
    return np.array([x + np.sin(theta) * radius, y + np.cos(theta) * radius, z_m], np.float32)


def branch_frame(branch: Branch) -> Grid:
    """Rows are the lateral's axes in pipe coordinates: along, round, outward; (3, 3)."""
    out, round_ = np.array([np.sin(branch.theta), np.cos(branch.theta), 0]), np.array([np.cos(branch.theta), -np.sin(branch.theta), 0])
    axis = (out * np.cos(branch.skew) + round_ * np.sin(branch.skew)) * np.cos(branch.lean) + np.array([0, 0, np.sin(branch.lean)])
    along = np.array([0, 0, 1.0]) - axis[2] * axis
    along /= np.linalg.norm(along)
    return np.stack([along, np.cross(axis, along), axis]).astype(np.float32)


def add_branch(scene: Scene, surface: Surface, branch: Branch) -> None:
    """Open the wall where a lateral enters, show its inside, and the ring and stub round it."""
    base, turn = wall_point(scene, branch.theta, branch.z_m), branch_frame(branch)
    wall = _wall_near(surface, branch, base, turn)
    bore = Bore(branch, turn, turn @ (np.array(surface.rays.origin_m, np.float32) - base))
    if wall.where.size:
        edge = (branch.hole_m or branch.radius_m) * over_clock(branch.outline, wall.clock, 1.0)
        beyond = np.asarray(wall.off_m - edge)
        _paint_ring(surface, branch, wall, beyond)
        _show_inside(surface, bore, wall.where[np.flatnonzero(beyond < 0)])
    if branch.stub_m > 0:
        add_stub(surface, bore, base)


def _wall_near(surface: Surface, branch: Branch, base: Grid, turn: Grid) -> Wall:
    hits = surface.hits
    widest = float(branch.outline.max()) if branch.outline is not None else 1.0
    reach = max(branch.hole_m, branch.radius_m) * widest * 1.5 / max(np.cos(branch.lean), 0.5) + 2.5 * branch.rim_m + 0.5 * branch.radius_m
    near = (np.abs(hits.z_m - np.float32(branch.z_m)) < np.float32(reach)) & (hits.part < INSIDE)
    where = np.flatnonzero(near)
    where = where[np.flatnonzero(np.abs(wrap(hits.theta.take(where) - np.float32(branch.theta))) < np.float32(1.5))]
    seen = (axis - at for axis, at in zip(surface.position_of(where), base, strict=True))
    point = np.stack(list(seen), axis=1) @ turn.T
    if not len(point):
        return Wall(where, np.zeros(0, np.float32), np.zeros(0, np.float32))
    off, clock = cv2.cartToPolar(np.ascontiguousarray(point[:, 0]), np.ascontiguousarray(point[:, 1]))
    return Wall(where, off.reshape(-1), clock.reshape(-1))


def _paint_ring(surface: Surface, branch: Branch, wall: Wall, beyond: Grid) -> None:
    """The ring of seal, mortar or rounded edge, and the soft shadow that a stub throws about its base."""
    if branch.stub_m > 0:
        gap = (wall.off_m - np.float32(branch.radius_m)) * np.float32(1 / (0.6 * branch.radius_m))
        close = np.flatnonzero((gap > 0) & (gap < 1))
        surface.shade.reshape(-1)[wall.where[close]] *= np.float32(0.45) + np.float32(0.55) * gap[close]
    if not branch.rim_m:
        return
    near = np.flatnonzero((beyond >= 0) & (beyond < np.float32(branch.rim_m * (1 + 3 * branch.rim_ragged))))
    beyond, clock = beyond[near], wall.clock[near]
    rough = np.float32(branch.rim_ragged) * _clock_noise(branch, clock) if branch.rim_ragged else np.zeros_like(beyond)
    width = np.maximum(np.float32(branch.rim_m) * (1 + rough), np.float32(0.1 * branch.rim_m))
    rim = np.flatnonzero(beyond < width)
    at = wall.where[near[rim]]
    share = beyond[rim] / width[rim]
    strength = np.clip((1 - share) * 8, 0, 1)[:, None]
    mottle = np.clip(1 + np.float32(0.25 + 0.3 * branch.rim_ragged) * surface.relief.take(at), 0.5, 1.5)[:, None]
    below = surface.albedo.reshape(-1, 3).take(at, axis=0)
    surface.paint(at, below + strength * (np.array(branch.rim_rgb, np.float32) * mottle - below))
    surface.relief.reshape(-1)[at] += np.float32(0.22) * np.cos(share * np.float32(np.pi))
    surface.mark(branch.code, at)


def _clock_noise(branch: Branch, clock: Grid) -> Grid:
    x = np.float32(256 + branch.noise_offset * 31) + np.float32(60) * np.cos(clock)
    return lookup(noise_tile("cloud"), x, np.float32(256) + np.float32(60) * np.sin(clock), wrap=True)


def _show_inside(surface: Surface, bore: Bore, where: Places) -> None:
    """Follow rays through the hole: to its side, to what lies behind it, or into the lateral's bore."""
    if not where.size:
        return
    branch = bore.branch
    d = directions(surface, where) @ bore.turn.T
    enter = surface.hits.range_m.take(where)
    reach, depth, rgb = bore_look(bore, d, enter, wide=1.02)
    shade = np.float32(0.9) * np.exp(-np.maximum(depth + np.float32(branch.stub_m), 0) / np.float32(branch.dark * branch.radius_m))
    if branch.hole_m > branch.radius_m:
        _behind_hole(bore, d, enter, (reach, rgb, shade))
    reach = np.clip(reach, enter, enter + np.float32(9 * branch.radius_m))  # also where a ragged hole is wider than the bore
    surface.cover(where, reach.astype(np.float32), rgb, part=INSIDE, gloss=0.1, code=branch.code)
    surface.shade.reshape(-1)[where] = np.maximum(shade, 0) + np.float32(0.03)
    fill_bore(surface, bore, where, d)


def _behind_hole(bore: Bore, d: Grid, enter: Grid, seen: tuple[Grid, Grid, Grid]) -> None:
    """Overwrite range, colour and shade where a ray meets the hole's side, the soil behind it or the end of the lateral's pipe."""
    branch, (reach, rgb, shade) = bore.branch, seen
    side, depth, clock = far_root(bore.origin, d, np.float32(branch.hole_m))
    for _ in range(2 if branch.outline is not None else 0):
        side, depth, clock = far_root(bore.origin, d, branch.hole_m * over_clock(branch.outline, clock, 1.0))
    plane = (np.float32(branch.recess_m) - bore.origin[2]) / np.maximum(d[:, 2], np.float32(1e-3))
    x, y = bore.origin[0] + plane * d[:, 0], bore.origin[1] + plane * d[:, 1]
    off = np.hypot(x - np.float32(branch.offset_m[0]), y - np.float32(branch.offset_m[1]))
    on_side = (depth < np.float32(branch.recess_m)) | (d[:, 2] < 1e-3)
    outer = np.float32(branch.radius_m + branch.stub_thick_m)
    on_end = ~on_side & (off >= np.float32(branch.radius_m)) & (off < outer)
    on_soil = ~on_side & (off >= outer)
    grain = np.clip(1 + np.float32(0.3) * lookup(noise_tile("grain"), clock * 80 + branch.noise_offset, depth * 3000, wrap=True), 0.3, 1.8)
    # fresh fracture is paler than the dirty wall, the ground behind it is dark
    fresh = np.clip(1 - depth / np.float32(0.35 * branch.recess_m + 0.006), 0, 1)[:, None]
    soil = np.array(branch.soil_rgb, np.float32)
    broken = soil + fresh * (np.array(branch.rim_rgb, np.float32) - soil)
    rgb[on_side] = (broken * grain[:, None])[on_side]
    rgb[on_soil] = (soil * grain[:, None])[on_soil]
    rgb[on_end] = bore.end_rgb
    reach[on_side] = np.maximum(side, enter)[on_side]
    flat = on_end | on_soil
    reach[flat] = np.maximum(plane, enter)[flat]
    shade[on_side] = 0.9 - 0.35 * np.clip(depth / max(branch.recess_m, 1e-3), 0, 1)[on_side]
    shade[on_soil], shade[on_end] = 0.45, 0.75
