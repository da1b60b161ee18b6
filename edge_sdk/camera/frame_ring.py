"""Frames from the capture process to ours: shared memory for the pixels, one pipe that says what is whole, one that gives slots back.

The memory is an anonymous file (memfd): it has no name in /dev/shm, so nothing is left there however either side dies, and it takes only
the pages that were touched, so slots can be as large as the largest frame and a change of resolution needs no new memory. A slot belongs
to one side at a time. A frame exists for the reader only when its record has come through the pipe, which a killed writer either sent
whole or not at all (writes of up to PIPE_BUF are atomic) and always after the pixels: a torn frame cannot be accepted, on weakly
ordered processors neither.
"""

import mmap
import os
import struct
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import MAX_SIDE_PX

SLOTS = 5  # three waiting, one being read, one being written
SLOT_BYTES = MAX_SIDE_PX * MAX_SIDE_PX * 3
NO_SLOT = 255  # a frame of a size that is not taken: counted, without pixels
GO = 254  # on the control pipe: start; any smaller byte gives that slot back

_RECORD = struct.Struct("<BBIIQqd")
RECORD_BYTES = _RECORD.size
_KINDS: tuple[Literal["opening", "frame"], ...] = ("opening", "frame")


class Record(NamedTuple):
    """One message of the capture process. `number` counts the frames it received, those without a free slot too."""

    kind: Literal["opening", "frame"]
    slot: int = NO_SLOT
    height: int = 0
    width: int = 0
    number: int = 0
    captured_ns: int = 0
    fps: float = 0.0

    def to_bytes(self) -> bytes:
        """As it goes through the pipe."""
        return _RECORD.pack(_KINDS.index(self.kind), *self[1:])

    @classmethod
    def from_bytes(cls, data: bytes) -> "Record | None":
        """The message, or None if it is not one that this side may follow: the other side has parsed foreign bytes."""
        kind, *fields = _RECORD.unpack(data)
        if kind >= len(_KINDS):
            return None
        record = cls(_KINDS[kind], *fields)
        fits = record.slot < SLOTS and 0 < record.height * record.width * 3 <= SLOT_BYTES
        return record if fits or record.slot == NO_SLOT else None


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

    def slot(self, slot: int, height: int, width: int) -> NDArray[np.uint8]:
        """A view of shape (height, width, 3) of one slot."""
        pixels = np.frombuffer(self._memory, np.uint8, height * width * 3, slot * SLOT_BYTES)
        return pixels.reshape(height, width, 3)
