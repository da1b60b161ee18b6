"""Ratios of two ways measured in turns, with their interval over the rounds.

Round by round the machine was the same for both, so the ratio is taken within a round; logarithms of ratios are averaged, and the interval
is Student's on them. Fewer than two rounds have none.
"""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom (any table of the distribution); beyond, the normal one's.
T_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
NORMAL_95 = 1.960

Verdict = Literal["ahead", "behind", "no difference seen", "one round"]


class Ratio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Ours over theirs: geometric mean over rounds, and its 95 % interval where there are at least two."""

    mean: float
    low: float | None
    high: float | None
    rounds: int

    def verdict(self, *, larger_is_better: bool) -> Verdict:
        """Who is ahead, if the interval leaves 1 out."""
        if self.low is None or self.high is None:
            return "one round"
        if self.low <= 1 <= self.high:
            return "no difference seen"
        return "ahead" if (self.mean > 1) == larger_is_better else "behind"


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """The ratio of two figures measured in the same rounds, in the same order.

    Raises:
        ValueError: If they are not as many, or one is not above zero.
    """
    logs_R = np.log(np.asarray(ours, np.float64) / np.asarray(theirs, np.float64))
    if len(ours) != len(theirs) or not len(ours) or not np.isfinite(logs_R).all():
        raise ValueError(f"{len(ours)} and {len(theirs)} figures cannot be paired, or one is not above zero")
    mean, num = float(logs_R.mean()), len(ours)
    if num == 1:
        return Ratio(mean=math.exp(mean), low=None, high=None, rounds=1)
    quantile = T_95[num - 2] if num - 2 < len(T_95) else NORMAL_95
    half = quantile * float(logs_R.std(ddof=1)) / math.sqrt(num)
    return Ratio(mean=math.exp(mean), low=math.exp(mean - half), high=math.exp(mean + half), rounds=num)
