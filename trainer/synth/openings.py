"""Laterals: the opening in the wall, the inside seen through it, the collar round it and the stub that stands in."""

import numpy as np

from trainer.synth.geometry import INSIDE, SOLID, wrap
from trainer.synth.scene import Branch, Scene
from trainer.synth.solids import directions, dot, toward
from trainer.synth.surface import Selection, Surface
from trainer.synth.texture import TILE, Grid, lookup, noise_tile


def branch_axis(branch: Branch) -> Grid:
    """Unit direction from the pipe into the lateral."""
    out = np.array([np.sin(branch.theta), np.cos(branch.theta), 0.0]) * np.cos(branch.lean)
    return np.asarray(out + np.array([0.0, 0.0, np.sin(branch.lean)]))


def add_branch(scene: Scene, surface: Surface, branch: Branch) -> None:
    """Open the wall where a lateral enters, show its inside, and the collar and stub round it."""
    axis = branch_axis(branch).astype(np.float32)
    base = np.array([np.sin(branch.theta) * scene.radius_m, np.cos(branch.theta) * scene.radius_m, branch.z_m], np.float32)
    reach_out = branch.radius_m * 2.5 + branch.rim_m + branch.stub_m + branch.stub_thick_m
    hits = surface.hits
    near = (np.abs(hits.z_m - np.float32(branch.z_m)) < np.float32(reach_out + 0.05)) & (hits.part < INSIDE)
    where = np.nonzero(near)
    if where[0].size:
        off = _from_axis(surface, where, base, axis)
        edge = branch.radius_m * (1 + branch.ragged * _rim_noise(surface, where, branch))
        side = np.abs(wrap(hits.theta[where] - np.float32(branch.theta))) < np.float32(1.5)
        _paint_rim(surface, branch, where, (off - edge) * np.where(side, 1, 1e3).astype(np.float32))
        opening = (off < edge) & side
        _show_inside(surface, branch, (where[0][opening], where[1][opening]), base, axis)
    if branch.stub_m > 0:
        _add_stub(surface, branch, base, axis)


def _from_axis(surface: Surface, where: Selection, base: Grid, axis: Grid) -> Grid:
    px, py, pz = surface.x_m[where] - base[0], surface.y_m[where] - base[1], surface.z_m[where] - base[2]
    along = px * axis[0] + py * axis[1] + pz * axis[2]
    return np.asarray(np.sqrt(np.maximum(px * px + py * py + pz * pz - along * along, 0)))


def _rim_noise(surface: Surface, where: Selection, branch: Branch) -> Grid:
    u = wrap(surface.hits.theta[where] - np.float32(branch.theta)) * surface.hits.radius_m[where]
    v = surface.hits.z_m[where] - np.float32(branch.z_m)
    angle = np.arctan2(u, v)
    at = np.float32(TILE / 2) + np.float32(70) * np.cos(angle), np.float32(branch.noise_offset * 97) + np.float32(70) * np.sin(angle)
    return np.clip(lookup(noise_tile("cloud"), *at, wrap=True) * np.float32(0.5), -1, 1)


def _paint_rim(surface: Surface, branch: Branch, where: Selection, beyond: Grid) -> None:
    rough = 1 + branch.rim_ragged * _rim_noise(surface, where, branch) * 1.6 if branch.rim_ragged else np.ones_like(beyond)
    width = np.maximum(np.float32(branch.rim_m) * rough, np.float32(0.002))
    rim = (beyond < width) & (beyond > -0.2)
    at = (where[0][rim], where[1][rim])
    strength = np.clip((width[rim] - beyond[rim]) / np.float32(0.004), 0, 1)[:, None]
    below = surface.albedo[at]
    mottle = 1 + np.float32(0.25 + 0.3 * branch.rim_ragged) * surface.relief[at][:, None]
    surface.albedo[at] = below + strength * (np.array(branch.rim_rgb, np.float32) * np.clip(mottle, 0.5, 1.5) - below)
    surface.relief[at] += np.float32(0.12) * np.sin(np.clip(beyond[rim] / np.maximum(width[rim], 1e-4), 0, 1) * np.float32(np.pi))
    surface.mark(branch.code, at)


def _show_inside(surface: Surface, branch: Branch, where: Selection, base: Grid, axis: Grid) -> None:
    """Follow rays through the opening to the lateral's own wall."""
    if not where[0].size:
        return
    d = directions(surface, where)
    p = np.array(surface.rays.origin_m, np.float32) - base
    d_along, p_along = d @ axis, np.float32(p @ axis)
    d_off, p_off = d - d_along[:, None] * axis, p - p_along * axis
    a = np.maximum(dot(d_off, d_off), np.float32(1e-6))
    b, c = d_off @ p_off, np.float32(p_off @ p_off) - np.float32((branch.radius_m * 1.02) ** 2)
    reach = (-b + np.sqrt(np.maximum(b * b - a * c, 0))) / a
    depth = p_along + reach * d_along
    lid = np.float32(branch.closed_m if branch.closed_m else 1e3)
    capped = depth > lid
    reach = np.where(capped, (lid - p_along) / np.maximum(d_along, np.float32(1e-4)), reach)
    reach = np.clip(reach, surface.hits.range_m[where], surface.hits.range_m[where] + np.float32(8 * branch.radius_m)).astype(np.float32)
    depth = np.clip(np.minimum(depth, lid), 0, None)
    spot = p_off + reach[:, None] * d_off
    noise = lookup(noise_tile("cloud"), spot[:, 0] * 900 + spot[:, 1] * 700 + branch.noise_offset * 50, depth * 900, wrap=True)
    tone = np.clip(1 + np.float32(0.15) * noise, 0.4, 1.6)
    if branch.ribs:
        tone *= 1 + np.float32(0.3) * np.sin(depth * np.float32(2 * np.pi / 0.02))
    rgb = np.array(branch.wall_rgb, np.float32) * tone[:, None]
    if branch.flow_rgb is not None:
        lowest = spot[:, 1] < np.float32(-0.75 * branch.radius_m)
        rgb[lowest] = np.array(branch.flow_rgb, np.float32)
    surface.cover(where, reach, rgb, part=INSIDE, gloss=0.1, code=branch.code)
    surface.shade[where] = np.float32(0.85) * np.exp(-depth / np.float32(0.9 * branch.radius_m)) + np.float32(0.03)
    surface.shade[where] *= np.where(depth < np.float32(0.012), np.float32(1.15), np.float32(1.0))


def _add_stub(surface: Surface, branch: Branch, base: Grid, axis: Grid) -> None:
    """The end of a lateral that stands into the pipe: outer wall, cut end, and its inside seen through the end."""
    outer = branch.radius_m + branch.stub_thick_m
    where = toward(surface, base - axis * np.float32(branch.stub_m / 2), float(np.hypot(outer, branch.stub_m / 2 + 0.02)))
    p = np.array(surface.rays.origin_m, np.float32) - base
    d = directions(surface, where)
    d_along, p_along = d @ axis, np.float32(p @ axis)
    d_off, p_off = d - d_along[:, None] * axis, p - p_along * axis
    a, b, c = np.maximum(dot(d_off, d_off), np.float32(1e-6)), d_off @ p_off, np.float32(p_off @ p_off)
    wall_reach = surface.hits.range_m[where]
    end_reach = (np.float32(-branch.stub_m) - p_along) / np.where(np.abs(d_along) < 1e-4, np.float32(1e-4), d_along)
    end_off = np.sqrt(np.maximum(c + 2 * end_reach * b + end_reach * end_reach * a, 0))
    facing = (d_along > 0) & (end_reach > 0.01) & (end_reach < wall_reach)
    rgb = np.array(branch.wall_rgb, np.float32)

    inner = facing & (end_off < branch.radius_m)
    at = (where[0][inner], where[1][inner])
    root = b[inner] ** 2 - a[inner] * (c - np.float32(branch.radius_m**2))
    reach = (-b[inner] + np.sqrt(np.maximum(root, 0))) / a[inner]
    depth = p_along + reach * d_along[inner] + np.float32(branch.stub_m)
    reach = np.clip(reach, end_reach[inner], end_reach[inner] + np.float32(8 * branch.radius_m)).astype(np.float32)
    surface.cover(at, reach, rgb * np.float32(0.9), part=INSIDE, gloss=0.1, code=branch.code)
    surface.shade[at] = np.exp(-np.clip(depth, 0, None) / np.float32(branch.radius_m)) * np.float32(0.85) + np.float32(0.03)

    cut = facing & (end_off >= branch.radius_m) & (end_off < outer)
    surface.cover(
        (where[0][cut], where[1][cut]), end_reach[cut], np.minimum(rgb * 1.15 + 0.03, 0.95), part=SOLID, gloss=0.1, code=branch.code
    )

    root = b * b - a * (c - np.float32(outer**2))
    reach = (-b - np.sqrt(np.maximum(root, 0))) / a
    along = p_along + reach * d_along
    side = (root > 0) & (reach > 0.01) & (reach < surface.hits.range_m[where]) & (along > -branch.stub_m) & (along < 0.02)
    at = (where[0][side], where[1][side])
    mottle = 1 + np.float32(0.08) * lookup(noise_tile("cloud"), surface.hits.theta[at] * 300, along[side] * 900, wrap=True)
    if branch.ribs:
        mottle = mottle + np.float32(0.25) * np.sin(along[side] * np.float32(2 * np.pi / 0.02))
    surface.cover(at, reach[side], rgb * mottle[:, None], part=SOLID, gloss=0.15, code=branch.code)
