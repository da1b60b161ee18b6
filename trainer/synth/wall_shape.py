"""The wall of one segment as a radius over angle and chainage: its section, and the dents and lumps that change it."""
# K points

from dataclasses import dataclass

import numpy as np

from trainer.synth.geometry import deform_bounds, deform_delta, look_up_section, section_table, wrap
from trainer.synth.scene import Decal, Deform, Scene, Segment
from trainer.synth.texture import Grid, lookup


@dataclass(frozen=True, slots=True)
class Lump:
    """A dent or a lifted patch: where it is, and how far it comes in and goes out at most, metres."""

    source: Deform | Decal
    z_m: float
    half_z_m: float
    theta: float
    half_theta: float
    inward_m: float
    outward_m: float


@dataclass(frozen=True, slots=True)
class WallShape:
    """A wall that is no plain circle; without lumps it lies between `narrow_m` and `wide_m` from the axis."""

    radius_m: float
    table: Grid | None
    lumps: tuple[Lump, ...]
    narrow_m: float
    wide_m: float

    @property
    def inner_m(self) -> float:
        """No lump comes nearer to the axis; more than two on top of each other are not expected."""
        return max(self.narrow_m - sum(sorted(lump.inward_m for lump in self.lumps)[-2:]), 0.14 * self.radius_m)

    @property
    def outer_m(self) -> float:
        """Nothing of the wall is further out."""
        return self.wide_m + sum(sorted(lump.outward_m for lump in self.lumps)[-2:])

    def radius_at(self, theta: Grid, z_m: Grid) -> Grid:
        """Radius in metres at angles and chainages (K,)."""
        if self.table is None:
            radius = np.full_like(theta, self.radius_m)
        else:
            radius = np.float32(self.radius_m) * look_up_section(self.table, theta)
        for lump in self.lumps:
            if isinstance(lump.source, Deform):
                radius += deform_delta(lump.source, theta, z_m)
            else:
                _add_lift(radius, lump.source, theta, z_m)
        return np.maximum(radius, np.float32(0.15 * self.radius_m)) if self.lumps else radius


def wall_shape(scene: Scene, segment: Segment, camera_z_m: float) -> WallShape | None:
    """The segment's shape as far as the camera can tell it; None where it is a plain circle."""
    start = max(segment.start_m, camera_z_m - 3 * scene.radius_m)
    end = min(segment.end_m, camera_z_m + 20 * scene.radius_m)
    sources: list[Deform | Decal] = [*scene.deforms, *(d for d in scene.decals if d.lift_m)]
    lumps = tuple(_lump(s) for s in sources if s.z_m + s.half_z_m > start and s.z_m - s.half_z_m < end)
    table = section_table(scene.section, scene.egg) if scene.egg or scene.section else None
    if table is None and not lumps:
        return None
    radius = segment.radius_m
    narrow, wide = (radius, radius) if table is None else (radius * float(table.min()) * 0.999, radius * float(table.max()) * 1.001)
    return WallShape(radius, table, lumps, narrow, wide)


def _lump(source: Deform | Decal) -> Lump:
    if isinstance(source, Deform):
        inward, outward = deform_bounds(source)
        half = np.pi if source.oval_m else source.dent_half_theta
        return Lump(source, source.z_m, source.half_z_m, source.theta, half, inward, outward)
    return Lump(source, source.z_m, source.half_z_m, source.theta, source.half_theta, max(source.lift_m, 0.0), max(-source.lift_m, 0.0))


def _add_lift(radius: Grid, decal: Decal, theta: Grid, z_m: Grid) -> None:
    v = (z_m - np.float32(decal.z_m)) * np.float32(1 / decal.half_z_m)
    u = wrap(theta - np.float32(decal.theta)) * np.float32(1 / decal.half_theta)
    where = np.flatnonzero((np.abs(v) < 1) & (np.abs(u) < 1))
    if not where.size:
        return
    u, v = u[where], v[where]
    shape = decal.relief if decal.relief is not None and decal.lift_m > 0 else decal.alpha
    height, width = shape.shape
    peak = max(float(shape.max()), 1e-3)
    half = np.float32(0.5)
    radius[where] -= np.float32(decal.lift_m / peak) * lookup(shape, (u * half + half) * (width - 1), (v * half + half) * (height - 1))
