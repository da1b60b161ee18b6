"""Percentiles of many values in memory that does not grow: what measures a leak must not be one."""

import math

import numpy as np

LEAST, RATIO, NUM = 1e-3, 1.01, 2048  # a microsecond to twelve minutes in ms, to one per cent


class Ages:
    """Counts per bin, each one per cent wider than the one before."""

    def __init__(self) -> None:
        self._counts = np.ones(NUM, np.int64)  # touched now
        self._counts[:] = 0
        self._most = 0.0

    def add(self, value: float) -> None:
        index = int(math.log(max(value, LEAST) / LEAST) / math.log(RATIO))
        self._counts[min(index, NUM - 1)] += 1
        self._most = max(self._most, value)

    def percentiles(self) -> dict[str, float]:
        """p50, p99 and p99.9 (upper ends of their bins), the largest and how many there were."""
        total, below = int(self._counts.sum()), np.cumsum(self._counts)
        figures = {"num": float(total), "max": round(self._most, 3)}
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)) if total else ():
            figures[name] = round(min(LEAST * RATIO ** (int(np.searchsorted(below, share * total)) + 1), self._most), 3)
        return figures
