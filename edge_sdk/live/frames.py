"""What may be submitted to a live stream, and the one copy that is made of it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import PixelOrder
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX
from edge_sdk.contract.yuv import size_of_yuv
from edge_sdk.errors import FrameShapeError

REMEDY = {False: "convert it, for example with cv2.cvtColor", True: "pack its planes one after the other, without padding"}
LOCKED_BYTES = 8 << 20  # copied in half a millisecond: a 1080p frame


def checked_layout(frame: NDArray[np.uint8], order: PixelOrder = "rgb") -> bool:
    """Whether a frame's size is one the SDK takes; a frame of another kind altogether is an error.

    Raises:
        FrameShapeError: If it is not a uint8 array of the shape its order asks for: grey, with an alpha channel, or floating point. There
            are several ways to make pictures of those, and a guess would be silently wrong.
    """
    yuv = order in ("i420", "nv12")
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or not (_is_yuv(frame.shape) if yuv else _is_rgb(frame.shape)):
        shape, dtype = getattr(frame, "shape", None), getattr(frame, "dtype", type(frame).__name__)
        wanted = f"(H * 3 / 2, W) with even H and W for {order}" if yuv else "(H, W, 3)"
        raise FrameShapeError(f"a frame must be an array of shape {wanted} and type uint8, not {shape} {dtype}; {REMEDY[yuv]}")
    height, width = size_of_yuv(frame) if yuv else frame.shape[:2]
    return is_size(height, width)


def is_size(height: int, width: int) -> bool:
    """Whether frames of this size are taken."""
    return all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in (height, width))


def copy_frame(frame: NDArray[np.uint8], buffer: NDArray[np.uint8], order: PixelOrder) -> PixelOrder:
    """Copy a frame of any strides into a contiguous buffer of its shape; returns the order its channels lie in there.

    A BGR picture turned into RGB by a view (`bgr[..., ::-1]`) is copied as it lies in memory: byte by byte it would take ten times as long.
    """
    if frame.ndim == 3 and frame.strides[2] == -1:
        _copy(frame[..., ::-1], buffer)
        return "bgr" if order == "rgb" else "rgb"
    _copy(frame, buffer)
    return order


def _is_rgb(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and shape[2] == 3


def _is_yuv(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] % 3 == 0 and shape[1] % 2 == 0


def _copy(frame: NDArray[np.uint8], buffer: NDArray[np.uint8]) -> None:
    """Numpy lets go of Python's lock while it copies, and whoever takes it meanwhile keeps it for up to 5 ms: a memoryview does not."""
    if frame.nbytes <= LOCKED_BYTES and frame.flags.c_contiguous:
        buffer.data.cast("B")[:] = frame.data.cast("B")
    else:
        np.copyto(buffer, frame)


def finite_or_none(value: Any) -> float | None:
    """A number, or None where it is not given, NaN or infinite: an unknown angle is not zero."""
    return None if value is None or not np.isfinite(value) else float(value)
