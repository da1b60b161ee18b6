"""The truth of a frame, twice: what can be seen in it, and what an operator would have noted at its place.

Strict labels come from the class masks: a class counts where enough lit pixels show it. The operator's labels follow the habit that
Sewer-ML's images carry (Haurum and Moeslund 2021, section 3.3): an annotated frame gathers everything from 0.3 m behind to 1.0 m
ahead of the camera, and a continuous defect over its whole stretch, whether or not the picture shows it.
"""
# N frames, C classes, H W pixels

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.geometry import Camera
from trainer.synth.scene import Placed
from trainer.synth.surface import Surface, planes_from_bits, used_classes

LOOK_BEHIND_M, LOOK_AHEAD_M = 0.3, 1.0
MIN_VISIBLE_SHARE = 0.0012
MIN_LIGHT = 0.035
MIN_CONTRAST = 3.0  # standard deviation, of 255, round a pixel in the stored picture: below it there is fog, glare or dark only
_CONTRAST_WIDTH_PX, _CONTRAST_WINDOW_PX = 176, 9
OFF_AXIS_DEG = 15.0  # EN 13508-2 practice drives looking along the axis; an operator's unsteady hand stays well below this


def min_visible(size: tuple[int, int]) -> int:
    """Pixels that a class must cover in an image of `size` (height, width) to be labelled."""
    return max(3, round(MIN_VISIBLE_SHARE * size[0] * size[1]))


def labels_from_masks(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Labels (17,) of masks (17, H, W): 1 where a class covers enough pixels."""
    enough = min_visible((masks.shape[1], masks.shape[2]))
    return np.array([np.count_nonzero(mask) >= enough for mask in masks], dtype=np.uint8)


def labels_from_bits(bits: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Labels (17,) of class bits (H, W), as `labels_from_masks` of their planes, but only classes that are there are counted."""
    enough = min_visible((bits.shape[0], bits.shape[1]))
    labels = np.zeros(len(taxonomy()), np.uint8)
    for number in used_classes(bits):
        labels[number] = np.count_nonzero(bits & np.uint32(1 << number)) >= enough
    return labels


def visible_masks(surface: Surface, light: NDArray[np.float32], hidden: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
    """Masks (17, H, W) of the pixels that are lit well enough to be seen and not `hidden` (H, W) by bars or text."""
    return planes_from_bits(visible_bits(surface, light, hidden))


def visible_bits(surface: Surface, light: NDArray[np.float32], hidden: NDArray[np.bool_] | None = None) -> NDArray[np.uint32]:
    """The same as class bits (H, W), which are handled several times faster than seventeen planes."""
    shown = light[..., 1] > np.float32(MIN_LIGHT)
    if hidden is not None:
        shown &= ~hidden
    return np.asarray(surface.bits * shown)


def featureless(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Pixels (H, W) round which the stored picture (H, W, 3) shows nothing: whatever lies there cannot be seen."""
    height, width = image.shape[:2]
    rows = max(round(height * _CONTRAST_WIDTH_PX / width), 1)
    small = cv2.resize(image, (_CONTRAST_WIDTH_PX, rows), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(small, (0, 0), 1.0).astype(np.float32)  # sensor noise is no structure
    window = (_CONTRAST_WINDOW_PX, _CONTRAST_WINDOW_PX)
    mean = cv2.blur(smooth, window)
    red, green, blue = cv2.split(cv2.blur(smooth * smooth, window) - mean * mean)
    variance = np.maximum(np.maximum(red, green), blue)  # 20 times as fast as a maximum over an axis of three
    flat = (variance < np.float32(MIN_CONTRAST**2)).astype(np.uint8)
    return np.asarray(cv2.resize(flat, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.bool_)


def operator_labels(placed: Sequence[Placed], chainage_m: NDArray[np.float64]) -> NDArray[np.uint8]:
    """What an operator would note for frames taken at `chainage_m` (N,): labels (N, 17) of all that lies within reach of the habit."""
    labels = np.zeros((len(chainage_m), len(taxonomy())), np.uint8)
    for thing in placed:
        near = (thing.from_m <= chainage_m + LOOK_AHEAD_M) & (thing.to_m >= chainage_m - LOOK_BEHIND_M)
        labels[near, taxonomy().index(thing.code)] = 1
    return labels


def off_axis_deg(camera: Camera) -> float:
    """Angle between the optical axis and the pipe's, degrees."""
    return float(np.degrees(np.arccos(np.clip(np.cos(camera.pan) * np.cos(camera.tilt), -1, 1))))


def is_off_axis(camera: Camera) -> bool:
    """Whether the camera is turned away so far that the frame is no view along the pipe."""
    return off_axis_deg(camera) > OFF_AXIS_DEG
