"""The one copy of a live frame: what may be submitted, and the buffers it is copied into.

A buffer is used again as soon as nobody holds the frame any more: a result that is kept keeps its picture, and nobody has to give
anything back. Numpy makes that cheap to know: every view of a buffer holds a reference to it.
"""

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import ChannelOrder
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX
from edge_sdk.errors import FrameShapeError

MAX_BUFFERS = 32  # per camera; frames held beyond that are ordinary arrays
WRONG_SIZE = f"each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels"


class FramePool:
    """Buffers of one size, made when needed and used again; another size starts anew. Not thread-safe: its owner has a lock."""

    def __init__(self) -> None:
        self._buffers: list[NDArray[np.uint8]] = []
        self._shape: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self._buffers)

    def take(self, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """A buffer nobody else refers to, content undefined."""
        if shape != self._shape:
            self._buffers, self._shape = [], shape
        idle = next((i for i in range(len(self._buffers)) if _references(self._buffers, i) <= _IDLE), None)
        if idle is not None:
            return self._buffers[idle]
        buffer = np.zeros(shape, np.uint8)
        buffer.fill(0)  # touches the pages now: the system hands out fresh memory at the first write, a page at a time
        if len(self._buffers) < MAX_BUFFERS:
            self._buffers.append(buffer)
        return buffer


def _references(buffers: list[NDArray[np.uint8]], index: int) -> int:
    return sys.getrefcount(buffers[index])


_IDLE = _references([np.zeros(1, np.uint8)], 0)  # what one reference, the list's, counts as: it differs between versions of Python


def checked_layout(frame_HWC: NDArray[np.uint8]) -> bool:
    """Whether a frame's size is one the SDK takes; a frame of another kind altogether is an error.

    Raises:
        FrameShapeError: If it is not a uint8 array of shape (H, W, 3): grey, with an alpha channel, or floating point. There are several
            ways to make pictures of those, and a guess would be silently wrong.
    """
    if not isinstance(frame_HWC, np.ndarray) or frame_HWC.dtype != np.uint8 or frame_HWC.ndim != 3 or frame_HWC.shape[2] != 3:
        shape, dtype = getattr(frame_HWC, "shape", None), getattr(frame_HWC, "dtype", type(frame_HWC).__name__)
        raise FrameShapeError(
            f"a frame must be an array of shape (H, W, 3) and type uint8, not {shape} {dtype}; convert it, for example with cv2.cvtColor"
        )
    return all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in frame_HWC.shape[:2])


def copy_frame(frame_HWC: NDArray[np.uint8], buffer_HWC: NDArray[np.uint8], order: ChannelOrder) -> ChannelOrder:
    """Copy a frame of any strides into a buffer of its shape; returns the order its channels lie in there.

    A BGR picture turned into RGB by a view (`bgr[..., ::-1]`) is copied as it lies in memory: byte by byte it would take ten times as long.
    """
    if frame_HWC.strides[2] == -1:
        np.copyto(buffer_HWC, frame_HWC[..., ::-1])
        return "bgr" if order == "rgb" else "rgb"
    np.copyto(buffer_HWC, frame_HWC)
    return order


def finite_or_none(value: Any) -> float | None:
    """A number, or None where it is not given, NaN or infinite: an unknown angle is not zero."""
    return None if value is None or not np.isfinite(value) else float(value)
