"""Does a process grow? The check of a soak, after Triton's L0_memory_growth: the second half alone counts, and a leak must be caught.

Two figures, each with a limit. The rise is the most that a later look lies above an earlier one: it catches a step as well as a slope,
and takes a fall for none. The slope catches what is still small at the end of a short run and would not be after a shift. Of the looks
5 % are left out, those that lie farthest from their neighbours: what was held for a moment is no growth.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTLIERS = 0.05
NEIGHBOURS = 0.1  # of the looks, to either side
LEAST_LOOKS = 20


class Limits(NamedTuple):
    """What is no leak: MB of 10^6 bytes of rise, and kB of 10^3 bytes a frame."""

    rise_mb: float = 20.0
    slope_kb_per_frame: float = 0.5


class Growth(NamedTuple):
    """Of the second half of a run."""

    rise_mb: float
    slope_kb_per_frame: float
    frames: int
    looks: int

    def beyond(self, limits: Limits) -> list[str]:
        """What is over its limit, in words; empty: it does not grow."""
        found = []
        if self.rise_mb > limits.rise_mb:
            found.append(f"a rise of {self.rise_mb:.1f} MB in the second half, at most {limits.rise_mb:g} is allowed")
        if self.slope_kb_per_frame > limits.slope_kb_per_frame:
            found.append(f"{self.slope_kb_per_frame:.2f} kB a frame, at most {limits.slope_kb_per_frame:g} is allowed")
        return found


def growth_of(frames: Sequence[int], held_mb: Sequence[float]) -> Growth:
    """The growth of what was held at so many frames.

    Raises:
        ValueError: If there are too few looks to say anything.
    """
    if len(frames) < LEAST_LOOKS or len(frames) != len(held_mb):
        raise ValueError(f"{len(frames)} looks at {len(held_mb)} values; a verdict needs {LEAST_LOOKS}")
    half = len(frames) // 2
    at, held = np.asarray(frames[half:], np.float64), np.asarray(held_mb[half:], np.float64)
    kept = without_outliers(held)
    at, held = at[kept], held[kept]
    rise_mb = float((held - np.minimum.accumulate(held)).max())
    slope = float(np.polyfit(at - at[0], held, 1)[0]) * 1e3 if at[-1] > at[0] else 0.0
    return Growth(round(rise_mb, 3), round(slope, 4), int(at[-1] - at[0]), len(frames))


def without_outliers(held: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of all but the 5 % that lie farthest from the median of their neighbours, in order."""
    reach = max(round(NEIGHBOURS * len(held)), 2)
    usual = np.array([np.median(held[max(i - reach, 0) : i + reach + 1]) for i in range(len(held))])
    farthest = np.argsort(np.abs(held - usual), kind="stable")
    return np.sort(farthest[: len(held) - int(OUTLIERS * len(held))])
