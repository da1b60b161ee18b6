"""From scene and camera to a Surface: wall, decals, laterals, fluids, bodies and cut-outs, in order of depth."""

import numpy as np
from numpy.typing import NDArray

from trainer.synth.chamber import add_chamber
from trainer.synth.decals import paint_decal
from trainer.synth.fluids import add_fluid
from trainer.synth.geometry import FACE, Camera, cast_rays, deform_delta, wrap
from trainer.synth.mounds import add_mound
from trainer.synth.openings import add_branch
from trainer.synth.scene import FAR_RADII, Band, Deform, Scene
from trainer.synth.sheets import add_sheet
from trainer.synth.solids import add_curtain, add_solid
from trainer.synth.surface import Surface
from trainer.synth.wall_look import paint_wall
from trainer.synth.walls import trace_wall


def trace_scene(scene: Scene, camera: Camera, size: tuple[int, int]) -> Surface:
    """What each pixel of an image of `size` (height, width) sees."""
    rays = cast_rays(camera, size)
    hits = trace_wall(scene, rays)
    surface = paint_wall(scene, hits, rays)
    surface.shade[hits.range_m >= np.float32(FAR_RADII * scene.radius_m)] = 0
    near, far = camera.position_m[2], camera.position_m[2] + FAR_RADII * scene.radius_m
    for deform in scene.deforms:
        if deform.code is not None and near < deform.z_m + deform.half_z_m and deform.z_m - deform.half_z_m < far:
            _mark_deform(surface, scene, deform)
    for decal in scene.decals:
        if decal.z_m + decal.half_z_m > near - scene.radius_m and decal.z_m - decal.half_z_m < far:
            paint_decal(surface, decal)
    for band in scene.bands:
        if near - 1 < band.end_m and band.start_m < far:
            _mark_band(surface, band)
    for mound in scene.mounds:
        if near - scene.radius_m < mound.z_m + mound.half_z_m and mound.z_m - mound.half_z_m < far:
            add_mound(scene, surface, mound)
    for branch in sorted(scene.branches, key=lambda b: -b.z_m):
        if near - 1 < branch.z_m < far:
            add_branch(scene, surface, branch)
    for chamber in scene.chambers:
        if near - 10 < chamber.z_m < far:
            add_chamber(scene, surface, chamber)
    for fluid in scene.fluids:
        add_fluid(scene, surface, fluid)
    for solid in scene.solids:
        if near - 0.5 < solid.centre_m[2] < far:
            add_solid(surface, solid)
    for sheet in scene.sheets:
        if near - 1 < sheet.z_m < far:
            add_sheet(surface, sheet)
    for curtain in sorted(scene.curtains, key=lambda c: -c.z_m):
        if near < curtain.z_m < far:
            add_curtain(surface, curtain)
    return surface


def _mark_deform(surface: Surface, scene: Scene, deform: Deform) -> None:
    hits = surface.hits
    delta = deform_delta(deform, hits.theta, hits.z_m)
    where: NDArray[np.bool_] = np.abs(delta) > np.float32(0.05 * scene.radius_m)
    surface.mark(deform.code, where & (hits.part <= FACE))


def _mark_band(surface: Surface, band: Band) -> None:
    hits = surface.hits
    where = (hits.z_m >= np.float32(band.start_m)) & (hits.z_m <= np.float32(band.end_m)) & (hits.part <= FACE)
    if band.half_theta < np.pi:
        where &= np.abs(wrap(hits.theta - np.float32(band.theta))) < band.half_theta
    surface.mark(band.code, where)
