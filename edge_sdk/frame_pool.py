"""Buffers that frames are put into, over and over.

A buffer is used again as soon as nobody holds the frame any more: a result that is kept keeps its picture, and nobody has to give
anything back. Numpy makes that cheap to know: every view of a buffer holds a reference to it. Fresh memory is slow, for the system hands
it out at the first write, a page at a time: 2 ms for a 1080p frame in RGB, ten times as much on some virtual machines.
"""

import sys
import threading
from itertools import islice

import numpy as np
from numpy.typing import NDArray

MAX_BUFFERS = 32  # of a pool; frames held beyond that are ordinary arrays
SPARE = 2  # buffers ready for the next frames


class FramePool:
    """Buffers of one source, all of one size; another size starts anew. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buffers: list[NDArray[np.uint8]] = []
        self._shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._buffers)

    def take(self, shape: tuple[int, ...]) -> tuple[NDArray[np.uint8], bool]:
        """A buffer nobody else refers to, content undefined; and whether more should be made."""
        with self._lock:
            if shape != self._shape:
                self._buffers, self._shape = [], shape
            idle = self._idle()
            if idle:
                return self._buffers[idle[0]], len(idle) <= SPARE and len(self._buffers) < MAX_BUFFERS
        return self._make(shape), True

    def make_ahead(self) -> None:
        """Make buffers until the next frames have theirs."""
        while (shape := self._lacking()) is not None:
            self._make(shape)

    def _idle(self) -> list[int]:
        """The first buffers that nobody refers to, as many as matter."""
        return list(islice((i for i in range(len(self._buffers)) if _references(self._buffers, i) <= _IDLE), SPARE + 1))

    def _lacking(self) -> tuple[int, ...] | None:
        """The size of a buffer that should be made; None if there are enough."""
        with self._lock:
            enough = not self._shape or len(self._buffers) >= MAX_BUFFERS or len(self._idle()) >= SPARE
            return None if enough else self._shape

    def _make(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        buffer = np.empty(shape, np.uint8)
        buffer.fill(0)  # touches the pages
        with self._lock:
            if shape == self._shape and len(self._buffers) < MAX_BUFFERS:
                self._buffers.append(buffer)
        return buffer


def _references(buffers: list[NDArray[np.uint8]], index: int) -> int:
    return sys.getrefcount(buffers[index])


_IDLE = _references([np.zeros(1, np.uint8)], 0)  # what one reference, the list's, counts as: it differs between versions of Python
