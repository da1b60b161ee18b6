"""What may be submitted to a live stream, and the one copy that is made of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import ChannelOrder
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX
from edge_sdk.errors import FrameShapeError

LOCKED_BYTES = 8 << 20  # copied in half a millisecond: a 1080p frame


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
    """Copy a frame of any strides into a contiguous buffer of its shape; returns the order its channels lie in there.

    A BGR picture turned into RGB by a view (`bgr[..., ::-1]`) is copied as it lies in memory: byte by byte it would take ten times as long.
    """
    if frame_HWC.strides[2] == -1:
        _copy(frame_HWC[..., ::-1], buffer_HWC)
        return "bgr" if order == "rgb" else "rgb"
    _copy(frame_HWC, buffer_HWC)
    return order


def _copy(frame_HWC: NDArray[np.uint8], buffer_HWC: NDArray[np.uint8]) -> None:
    """Numpy lets go of Python's lock while it copies, and whoever takes it meanwhile keeps it for up to 5 ms: a memoryview does not."""
    if frame_HWC.nbytes <= LOCKED_BYTES and frame_HWC.flags.c_contiguous:
        buffer_HWC.data.cast("B")[:] = frame_HWC.data.cast("B")
    else:
        np.copyto(buffer_HWC, frame_HWC)


def finite_or_none(value: Any) -> float | None:
    """A number, or None where it is not given, NaN or infinite: an unknown angle is not zero."""
    return None if value is None or not np.isfinite(value) else float(value)
