"""PyAV's frames as ours."""

from typing import Literal

import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from edge_sdk.contract.yuv import STUDIO, YuvColours, YuvPlanes

BT709 = 1  # AVCOL_SPC_BT709; what is not named FFmpeg takes for BT.601
BT601 = (0, 2, 4, 5, 6)  # RGB (of no meaning here), unspecified, FCC, BT.470BG, SMPTE 170M
RGB = 0  # AVCOL_SPC_RGB
STUDIO_RANGE, FULL_RANGE = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG


def picture(frame: VideoFrame) -> tuple[NDArray[np.uint8] | YuvPlanes, Literal["bgr", "i420"], YuvColours]:
    """A frame's pixels as `Frame.stored`, their order and what they mean: 4:2:0 of 8 bits where FFmpeg has it, everything else in BGR.

    FFmpeg goes on reading the planes while it decodes the next frames, and does not write to them while anybody holds them.
    """
    colours = _colours(frame)
    if colours is None or frame.width % 2 or frame.height % 2 or _is_upside_down(frame):
        return _bgr(frame), "bgr", STUDIO
    return YuvPlanes(*(_view(plane) for plane in frame.planes)), "i420", colours


def _bgr(frame: VideoFrame) -> NDArray[np.uint8]:
    """Until version 17 PyAV leaves colour space and range to FFmpeg's defaults (BT.601, studio) unless those asked for are others."""
    full_range = frame.format.name.startswith("yuvj") or int(frame.color_range) == FULL_RANGE
    source_range = FULL_RANGE if full_range else STUDIO_RANGE
    picture = frame.reformat(
        format="bgr24", src_colorspace=int(frame.colorspace), dst_colorspace=RGB, src_color_range=source_range, dst_color_range=FULL_RANGE
    )
    return np.asarray(picture.to_ndarray(), dtype=np.uint8)


def _is_upside_down(frame: VideoFrame) -> bool:
    """Whether the rows lie from the last to the first, as AMV's: PyAV shows them from the wrong end."""
    return any(plane.line_size < plane.width for plane in frame.planes)


def _view(plane: VideoPlane) -> NDArray[np.uint8]:
    """The plane's pixels where FFmpeg has them, whose rows may be padded."""
    rows: NDArray[np.uint8] = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
    rows.flags.writeable = False
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]


def _colours(frame: VideoFrame) -> YuvColours | None:
    """What the frame's numbers mean; None where it is not 4:2:0 of 8 bits, or of a colour space that we do not convert ourselves."""
    if frame.format.name not in ("yuv420p", "yuvj420p") or int(frame.colorspace) not in (BT709, *BT601):
        return None
    full_range = frame.format.name == "yuvj420p" or int(frame.color_range) == FULL_RANGE
    return YuvColours("bt709" if int(frame.colorspace) == BT709 else "bt601", full_range)
