"""4:2:0 pictures, as decoders and cameras give them, brought to the network's size without a full-size RGB picture in between.

Colour costs a decoder's frame as much as preparing it: 1080p takes 1 to 2 core-ms from YUV to BGR, and the result is twice as large. Here
the planes are resized one by one and only the small picture is turned into RGB. Averaging and the colour matrix are both linear, so the
result is what `prepare` makes of the RGB picture but for rounding and for colours outside RGB, which the one cuts off before the
averaging and the other after it. Large planes are halved first, which OpenCV does quickest of all; the result is as close to exact area
averaging as that of `prepare`, on 1080p closer: the whole-number steps there are coarser.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.area_average import area_averages, is_quick
from edge_sdk.contract.box_average import box_average
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX, PreprocessSpec, prepare, resized
from edge_sdk.errors import FrameShapeError

YuvLayout = Literal["i420", "nv12"]
LAYOUTS: tuple[YuvLayout, ...] = ("i420", "nv12")
RED_BLUE_WEIGHT = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722)}  # of luma: ITU-R BT.601-7 and BT.709-6
HALVING_MARGIN = 1.2  # of the target must be left: with 1.0 the result is further from area averaging than that of `prepare`
BLACK, WHITE, CHROMA_SPAN = 16, 235, 224  # of 8-bit studio range


class YuvPlanes(NamedTuple):
    """A 4:2:0 picture whose planes lie apart, as a decoder keeps them; uint8, the rows of any stride."""

    luma_HW: NDArray[np.uint8]
    u_hw: NDArray[np.uint8]  # half of luma's sides
    v_hw: NDArray[np.uint8]


YuvPicture = NDArray[np.uint8] | YuvPlanes  # packed is of shape (H * 3 / 2, W)


class YuvColours(NamedTuple):
    """What the numbers of a YUV picture mean; without a word from the stream BT.601 in studio range, as FFmpeg takes it."""

    matrix: Literal["bt601", "bt709"] = "bt601"
    full_range: bool = False


STUDIO = YuvColours()


def are_colours(colours: object) -> bool:
    """Whether it is a `YuvColours` that can be converted."""
    return isinstance(colours, YuvColours) and colours.matrix in RED_BLUE_WEIGHT and isinstance(colours.full_range, bool)


def check_yuv(picture: YuvPicture) -> None:
    """Refuse anything but a 4:2:0 picture of even sides within the size limits.

    Raises:
        FrameShapeError: Says what came and what is taken.
    """
    shape, dtype = getattr(picture, "shape", None), getattr(picture, "dtype", None)
    if not isinstance(picture, YuvPlanes) and (dtype != np.uint8 or shape is None or len(shape) != 2 or shape[0] % 3 or shape[1] % 2):
        raise FrameShapeError(f"a 4:2:0 frame must be of shape (H * 3 / 2, W) with even H and W, and of type uint8, not {shape} {dtype}")
    height, width = size_of_yuv(picture)
    if not (MIN_SIDE_PX <= height <= MAX_SIDE_PX and MIN_SIDE_PX <= width <= MAX_SIDE_PX):
        raise FrameShapeError(f"a frame of {width}x{height} pixels; each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX}")


def size_of_yuv(picture: YuvPicture) -> tuple[int, int]:
    """Height and width of the picture."""
    if isinstance(picture, YuvPlanes):
        return picture.luma_HW.shape[0], picture.luma_HW.shape[1]
    return picture.shape[0] * 2 // 3, picture.shape[1]


def planes_of(picture: YuvPicture, layout: YuvLayout = "i420") -> YuvPlanes:
    """The planes of a picture: views where it is contiguous, but for the chroma of NV12."""
    if isinstance(picture, YuvPlanes):
        return picture
    height, width = size_of_yuv(picture)
    samples = np.ascontiguousarray(picture).reshape(-1)
    luma_HW, chroma = samples[: height * width].reshape(height, width), samples[height * width :]
    if layout == "i420":
        u_hw, v_hw = chroma.reshape(2, height // 2, width // 2)
    else:  # in turns; OpenCV rounds the averages of two channels otherwise than those of one
        u_hw, v_hw = cv2.split(chroma.reshape(height // 2, width // 2, 2))  # type: ignore[assignment]
    return YuvPlanes(luma_HW, u_hw, v_hw)


def luma_of(picture: YuvPicture) -> NDArray[np.uint8]:
    """Y (H, W) of a picture, a view."""
    return picture.luma_HW if isinstance(picture, YuvPlanes) else picture[: size_of_yuv(picture)[0]]


def packed(picture: YuvPicture) -> NDArray[np.uint8]:
    """The picture in one array (H * 3 / 2, W), the planes one after the other; a copy only where they lay apart."""
    if not isinstance(picture, YuvPlanes):
        return picture
    height, width = size_of_yuv(picture)
    return np.concatenate([plane.reshape(-1) for plane in picture]).reshape(height * 3 // 2, width)


def prepare_yuv(
    picture: YuvPicture, spec: PreprocessSpec, *, layout: YuvLayout = "i420", colours: YuvColours = STUDIO
) -> NDArray[np.uint8]:
    """Bring a 4:2:0 picture to the size the network was trained on; `prepare` for decoders' frames.

    Args:
        picture: Shape (H * 3 / 2, W) uint8, the planes one after the other, or these apart; H and W even, 16 to 4096. Not modified.
        spec: Geometry stored with the model.
        layout: How chroma lies in one array.
        colours: What the numbers mean.

    Returns:
        RGB image of shape (spec.height, spec.width, 3), uint8, contiguous.

    Raises:
        FrameShapeError: If the picture is of another shape or type, or a side is beyond the limits.
    """
    check_yuv(picture)
    if spec.text_areas:  # a blur of 51 pixels wants the frame as it comes
        return prepare(rgb_from_yuv(picture, layout=layout, colours=colours), spec)
    return _rgb(_shrunk([_halved(plane, spec) for plane in planes_of(picture, layout)], spec), colours)


def rgb_from_yuv(picture: YuvPicture, *, layout: YuvLayout = "i420", colours: YuvColours = STUDIO) -> NDArray[np.uint8]:
    """The whole picture in RGB (H, W, 3), for people: each pixel has the chroma of its block of four."""
    if colours == STUDIO:
        code = cv2.COLOR_YUV2RGB_NV12 if layout == "nv12" else cv2.COLOR_YUV2RGB_I420
        return np.asarray(cv2.cvtColor(packed(picture), code), dtype=np.uint8)
    return nearest_rgb(picture, size_of_yuv(picture), layout=layout, colours=colours)


def nearest_rgb(
    picture: YuvPicture, size_hw: tuple[int, int], *, layout: YuvLayout = "i420", colours: YuvColours = STUDIO
) -> NDArray[np.uint8]:
    """Single pixels of the picture on a grid of `size_hw`, in RGB (h, w, 3): a look at it that averages nothing."""
    return _rgb([_nearest(plane, size_hw) for plane in planes_of(picture, layout)], colours)


def _halved(plane: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """A plane (H, W), halved as often as leaves it well above the spec's size."""
    while _can_be_halved(plane.shape[0], spec.height) and _can_be_halved(plane.shape[1], spec.width):
        plane = box_average(plane, (2, 2))
    return plane


def _shrunk(planes: Sequence[NDArray[np.uint8]], spec: PreprocessSpec) -> list[NDArray[np.uint8]]:
    """The planes at the spec's size; those of large pictures are all of one size by now."""
    target_hw = spec.height, spec.width
    sizes = {plane.shape for plane in planes}
    if len(sizes) == 1 and is_quick(planes[0].shape[:2], target_hw):
        return list(area_averages(np.stack(planes), target_hw))
    return [resized(plane, spec) for plane in planes]


def _can_be_halved(side: int, target: int) -> bool:
    return side % 2 == 0 and side >= 2 * HALVING_MARGIN * target


def _rgb(planes: Sequence[NDArray[np.uint8]], colours: YuvColours) -> NDArray[np.uint8]:
    return np.asarray(cv2.transform(cv2.merge(planes), _to_rgb(colours)), dtype=np.uint8)


def _nearest(plane: NDArray[np.uint8], size_hw: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(plane, (size_hw[1], size_hw[0]), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


@lru_cache(maxsize=4)
def _to_rgb(colours: YuvColours) -> NDArray[np.float64]:
    """The affine map from (Y, U, V) to (R, G, B), shape (3, 4)."""
    red, blue = RED_BLUE_WEIGHT[colours.matrix]
    green = 1 - red - blue
    gain, span = (1.0, 1.0) if colours.full_range else (255 / (WHITE - BLACK), 255 / CHROMA_SPAN)
    from_u, from_v = 2 * (1 - blue) * span, 2 * (1 - red) * span
    rows = np.array([[gain, 0, from_v], [gain, -from_u * blue / green, -from_v * red / green], [gain, from_u, 0]])
    return np.column_stack([rows, -rows @ [0 if colours.full_range else BLACK, 128, 128]])
