"""Frames from the capture process to ours: shared memory for the pixels, one pipe that says what is whole, one that gives slots back.

The memory is an anonymous file (memfd): it has no name in /dev/shm, so nothing is left there however either side dies, and it takes only
the pages that were touched, so slots can be as large as the largest frame and a change of resolution needs no new memory. A slot belongs
to one side at a time. A frame exists for the reader only when its record has come through the pipe, which a killed writer either sent
whole or not at all (writes of up to PIPE_BUF are atomic) and always after the pixels: a torn frame cannot be accepted, on weakly
ordered processors neither. Pixels cross in the order they came in (`Frame.order`): turning them into RGB is left to whoever looks at them.
"""

import mmap
import os
import struct
from collections.abc import Iterable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import PixelOrder
from edge_sdk.contract.preprocess import MAX_SIDE_PX
from edge_sdk.contract.yuv import LAYOUTS, STUDIO, YuvColours

SLOTS = 5  # three waiting, one being read, one being written
SLOT_BYTES = MAX_SIDE_PX * MAX_SIDE_PX * 3
NO_SLOT = 255  # a frame of a size that is not taken: counted, without pixels
GO = 254  # on the control pipe: start; any smaller byte gives that slot back

_RECORD = struct.Struct("<BBBBIIQqd")
RECORD_BYTES = _RECORD.size
_KINDS: tuple[Literal["opening", "frame"], ...] = ("opening", "frame")
_ORDERS: tuple[PixelOrder, ...] = get_args(PixelOrder)
_COLOURS = tuple(YuvColours(matrix, full_range) for matrix in ("bt601", "bt709") for full_range in (False, True))


class Record(NamedTuple):
    """One message of the capture process. `number` counts the frames it received, those without a free slot too.

    `order` and `colours` are those of `Frame`; height and width are the picture's.
    """

    kind: Literal["opening", "frame"]
    slot: int = NO_SLOT
    height: int = 0
    width: int = 0
    number: int = 0
    captured_ns: int = 0
    fps: float = 0.0
    order: PixelOrder = "rgb"
    colours: YuvColours = STUDIO

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of `Frame.stored`."""
        return (self.height * 3 // 2, self.width) if self.order in LAYOUTS else (self.height, self.width, 3)

    def to_bytes(self) -> bytes:
        """As it goes through the pipe."""
        kind, *fields, order, colours = self
        return _RECORD.pack(_KINDS.index(kind), fields[0], _ORDERS.index(order), _COLOURS.index(colours), *fields[1:])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record | None":
        """The message, or None if it is not one that this side may follow: the other side has parsed foreign bytes."""
        kind, slot, order, colours, height, width, number, captured_ns, fps = _RECORD.unpack(data)
        if kind >= len(_KINDS) or order >= len(_ORDERS) or colours >= len(_COLOURS):
            return None
        record = cls(_KINDS[kind], slot, height, width, number, captured_ns, fps, _ORDERS[order], _COLOURS[colours])
        return record if record.slot == NO_SLOT or (record.slot < SLOTS and record._fits()) else None

    def _fits(self) -> bool:
        """Whether a slot can hold its pixels, and they lie as its order asks for."""
        even = self.order not in LAYOUTS or (self.height % 2 == 0 and self.width % 2 == 0)
        return even and 0 < self.height * self.width * 3 <= SLOT_BYTES


class FrameRing:
    """The pixels' memory. It is freed with its last reference; the descriptor is for the other process alone."""

    def __init__(self, fd: int) -> None:
        self._memory = mmap.mmap(fd, SLOTS * SLOT_BYTES)

    @staticmethod
    def create() -> int:
        """A new descriptor for the memory of one capture process; the caller closes it."""
        fd = os.memfd_create("sewer-edge-frames", os.MFD_CLOEXEC)
        os.ftruncate(fd, SLOTS * SLOT_BYTES)
        return fd

    def pixels(self, slot: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """A view of one slot."""
        return np.frombuffer(self._memory, np.uint8, int(np.prod(shape)), slot * SLOT_BYTES).reshape(shape)

    def write(self, slot: int, planes: Iterable[NDArray[np.uint8]]) -> None:
        """Lay arrays of any strides into one slot, one after the other."""
        start, room = 0, self.pixels(slot, (SLOT_BYTES,))
        for plane in planes:
            room[start : start + plane.size].reshape(plane.shape)[...] = plane
            start += plane.size
