"""Geometry of the network's input, written once and called by the robot, the trainer's evaluation and the golden frames.

Two rules. The kernel averages areas when it shrinks: bilinear without antialiasing skips pixels, and with them thin cracks. The aspect
ratio is not kept and the sample aspect ratio not applied: the protocol of Sewer-ML stretches stored pixels to the network's square.
Mean and standard deviation are not here: they are the graph's first layer.
"""

from typing import Annotated, Literal

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edge_sdk.contract.box_average import box_average
from edge_sdk.errors import FrameShapeError

MIN_SIDE_PX = 16  # smaller pictures show nothing a network could name
MAX_SIDE_PX = 4096  # a decoded frame of 48 MB; larger is a broken header more often than a camera

Fraction = Annotated[float, Meta(ge=0.0, le=1.0)]


class TextArea(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rectangle of on-screen text, in fractions of the frame's width and height."""

    left: Fraction
    top: Fraction
    right: Fraction
    bottom: Fraction


class PreprocessSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What happens to a camera frame before the graph; stored with the checkpoint, the ONNX file and the bundle.

    `kernel` names the one resize of this SDK (see `prepare`). `text_areas` are blurred as Sewer-ML blurred its on-screen text, with a
    Gaussian of `blur_radius_px` (its protocol: 51) on the frame as it comes.
    """

    height: Annotated[int, Meta(ge=MIN_SIDE_PX, le=1024)] = 224
    width: Annotated[int, Meta(ge=MIN_SIDE_PX, le=1024)] = 224
    kernel: Literal["box-area"] = "box-area"
    text_areas: tuple[TextArea, ...] = ()
    blur_radius_px: Annotated[int, Meta(ge=1, le=255)] = 51


def prepare(image_HWC: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Bring a camera image to the size the network was trained on.

    Args:
        image_HWC: RGB uint8, each side from 16 to 4096 pixels; any strides, not modified.
        spec: Geometry stored with the model.

    Returns:
        RGB image of shape (spec.height, spec.width, 3), uint8, contiguous.

    Raises:
        FrameShapeError: If the image is not (H, W, 3) uint8 within the size limits.

    The kernel "box-area" is area averaging; a side that is too small is stretched bilinearly. Large frames are first reduced by whole
    factors, which halves the time on 1080p; for PAL and smaller the result is area averaging exactly.
    """
    check_frame(image_HWC)
    image = np.ascontiguousarray(image_HWC)
    if spec.text_areas:
        image = blur_text(image, spec)
    step_yx = _whole_step(image.shape[0], image.shape[1], spec)
    if step_yx is not None:
        image = box_average(image, step_yx)
    return resized(image, spec)


def check_frame(image_HWC: NDArray[np.uint8]) -> None:
    """Refuse anything but an (H, W, 3) uint8 image within the size limits.

    Raises:
        FrameShapeError: Says what came and what is taken.
    """
    shape, dtype = getattr(image_HWC, "shape", None), getattr(image_HWC, "dtype", None)
    if dtype != np.uint8 or shape is None or len(shape) != 3 or shape[2] != 3:
        raise FrameShapeError(f"a frame must be an RGB image of shape (H, W, 3) and type uint8, not {shape} {dtype}")
    if not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in shape[:2]):
        raise FrameShapeError(f"a frame of {shape[1]}x{shape[0]} pixels; each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX}")


def blur_text(image_HWC: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """A copy of the image with the spec's text areas blurred (Gaussian; the radius is three standard deviations)."""
    image = image_HWC.copy()
    height, width = image.shape[:2]
    for area in spec.text_areas:
        rows = slice(round(area.top * height), round(area.bottom * height))
        columns = slice(round(area.left * width), round(area.right * width))
        if image[rows, columns].size:
            image[rows, columns] = cv2.GaussianBlur(image[rows, columns], (0, 0), spec.blur_radius_px / 3)
    return image


def _whole_step(height: int, width: int, spec: PreprocessSpec) -> tuple[int, int] | None:
    """Whole factors to reduce by at first; None unless both sides can be divided and stay well above the target.

    The margin keeps the step close to exact area averaging: on real 1080p frames at most 24 grey levels off with 1.5, 59 with 1.0.
    """
    factors = _whole_factor(height, spec.height), _whole_factor(width, spec.width)
    return factors if min(factors) > 1 else None


def _whole_factor(side: int, target: int) -> int:
    """Largest whole number that divides `side` and leaves 1.5 times the target; 1 where there is none."""
    return next((factor for factor in range(max(2 * side // (3 * target), 1), 1, -1) if side % factor == 0), 1)


def resized(image: NDArray[np.uint8], spec: PreprocessSpec) -> NDArray[np.uint8]:
    """An image of shape (H, W) or (H, W, C) at the spec's size: areas averaged where a side shrinks, bilinear where one grows."""
    image = _resize(image, min(image.shape[0], spec.height), min(image.shape[1], spec.width), cv2.INTER_AREA)
    return _resize(image, spec.height, spec.width, cv2.INTER_LINEAR)


def _resize(image: NDArray[np.uint8], height: int, width: int, interpolation: int) -> NDArray[np.uint8]:
    if image.shape[:2] == (height, width):
        return image
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), dtype=np.uint8)
