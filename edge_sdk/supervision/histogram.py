"""Counters and histograms that only ever grow, as Prometheus wants them."""

import math
from bisect import bisect_left
from collections.abc import Sequence

from edge_sdk.supervision.exposition import Sample

LATENCY_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0)  # 40 ms: 25 frames/s


class FollowingCounter:
    """A total that follows someone else's and never falls: where theirs begins anew, ours goes on."""

    def __init__(self) -> None:
        self.value = 0
        self._theirs = 0

    def follow(self, theirs: int) -> None:
        """Take their newest total; a smaller one than before was counted from zero."""
        self.value += theirs - self._theirs if theirs >= self._theirs else theirs
        self._theirs = theirs


class Histogram:
    """How many observations were at most so long. Not locked.

    Args:
        bounds: Upper bounds, rising.
    """

    def __init__(self, bounds: Sequence[float] = LATENCY_S) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value; one that is no number, or below zero, tells nothing and is left out."""
        if math.isfinite(value) and value >= 0:
            self._counts[bisect_left(self._bounds, value)] += 1
            self._sum += value

    def samples(self) -> list[Sample]:
        """Cumulative buckets, sum and count."""
        so_far, samples = 0, []
        for bound, count in zip((*self._bounds, math.inf), self._counts, strict=True):
            so_far += count
            samples.append(Sample(so_far, {"le": "+Inf" if math.isinf(bound) else f"{bound:g}"}, "_bucket"))
        return [*samples, Sample(self._sum, suffix="_sum"), Sample(so_far, suffix="_count")]
