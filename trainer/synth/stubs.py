"""The lateral's pipe itself: its bore seen through the mouth, and the length that stands into the lumen.

A stub is a tube with an oblique, perhaps broken end: outer skin, cut face and bore are each met where they still stand, the nearest
counts. Corrugation is true relief, found by one correction of the plain cylinder.
"""
# K chosen rays

from dataclasses import dataclass

import numpy as np

from trainer.synth.geometry import INSIDE, SOLID, clock_angle
from trainer.synth.scene import Branch
from trainer.synth.solids import directions, toward
from trainer.synth.surface import Places, Surface
from trainer.synth.texture import TILE, Grid, lookup, noise_tile

_ROUND = np.float32(TILE / (2 * np.pi))  # one tile round a lateral, so that its noise has no seam


@dataclass(frozen=True, slots=True)
class Bore:
    """A lateral with its frame (rows: along, round, outward) and the camera's position in it."""

    branch: Branch
    turn: Grid
    origin: Grid

    @property
    def end_rgb(self) -> Grid:
        """Colour of the cut end."""
        given = self.branch.end_rgb
        return np.array(given, np.float32) if given else np.minimum(np.array(self.branch.wall_rgb, np.float32) * 1.15 + 0.03, 0.95)


def over_clock(values: Grid | None, clock: Grid, default: float) -> Grid:
    """Values given round the lateral's clock (n,), interpolated at angles 0..2 pi."""
    if values is None:
        return np.full(clock.shape, default, np.float32)
    at = clock * np.float32(len(values) / (2 * np.pi))
    whole = np.floor(at)
    first = whole.astype(np.int32) % len(values)
    return np.asarray(values[first] + (at - whole) * (values[(first + 1) % len(values)] - values[first]))


def _roots(p: Grid, d: Grid, radius: Grid | np.float32) -> tuple[Grid, Grid, Grid]:
    """Centre and half chord of rays through an endless cylinder, and whether they meet it."""
    a = np.maximum(d[:, 0] * d[:, 0] + d[:, 1] * d[:, 1], np.float32(1e-6))
    b = d[:, 0] * p[0] + d[:, 1] * p[1]
    square = b * b - a * (p[0] * p[0] + p[1] * p[1] - radius * radius)
    return -b / a, np.sqrt(np.maximum(square, 0)) / a, square > 0


def far_root(p: Grid, d: Grid, radius: Grid | np.float32) -> tuple[Grid, Grid, Grid]:
    """Where rays leave a cylinder: range (negative where they pass it), depth along the axis, clock."""
    middle, half, met = _roots(p, d, radius)
    reach = np.where(met, middle + half, np.float32(-1))
    _, clock = clock_angle(p[0] + reach * d[:, 0], p[1] + reach * d[:, 1])
    return reach, p[2] + reach * d[:, 2], clock


def near_root(p: Grid, d: Grid, radius: Grid | np.float32) -> tuple[Grid, Grid, Grid]:
    """Where rays enter a cylinder: range (negative where they pass it), depth along the axis, clock."""
    middle, half, met = _roots(p, d, radius)
    reach = np.where(met, middle - half, np.float32(-1))
    _, clock = clock_angle(p[0] + reach * d[:, 0], p[1] + reach * d[:, 1])
    return reach, p[2] + reach * d[:, 2], clock


def _ribbed(branch: Branch, radius_m: float, depth: Grid) -> Grid:
    return np.asarray(np.float32(radius_m) + np.float32(branch.corrugation_m) * np.cos(depth * np.float32(2 * np.pi / branch.pitch_m)))


def bore_look(bore: Bore, d: Grid, enter: Grid, *, wide: float = 1.0) -> tuple[Grid, Grid, Grid]:
    """Range, depth and colour of the bore's far side, or of the lid that closes it."""
    branch = bore.branch
    p = bore.origin - np.array([*branch.offset_m, 0.0], np.float32)
    reach, depth, clock = far_root(p, d, np.float32(branch.radius_m * wide))
    if branch.pitch_m:
        reach, depth, clock = far_root(p, d, _ribbed(branch, branch.radius_m * wide, depth))
    tone = _skin_tone(branch, depth, clock)
    rgb = np.array(branch.inner_rgb or branch.wall_rgb, np.float32) * tone[:, None]
    if branch.closed_m:
        lid = np.float32(branch.closed_m - branch.stub_m)
        capped = depth > lid
        at = (lid - p[2]) / np.maximum(d[:, 2], np.float32(1e-3))
        reach, depth = np.where(capped, at, reach), np.where(capped, lid, depth)
        off = np.hypot(p[0] + at * d[:, 0], p[1] + at * d[:, 1]) / np.float32(branch.radius_m)
        ring = 1 - 0.45 * np.exp(-(((off - 0.72) * 12) ** 2)) - 0.25 * (off > 0.93)
        rgb[capped] = (np.array(branch.lid_rgb, np.float32) * (ring * tone)[:, None])[capped]
    return reach, depth, _soiled(branch, rgb, depth, clock)


def _skin_tone(branch: Branch, depth: Grid, clock: Grid) -> Grid:
    noise = lookup(noise_tile("cloud"), clock * _ROUND + np.float32(branch.noise_offset * 50), depth * 900, wrap=True)
    tone = 1 + np.float32(0.10 + 0.12 * branch.dirt) * noise
    if branch.pitch_m:  # the valleys hold the dirt
        tone = tone * (1 + np.float32(0.18) * np.cos(depth * np.float32(2 * np.pi / branch.pitch_m)))
    return np.clip(tone, 0.35, 1.6)


def _soiled(branch: Branch, rgb: Grid, depth: Grid, clock: Grid) -> Grid:
    if not branch.dirt:
        return rgb
    x, y = clock * _ROUND + np.float32(branch.noise_offset * 23), depth * 700
    noise = lookup(noise_tile("cloud"), x, y, wrap=True) + np.float32(0.5) * lookup(noise_tile("grain"), x * 3, y * 3, wrap=True)
    amount = np.clip(noise * np.float32(0.5) + np.float32(1.6 * branch.dirt - 0.8), 0, np.float32(0.9))[:, None]
    return np.asarray(rgb + amount * (np.array(branch.dirt_rgb, np.float32) - rgb))


def fill_bore(surface: Surface, bore: Bore, where: Places, d: Grid) -> None:
    """Water or dirt lying in the bore, a level surface in front of its far side."""
    branch = bore.branch
    up = bore.turn[:, 1].copy()
    up[2] = 0
    steep = float(np.linalg.norm(up))
    if not branch.fill or steep < 0.6:  # in a steep lateral nothing lies
        return
    up /= np.float32(steep)
    level = (
        np.float32((2 * branch.fill - 1) * branch.radius_m)
        + up[0] * np.float32(branch.offset_m[0])
        + up[1] * np.float32(branch.offset_m[1])
    )
    sink = d[:, 0] * up[0] + d[:, 1] * up[1]
    reach = (level - (bore.origin[0] * up[0] + bore.origin[1] * up[1])) / np.where(np.abs(sink) < 1e-4, np.float32(1e-4), sink)
    x, y, depth = (bore.origin[i] + reach * d[:, i] for i in range(3))
    off = np.hypot(x - np.float32(branch.offset_m[0]), y - np.float32(branch.offset_m[1]))
    wet = (sink < -0.01) & (reach > 0.02) & (reach < surface.hits.range_m.take(where)) & (depth > -branch.stub_m) & (off < branch.radius_m)
    wet &= (surface.hits.part.take(where) == INSIDE) & (depth > -0.25 * branch.radius_m)
    shown = np.flatnonzero(wet)
    at, reach, depth = where[shown], reach[shown], depth[shown]
    across = (x * up[1] - y * up[0])[shown]
    place = across * 2500 + np.float32(branch.noise_offset * 9), depth * 2500
    grain = lookup(noise_tile("cell"), *place, wrap=True) + lookup(noise_tile("cloud"), *place, wrap=True)
    shade = surface.shade.take(at)
    rgb = np.array(branch.fill_rgb, np.float32) * np.clip(1 + np.float32(0.2) * grain, 0.4, 1.6)[:, None]
    surface.cover(at, reach, rgb, part=INSIDE, gloss=0.5, code=branch.code)
    surface.shade.reshape(-1)[at] = np.maximum(shade, np.exp(-np.maximum(depth, 0) / np.float32(branch.dark * branch.radius_m)) * 0.8)
    surface.relief.reshape(-1)[at] = np.float32(0.08) * grain


def _end_depth(branch: Branch, radius_m: float, clock: Grid) -> Grid:
    """Depth (negative: in the lumen) at which the stub ends, over its clock."""
    slope = np.float32(branch.cut * radius_m) * np.cos(clock - np.float32(branch.cut_angle))
    return np.asarray(np.float32(-branch.stub_m) + slope + over_clock(branch.jag, clock, 0.0))


def add_stub(surface: Surface, bore: Bore, base: Grid) -> None:
    """The end of the lateral's pipe that stands in the lumen: bore, cut face and outer skin."""
    branch = bore.branch
    outer = branch.radius_m + branch.stub_thick_m
    slack = branch.cut * outer + branch.corrugation_m
    middle = base - bore.turn[2] * np.float32(branch.stub_m / 2)
    where = toward(surface, middle, float(np.hypot(outer + slack, branch.stub_m / 2 + slack + 0.02)))
    if not where.size:
        return
    d = directions(surface, where) @ bore.turn.T
    for add in (_add_bore, _add_face, _add_skin):
        add(surface, bore, where, d)


def _add_bore(surface: Surface, bore: Bore, where: Places, d: Grid) -> None:
    branch, wall = bore.branch, surface.hits.range_m.take(where)
    reach, depth, rgb = bore_look(bore, d, wall)
    _, _, clock = far_root(bore.origin, d, np.float32(branch.radius_m))
    short = (depth > _end_depth(branch, branch.radius_m, clock)) & (depth < 0.02 + branch.radius_m)
    met = np.flatnonzero(short & (reach > 0.02) & (reach < wall))
    if met.size:
        at = where[met]
        surface.cover(at, reach[met].astype(np.float32), rgb.take(met, axis=0), part=INSIDE, gloss=branch.gloss, code=branch.code)
        fade = np.exp(-np.maximum(depth[met] + np.float32(branch.stub_m), 0) / np.float32(branch.dark * branch.radius_m))
        surface.shade.reshape(-1)[at] = np.float32(0.9) * fade + np.float32(0.03)
        fill_bore(surface, bore, at, d.take(met, axis=0))


def _add_face(surface: Surface, bore: Bore, where: Places, d: Grid) -> None:
    branch, p = bore.branch, bore.origin
    lean_x, lean_y = np.float32(branch.cut * np.cos(branch.cut_angle)), np.float32(branch.cut * np.sin(branch.cut_angle))
    rate = d[:, 2] - lean_x * d[:, 0] - lean_y * d[:, 1]
    edge_on = np.abs(rate) < 2e-3
    rate = np.where(edge_on, np.float32(1e-3), rate)
    start = np.float32(-branch.stub_m) - p[2] + lean_x * p[0] + lean_y * p[1]
    reach, short = start / rate, np.zeros_like(rate)
    for _ in range(3):
        reach = (start + short) / rate
        off, clock = clock_angle(p[0] + reach * d[:, 0], p[1] + reach * d[:, 1])
        if branch.jag is None:
            break
        short = over_clock(branch.jag, clock, 0.0)
    on_face = (off >= branch.radius_m) & (off < branch.radius_m + branch.stub_thick_m) & ~edge_on
    met = np.flatnonzero(on_face & (reach > 0.02) & (reach < surface.hits.range_m.take(where)))
    if met.size:
        noise = lookup(noise_tile("grain"), clock[met] * _ROUND + np.float32(branch.noise_offset), off[met] * 2000, wrap=True)
        rgb = bore.end_rgb * np.clip(1 + np.float32(0.12) * noise, 0.5, 1.4)[:, None]
        surface.cover(where[met], reach[met].astype(np.float32), rgb, part=SOLID, gloss=0.1, code=branch.code)


def _add_skin(surface: Surface, bore: Bore, where: Places, d: Grid) -> None:
    branch, p = bore.branch, bore.origin
    outer = branch.radius_m + branch.stub_thick_m
    reach, depth, clock = near_root(p, d, np.float32(outer))
    if branch.pitch_m:
        reach, depth, clock = near_root(p, d, _ribbed(branch, outer, depth))
    stands = (depth > _end_depth(branch, outer, clock)) & (depth < 0.5 * outer)
    met = np.flatnonzero(stands & (reach > 0.02) & (reach < surface.hits.range_m.take(where)))
    if not met.size:
        return
    at, depth, clock = where[met], depth[met], clock[met]
    rgb = np.array(branch.wall_rgb, np.float32) * _skin_tone(branch, depth, clock)[:, None]
    surface.cover(at, reach[met].astype(np.float32), _soiled(branch, rgb, depth, clock), part=SOLID, gloss=branch.gloss, code=branch.code)
    fine = lookup(noise_tile("grain"), clock * _ROUND, depth * 1800, wrap=True)
    ribs = np.float32(0.5) * np.sin(depth * np.float32(2 * np.pi / branch.pitch_m)) if branch.pitch_m else np.float32(0)
    surface.relief.reshape(-1)[at] = np.float32(0.08 + 0.2 * branch.dirt) * fine + ribs
