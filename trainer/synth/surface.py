"""The picture while it is built: for each pixel the place seen, its colour, gloss and relief, and the classes it shows.

Classes are bits of one integer per pixel: hiding what is behind a body is one write, not seventeen.
"""
# C classes, H W pixels, K chosen pixels

from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.blocks import WallBlocks, Window, index_wall
from trainer.synth.geometry import Hits, Rays
from trainer.synth.texture import Grid

Places = NDArray[np.intp]  # of K pixels in the flattened picture
Where = Places | tuple[NDArray[np.intp], ...] | NDArray[np.bool_]  # or their rows and columns, or a boolean picture
EVERYWHERE: Window = (slice(None), slice(None))
_PIXEL = np.dtype("V12")  # three float32 written as one: half the time of three


@dataclass(slots=True)
class Surface:
    """What each pixel sees. `relief` is the slope toward the camera used in shading; `shade` an extra factor (contact shadow).

    `footprint_m` is the length of wall that a pixel covers along the pipe; `bits` has bit k set where class k is seen;
    `blocks` tells where in the picture a patch of wall can be.
    """

    hits: Hits
    rays: Rays
    albedo: Grid
    gloss: Grid
    relief: Grid
    shade: Grid
    footprint_m: Grid
    bits: NDArray[np.uint32] = field(init=False)
    blocks: WallBlocks = field(init=False)

    def __post_init__(self) -> None:
        self.bits = np.zeros(self.hits.range_m.shape, np.uint32)
        self.blocks = index_wall(self.hits)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """Classes as planes, (C, H, W)."""
        return planes_from_bits(self.bits)

    def mark(self, code: str | None, where: Where) -> None:
        """Say that pixels show `code`; None says nothing."""
        if code is not None:
            self.bits.reshape(-1)[self.flat(where)] |= class_bit(code)

    def flat(self, where: Where) -> Places:
        """Places (K,) in the flattened picture, by which NumPy reads and writes several times faster than by rows and columns."""
        if isinstance(where, tuple):
            return np.asarray(where[0] * self.bits.shape[1] + where[1])
        if where.dtype == np.bool_:
            return np.flatnonzero(where)
        return where  # type: ignore[return-value]

    def cover(
        self, where: Where, reach: Grid, rgb: Grid | tuple[float, float, float], *, part: int, gloss: float, code: str | None
    ) -> None:
        """Put an opaque body in front of what was there."""
        flat = self.flat(where)
        self.hits.range_m.reshape(-1)[flat] = reach
        self.hits.part.reshape(-1)[flat] = part
        self.paint(flat, rgb)
        self.gloss.reshape(-1)[flat] = gloss
        self.relief.reshape(-1)[flat] = 0
        self.shade.reshape(-1)[flat] = 1
        self.bits.reshape(-1)[flat] = 0 if code is None else class_bit(code)

    def paint(self, where: Places, rgb: Grid | tuple[float, float, float]) -> None:
        """Give pixels their colours (K, 3) or one colour."""
        if isinstance(rgb, tuple):
            self.albedo.reshape(-1, 3)[where] = rgb
        else:
            colours = np.ascontiguousarray(rgb, dtype=np.float32)
            self.albedo.reshape(-1).view(_PIXEL)[where] = colours.reshape(-1).view(_PIXEL)

    def position(self, window: Window = EVERYWHERE) -> list[Grid]:
        """Where in the pipe the pixels of a part of the picture lie: x, y and z in metres, (h, w) each. Few ask, so it is not kept."""
        rays, reach = self.rays, self.hits.range_m[window]
        return [np.float32(o) + reach * d[window] for o, d in zip(rays.origin_m, (rays.x, rays.y, rays.z), strict=True)]

    def position_of(self, where: Places) -> list[Grid]:
        """Where in the pipe chosen pixels lie: x, y and z in metres, (K,) each."""
        rays, reach = self.rays, self.hits.range_m.take(where)
        return [np.float32(o) + reach * d.take(where) for o, d in zip(rays.origin_m, (rays.x, rays.y, rays.z), strict=True)]


@cache
def class_bit(code: str) -> np.uint32:
    """The bit of a class in `Surface.bits`."""
    return np.uint32(1 << taxonomy().index(code))


def planes_from_bits(bits: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Planes (C, H, W) of class bits (H, W)."""
    planes = np.zeros((len(taxonomy()), *bits.shape), np.bool_)
    for number in used_classes(bits):
        np.not_equal(bits & np.uint32(1 << number), 0, out=planes[number])
    return planes


def used_classes(bits: NDArray[np.uint32]) -> list[int]:
    """Numbers of the classes that class bits (H, W) hold anywhere."""
    used = int(np.bitwise_or.reduce(bits, axis=None))
    return [number for number in range(len(taxonomy())) if used >> number & 1]
