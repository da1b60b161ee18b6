"""PyAV's frames as ours."""

from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from edge_sdk.contract.yuv import STUDIO, YuvColours
from edge_sdk.frame_pool import FramePool

BT709 = 1  # AVCOL_SPC_BT709; what is not named FFmpeg takes for BT.601
BT601 = (0, 2, 4, 5, 6)  # RGB (of no meaning here), unspecified, FCC, BT.470BG, SMPTE 170M
RGB = 0  # AVCOL_SPC_RGB
STUDIO_RANGE, FULL_RANGE = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG


def packed(frame: VideoFrame, pool: FramePool) -> tuple[NDArray[np.uint8], Literal["bgr", "i420"], YuvColours]:
    """A frame's pixels as `Frame.stored`, their order and what they mean: 4:2:0 of 8 bits as it is, everything else in BGR.

    A 4:2:0 picture lies in a buffer of the pool until nobody holds it any more.
    """
    parts, order, colours = planes(frame)
    if order == "bgr":
        return parts[0], order, colours
    picture, _ = pool.take((frame.height * 3 // 2, frame.width))
    samples, start = picture.reshape(-1), 0
    for plane in parts:
        samples[start : start + plane.size].reshape(plane.shape)[:] = plane
        start += plane.size
    return picture, order, colours


def planes(frame: VideoFrame) -> tuple[tuple[NDArray[np.uint8], ...], Literal["bgr", "i420"], YuvColours]:
    """What `packed` lays one after the other: Y, U and V where FFmpeg has them, or one picture in BGR."""
    colours = _colours(frame)
    if colours is None or frame.width % 2 or frame.height % 2:
        return (_bgr(frame),), "bgr", STUDIO
    return tuple(_view(plane) for plane in frame.planes), "i420", colours


def _bgr(frame: VideoFrame) -> NDArray[np.uint8]:
    """Until version 17 PyAV leaves colour space and range to FFmpeg's defaults (BT.601, studio) unless those asked for are others."""
    full_range = frame.format.name.startswith("yuvj") or int(frame.color_range) == FULL_RANGE
    source_range = FULL_RANGE if full_range else STUDIO_RANGE
    picture = frame.reformat(
        format="bgr24", src_colorspace=int(frame.colorspace), dst_colorspace=RGB, src_color_range=source_range, dst_color_range=FULL_RANGE
    )
    return np.asarray(picture.to_ndarray(), dtype=np.uint8)


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    """The plane's pixels where FFmpeg has them, whose rows may be padded."""
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]


def _colours(frame: VideoFrame) -> YuvColours | None:
    """What the frame's numbers mean; None where it is not 4:2:0 of 8 bits, or of a colour space that we do not convert ourselves."""
    if frame.format.name not in ("yuv420p", "yuvj420p") or int(frame.colorspace) not in (BT709, *BT601):
        return None
    full_range = frame.format.name == "yuvj420p" or int(frame.color_range) == FULL_RANGE
    return YuvColours("bt709" if int(frame.colorspace) == BT709 else "bt601", full_range)
