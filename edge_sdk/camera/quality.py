"""Frame quality: reasons not to read "no defect" from a frame in which none was seen.

A flag says that the picture, not the pipe, is the trouble. Flags are facts beside a result, never a reason to drop a frame. The limits are
set so that ordinary frames, smooth and dark pipes too, stay without one; what they miss is written where they stand.
"""

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.camera.lens_water import COLUMNS, ROWS, LensWater
from edge_sdk.camera.picture_measures import Levels, detail, green_share, levels, sampled, sharpness
from edge_sdk.contract.yuv import LAYOUTS, YuvPlanes

QualityFlag = Literal["frozen", "black", "over_exposed", "corrupt", "blurred", "water_on_lens", "off_axis"]

FROZEN_S = 2.0
FROZEN_FRAMES = 3
SAME_SHARE = 0.99  # of the samples identical: a clock that a recorder writes over a frozen picture changes fewer; noise changes most
BLACK_MEAN, BLACK_P99 = 12.0, 32.0  # a pipe with its lamp on has something bright in it
CLIPPED_SHARE = 0.5  # a headlight near a wall clips a quarter, and that is a picture still
GREEN_SHARE = 0.2
FLAT_SHARE = 0.9
BLUR_FLOOR = 1.5  # variance of the Laplacian; smooth liners in rendered frames have 4 and more
BLUR_RATIO = 0.08  # of the camera's own usual sharpness
USUAL_S, USUAL_BLURRED_S = 60.0, 600.0  # time constants of "usual", learnt slower while blurred
MIN_SIDE_PX = 64
PAN_LIMIT_DEG, TILT_LIMIT_DEG = 15.0, 15.0


class FrameQuality:
    """The flags of one camera's frames, in order; one object for each camera.

    Args:
        pan_limit_deg: Beyond it the camera looks at the wall, not along the pipe.
        tilt_limit_deg: The same for up and down.
    """

    def __init__(self, *, pan_limit_deg: float = PAN_LIMIT_DEG, tilt_limit_deg: float = TILT_LIMIT_DEG) -> None:
        self._limits_deg = (pan_limit_deg, tilt_limit_deg)
        self._stillness, self._focus, self._water = _Stillness(), _Focus(), LensWater()

    def flags(self, frame: Frame, pan_deg: float | None = None, tilt_deg: float | None = None) -> frozenset[QualityFlag]:
        """What is wrong with a frame.

        Args:
            frame: The next frame; its `time_s` is the clock. One without pixels has no flags: it is dropped and counted elsewhere.
            pan_deg: Where the camera looks, from straight ahead to the right; None: not known.
            tilt_deg: The same upwards.
        """
        found: set[QualityFlag] = set()
        if any(angle is not None and abs(angle) > limit for angle, limit in zip((pan_deg, tilt_deg), self._limits_deg, strict=True)):
            found.add("off_axis")
        if not _can_be_judged(frame):
            return frozenset(found)
        return frozenset(found | self._of_picture(frame))

    def _of_picture(self, frame: Frame) -> set[QualityFlag]:
        sample_hwC, time_s = sampled(frame), frame.time_s
        grey_hw = np.ascontiguousarray(sample_hwC[..., 1])
        light = levels(grey_hw)
        found = _lit(light)
        if self._stillness.update(time_s, sample_hwC):
            found.add("frozen")
        if "black" not in found and (green_share(sample_hwC) >= GREEN_SHARE or light.flat >= FLAT_SHARE):
            found.add("corrupt")
        if found - {"frozen"}:
            return found  # no lens to be judged by such a frame
        if self._focus.update(time_s, sharpness(frame)):
            found.add("blurred")
        if self._water.update(time_s, *detail(grey_hw, ROWS, COLUMNS)):
            found.add("water_on_lens")
        return found


def _can_be_judged(frame: Frame) -> bool:
    if frame.stored is None or frame.size_hw is None or min(frame.size_hw) < MIN_SIDE_PX:
        return False
    if isinstance(frame.stored, YuvPlanes):
        return True
    return frame.stored.ndim == 2 if frame.order in LAYOUTS else frame.stored.ndim == 3 and frame.stored.shape[2] == 3


class _Stillness:
    """Whether nothing moves any more, not even the sensor's noise.

    A frozen picture that an encoder compresses anew changes a little at each key frame and is missed; one that a decoder or a recorder
    repeats is found.
    """

    def __init__(self) -> None:
        self._sample_hwC: NDArray[np.uint8] | None = None
        self._since_s, self._frames = 0.0, 0

    def update(self, time_s: float, sample_hwC: NDArray[np.uint8]) -> bool:
        before = self._sample_hwC
        same = before is not None and before.shape == sample_hwC.shape and time_s >= self._since_s
        if not (same and np.count_nonzero(before == sample_hwC) >= SAME_SHARE * sample_hwC.size):
            self._sample_hwC, self._since_s, self._frames = sample_hwC, time_s, 0
        self._frames += 1
        return self._frames >= FROZEN_FRAMES and time_s - self._since_s >= FROZEN_S


class _Focus:
    """Whether the lens is out of focus or smeared: against a floor, and against the camera's own usual sharpness (on a log scale)."""

    def __init__(self) -> None:
        self._usual: float | None = None
        self._time_s = 0.0

    def update(self, time_s: float, sharp: float) -> bool:
        level = math.log(max(sharp, 1e-3))
        step_s, self._time_s = max(0.0, time_s - self._time_s), time_s
        if self._usual is None:
            self._usual = level
        blurred = sharp < BLUR_FLOOR or level < self._usual + math.log(BLUR_RATIO)
        if sharp >= BLUR_FLOOR:
            self._usual += (level - self._usual) * (1 - math.exp(-step_s / (USUAL_BLURRED_S if blurred else USUAL_S)))
        return blurred


def _lit(light: Levels) -> set[QualityFlag]:
    if light.mean <= BLACK_MEAN and light.p99 <= BLACK_P99:
        return {"black"}
    return {"over_exposed"} if light.clipped >= CLIPPED_SHARE else set()
