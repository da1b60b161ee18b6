"""Which point of the wall each ray meets.

The pipe is a row of segments, each with its own centre and radius, so a displaced joint is a real step: a ray that leaves one segment
outside the next one's cross-section hits the ring between them. A plain segment is a cylinder, met exactly. Sections other than the
circle, dents, lumps and bends are found by a search along the ray, done only for the rays that can touch them.
"""
# K rays still under way

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainer.synth.bend import axis_offset
from trainer.synth.crossing import Beyond, first_crossing
from trainer.synth.geometry import FACE, GAP, WALL, Hits, Rays, clock_angle, wrap
from trainer.synth.scene import FAR_RADII, Bend, Decal, Scene, Segment
from trainer.synth.texture import Grid, at_least, lookup
from trainer.synth.wall_shape import Lump, WallShape, wall_shape

Found = tuple[Grid, Grid, Grid, Grid]  # range, angle, chainage, radius
_DENT_SAMPLES, _LUMP_SAMPLES, _LUMP_STEPS = 5, 8, 3  # dents are smooth
_DIRECTIONS, _SECTION_STEPS = 1024, 6
_BEND_SAMPLES, _BEND_STEPS = 14, 7


@dataclass(frozen=True, slots=True)
class _Way:
    """Rays still under way: their directions (K,), where they start and their pixels; `index` None stands for all of the picture."""

    x: Grid
    y: Grid
    z: Grid
    origin_m: tuple[float, float, float]
    index: NDArray[np.intp] | None = None

    def only(self, chosen: NDArray[np.intp]) -> "_Way":
        """Some of the rays, by their places among these."""
        index = chosen if self.index is None else self.index.take(chosen)
        return _Way(self.x.take(chosen), self.y.take(chosen), self.z.take(chosen), self.origin_m, index)


class _Quadratic:
    """Distances from an axis along z: where rays (K,) reach a given radius."""

    def __init__(self, way: _Way, centre_xy: tuple[float, float]) -> None:
        self.px, self.py = np.float32(way.origin_m[0] - centre_xy[0]), np.float32(way.origin_m[1] - centre_xy[1])
        self.a = at_least(way.x * way.x + way.y * way.y, 1e-6)
        self.b = self.px * way.x + self.py * way.y
        self.start = float(self.px * self.px + self.py * self.py)

    def reach(self, radius_m: float) -> Grid:
        """Metres along the ray to the far side of a cylinder; 0 where the ray passes beside it."""
        reach = self.b * self.b
        reach -= self.a * np.float32(self.start - radius_m * radius_m)
        reach = at_least(reach, 0)
        np.sqrt(reach, out=reach)
        reach -= self.b
        reach /= self.a
        return at_least(reach, 0)


def trace_wall(scene: Scene, rays: Rays) -> Hits:
    """First wall point along every ray."""
    far_m = FAR_RADII * scene.radius_m
    hits = Hits(*(np.empty(rays.x.shape, np.float32 if i < 4 else np.uint8) for i in range(6)))
    way = _Way(rays.x.reshape(-1), rays.y.reshape(-1), rays.z.reshape(-1), rays.origin_m)
    ahead = [s for s in scene.segments if s.end_m > rays.origin_m[2] and s.start_m < rays.origin_m[2] + far_m]
    for segment, following in zip(ahead, [*ahead[1:], None], strict=True):
        found = _meet(scene, segment, way)
        beyond = np.flatnonzero(found[2] >= np.float32(segment.end_m)) if following else np.zeros(0, np.intp)
        _store(hits, way, found, GAP if segment.part == "gap" else WALL, segment)
        if following is None or not beyond.size:
            break
        way = way.only(beyond)
        on_face, face = _meet_face(scene, following, way)
        met = np.flatnonzero(on_face)
        if met.size:
            reach, theta, z, radius = face
            _store(hits, way.only(met), (reach.take(met), theta.take(met), z.take(met), radius.take(met)), FACE, following)
            way = way.only(np.flatnonzero(~on_face))
        if not way.x.size:
            break
    hits.range_m[hits.range_m <= 0] = far_m  # from a chamber, past the very edge of the mouth: no wall is met, and it is dark there
    np.minimum(hits.range_m, np.float32(far_m * 1.5), out=hits.range_m)
    return hits


def _meet(scene: Scene, segment: Segment, way: _Way) -> Found:
    shape = wall_shape(scene, segment, way.origin_m[2])
    quadratic = _Quadratic(way, segment.centre_xy)
    reach = quadratic.reach(segment.radius_m) if shape is None else _meet_shape(shape, quadratic, way, segment.end_m)
    if scene.bend is not None and segment.end_m > scene.bend.start_m:
        return _round_the_bend(scene.bend, shape, quadratic, way, reach, FAR_RADII * scene.radius_m)
    return _points(quadratic, way, reach)


def _points(quadratic: _Quadratic, way: _Way, reach: Grid) -> Found:
    radius, theta = clock_angle(quadratic.px + reach * way.x, quadratic.py + reach * way.y)
    return reach, theta, np.float32(way.origin_m[2]) + reach * way.z, radius


def _meet_shape(shape: WallShape, quadratic: _Quadratic, way: _Way, end_m: float) -> Grid:
    """The section first, which is convex; then the lumps, for the rays that may touch one."""
    reach = quadratic.reach(shape.radius_m) if shape.table is None else _meet_section(shape, quadratic, way)
    if shape.lumps:
        _meet_lumps(shape, quadratic, way, reach, end_m)
    return reach


def _meet_lumps(shape: WallShape, quadratic: _Quadratic, way: _Way, reach: Grid, end_m: float) -> None:
    """Shorten or lengthen `reach` for the rays that meet a dent or a lump."""
    inner, some = _near_lumps(shape.lumps, quadratic.reach(shape.inner_m), way, reach, end_m)
    if some.size:
        part = way.only(some)
        line = _Quadratic(part, (way.origin_m[0] - float(quadratic.px), way.origin_m[1] - float(quadratic.py)))
        touched = np.flatnonzero(_may_touch(shape.lumps, _points(line, part, inner), _points(line, part, reach[some])))
        if not touched.size:
            return
        inner, some, part = inner[touched], some[touched], part.only(touched)
        line = _Quadratic(part, (way.origin_m[0] - float(quadratic.px), way.origin_m[1] - float(quadratic.py)))
        samples = _LUMP_SAMPLES if any(isinstance(lump.source, Decal) for lump in shape.lumps) else _DENT_SAMPLES
        far = line.reach(shape.outer_m)
        reach[some] = first_crossing(_beyond(shape, line, part), inner, far, samples=samples, steps=_LUMP_STEPS)


def _near_lumps(lumps: tuple[Lump, ...], inner: Grid, way: _Way, reach: Grid, end_m: float) -> tuple[Grid, NDArray[np.intp]]:
    """Rays that pass the lumps' chainages before the segment ends, and where they come to the narrowest place."""
    start, stop = np.float32(way.origin_m[2]) + inner * way.z, np.float32(way.origin_m[2]) + reach * way.z
    low, high = np.minimum(start, stop), np.maximum(start, stop)
    near = (high > np.float32(min(lump.z_m - lump.half_z_m for lump in lumps))) & (start < np.float32(end_m))
    near &= low < np.float32(max(lump.z_m + lump.half_z_m for lump in lumps))
    some = np.flatnonzero(near)
    return inner[some], some


def _meet_section(shape: WallShape, quadratic: _Quadratic, way: _Way) -> Grid:
    """Where rays meet an endless section: the way across it depends on a ray's clock direction alone, so it is solved for these."""
    bare = replace(shape, lumps=())
    if way.x.size < 3 * _DIRECTIONS:
        near, far = quadratic.reach(shape.narrow_m), quadratic.reach(shape.wide_m)
        return first_crossing(_beyond(bare, quadratic, way), near, far, samples=1, steps=_SECTION_STEPS)
    turns = np.linspace(0, 2 * np.pi, _DIRECTIONS + 1, dtype=np.float32)
    origin = (float(quadratic.px), float(quadratic.py), 0.0)
    fan = _Way(np.sin(turns), np.cos(turns), np.zeros_like(turns), origin)
    line = _Quadratic(fan, (0.0, 0.0))
    across = first_crossing(_beyond(bare, line, fan), line.reach(shape.narrow_m), line.reach(shape.wide_m), samples=1, steps=_SECTION_STEPS)
    length, turn = clock_angle(way.x, way.y)
    turn *= np.float32(_DIRECTIONS / (2 * np.pi))
    return np.asarray(lookup(across[None, :], turn, np.zeros_like(turn)) / at_least(length, 1e-3))


def _beyond(shape: WallShape, quadratic: _Quadratic, way: _Way) -> Beyond:
    def beyond(reach: Grid) -> Grid:
        _, theta, z, radius = _points(quadratic, way, reach)
        return np.asarray(radius - shape.radius_at(theta, z))

    return beyond


def _may_touch(lumps: tuple[Lump, ...], inner: Found, outer: Found) -> NDArray[np.bool_]:
    """Rays whose way between the narrowest place and the wall crosses a lump's chainages and angles."""
    low, high = np.minimum(inner[2], outer[2]), np.maximum(inner[2], outer[2])
    turn = np.abs(wrap(outer[1] - inner[1]))
    touched = np.zeros(low.shape, np.bool_)
    for lump in lumps:
        near = (high > np.float32(lump.z_m - lump.half_z_m)) & (low < np.float32(lump.z_m + lump.half_z_m))
        if lump.half_theta < np.pi:
            near &= np.abs(wrap(outer[1] - np.float32(lump.theta))) < turn + np.float32(lump.half_theta)
        touched |= near
    return touched


def _round_the_bend(bend: Bend, shape: WallShape | None, quadratic: _Quadratic, way: _Way, reach: Grid, far_m: float) -> Found:
    """Correct the rays that come past the start of the bend: there the centre moves with the chainage."""
    found = _points(quadratic, way, reach)
    some = np.flatnonzero(found[2] > np.float32(bend.start_m))
    if not some.size:
        return found
    part, radius_m = way.only(some), shape.radius_m if shape else float(found[3][some[0]])

    def points(reach: Grid) -> Found:
        z = np.float32(way.origin_m[2]) + reach * part.z
        off_x, off_y = axis_offset(bend, z)
        radius, theta = clock_angle(quadratic.px + reach * part.x - off_x, quadratic.py + reach * part.y - off_y)
        return reach, theta, z, radius

    def beyond(way_squared: Grid) -> Grid:
        _, theta, z, radius = points(near + span * way_squared * way_squared)
        return radius - (shape.radius_at(theta, z) if shape else np.float32(radius_m))

    near = np.maximum(np.float32(bend.start_m - way.origin_m[2]), 0) / np.maximum(part.z, np.float32(1e-3))
    span = np.full_like(near, far_m) / np.maximum(part.z, np.float32(0.2))
    # samples lie closer together at the start, where the wall is near
    share = first_crossing(beyond, np.zeros_like(near), np.ones_like(near), samples=_BEND_SAMPLES, steps=_BEND_STEPS)
    for target, values in zip(found, points(near + span * share * share), strict=True):
        target[some] = values
    return found


def _meet_face(scene: Scene, following: Segment, way: _Way) -> tuple[NDArray[np.bool_], Found]:
    """Rays that, at the start of the next segment, are outside its cross-section: they see its end face."""
    reach = np.float32(following.start_m - way.origin_m[2]) / at_least(way.z, 1e-4)
    x = np.float32(way.origin_m[0] - following.centre_xy[0]) + reach * way.x
    y = np.float32(way.origin_m[1] - following.centre_xy[1]) + reach * way.y
    radius, theta = clock_angle(x, y)
    z = np.full_like(reach, following.start_m)
    shape = wall_shape(scene, following, way.origin_m[2])
    limit = shape.radius_at(theta, z) if shape else np.float32(following.radius_m)
    return radius > limit, (reach, theta, z, radius)


def _store(hits: Hits, way: _Way, found: Found, part: int, segment: Segment) -> None:
    where = slice(None) if way.index is None else way.index
    if way.index is None:
        hits.range_m, hits.theta, hits.z_m, hits.radius_m = (values.reshape(hits.part.shape) for values in found)
    else:
        for target, values in zip((hits.range_m, hits.theta, hits.z_m, hits.radius_m), found, strict=True):
            target.reshape(-1)[where] = values
    hits.part.reshape(-1)[where] = part
    hits.material.reshape(-1)[where] = segment.material
