"""From scene and camera to a Surface: wall, decals, laterals, fluids, bodies and cut-outs, in order of depth."""

import numpy as np
from numpy.typing import NDArray

from trainer.synth.fluids import add_fluid
from trainer.synth.geometry import FACE, Camera, RadiusAt, cast_rays, deform_delta, egg_radius, trace_wall, wrap
from trainer.synth.openings import add_branch
from trainer.synth.scene import FAR_RADII, Band, Decal, Scene, Segment
from trainer.synth.solids import add_curtain, add_solid
from trainer.synth.surface import Surface, paint_decal, paint_wall
from trainer.synth.texture import Grid, lookup


def trace_scene(scene: Scene, camera: Camera, size: tuple[int, int]) -> Surface:
    """What each pixel of an image of `size` (height, width) sees."""
    rays = cast_rays(camera, size)
    hits = trace_wall(scene, rays, lambda segment: _radius_at(scene, segment, camera.position_m[2]))
    surface = paint_wall(scene, hits, rays)
    surface.shade[hits.range_m >= np.float32(FAR_RADII * scene.radius_m)] = 0
    near, far = camera.position_m[2], camera.position_m[2] + FAR_RADII * scene.radius_m
    for deform in scene.deforms:
        _mark_deform(surface, scene, deform_delta(deform, hits.theta, hits.z_m), deform.code)
    for decal in scene.decals:
        if decal.z_m + decal.half_z_m > near - scene.radius_m and decal.z_m - decal.half_z_m < far:
            paint_decal(surface, decal)
    for band in scene.bands:
        if near - 1 < band.end_m and band.start_m < far:
            _mark_band(surface, band)
    for branch in sorted(scene.branches, key=lambda b: -b.z_m):
        if near - 1 < branch.z_m < far:
            add_branch(scene, surface, branch)
    for fluid in scene.fluids:
        add_fluid(scene, surface, fluid)
    for solid in scene.solids:
        if near - 0.5 < solid.centre_m[2] < far:
            add_solid(surface, solid)
    for curtain in sorted(scene.curtains, key=lambda c: -c.z_m):
        if near < curtain.z_m < far:
            add_curtain(surface, curtain)
    return surface


def _radius_at(scene: Scene, segment: Segment, camera_z_m: float) -> RadiusAt | None:
    """The segment's radius as a function of angle and distance; None where it is a plain circle."""
    start = max(segment.start_m, camera_z_m - 2 * scene.radius_m)
    end = min(segment.end_m, camera_z_m + 20 * scene.radius_m)
    deforms = [d for d in scene.deforms if d.z_m + d.half_z_m > start and d.z_m - d.half_z_m < end]
    lifts = [d for d in scene.decals if d.lift_m and d.z_m + d.half_z_m > start and d.z_m - d.half_z_m < end]
    if not (deforms or lifts or scene.egg):
        return None

    def radius_at(theta: Grid, z_m: Grid) -> Grid:
        radius = egg_radius(theta, segment.radius_m, scene.egg) if scene.egg else np.full_like(theta, segment.radius_m)
        for deform in deforms:
            radius = radius + deform_delta(deform, theta, z_m)
        for decal in lifts:
            _add_lift(radius, decal, theta, z_m)
        return np.maximum(radius, np.float32(0.15 * segment.radius_m))

    return radius_at


def _add_lift(radius: Grid, decal: Decal, theta: Grid, z_m: Grid) -> None:
    where = np.nonzero(np.abs(z_m - np.float32(decal.z_m)) < np.float32(decal.half_z_m))[0]
    u = wrap(theta[where] - np.float32(decal.theta)) / np.float32(decal.half_theta)
    inside = np.abs(u) < 1
    where, u = where[inside], u[inside]
    if not u.size:
        return
    v = (z_m[where] - np.float32(decal.z_m)) / np.float32(decal.half_z_m)
    shape = decal.relief if decal.relief is not None and decal.lift_m > 0 else decal.alpha
    height, width = shape.shape
    peak = max(float(shape.max()), 1e-3)
    radius[where] -= np.float32(decal.lift_m / peak) * lookup(shape, (u * 0.5 + 0.5) * (width - 1), (v * 0.5 + 0.5) * (height - 1))


def _mark_deform(surface: Surface, scene: Scene, delta: Grid, code: str | None) -> None:
    where: NDArray[np.bool_] = np.abs(delta) > np.float32(0.05 * scene.radius_m)
    surface.mark(code, where & (surface.hits.part <= FACE))


def _mark_band(surface: Surface, band: Band) -> None:
    hits = surface.hits
    where = (hits.z_m >= np.float32(band.start_m)) & (hits.z_m <= np.float32(band.end_m)) & (hits.part <= FACE)
    if band.half_theta < np.pi:
        where &= np.abs(wrap(hits.theta - np.float32(band.theta))) < band.half_theta
    surface.mark(band.code, where)
