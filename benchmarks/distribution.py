"""A sample of times as all its percentiles, its raw histogram and whether it held still.

A percentile is stated only where at least one sample in a thousand lies beyond it: p99.9 of 100 samples is their maximum under another
name. The rule of stability is perf_analyzer's: the last three windows lie within 10 % of each other.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError

PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p99.9": 99.9}
BINS_PER_DECADE = 40  # a bin is 5.9 % wide
LOWEST_MS = 1e-4
NUM_WINDOWS = 3
STABLE_RATIO = 1.1


class Histogram(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts in bins of equal width on a logarithmic axis, from bin `first` on; bin i begins at 1e-4 x 10^(i / 40) milliseconds."""

    first: int
    counts: tuple[int, ...]

    def edges_ms(self) -> NDArray[np.float64]:
        """The edges of the bins, one more than counts."""
        return np.asarray(LOWEST_MS * 10.0 ** (np.arange(self.first, self.first + len(self.counts) + 1) / BINS_PER_DECADE))


class Stability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Medians of three windows in milliseconds, and whether the largest is within 10 % of the smallest."""

    medians_ms: tuple[float, ...]
    stable: bool


class Distribution(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Times in milliseconds. `percentiles` has None where `refused` says why; `jitter_ms` is the mean step between successive times.

    A single time has no jitter. `warm_up` counts the runs before the first that counts.
    """

    num: int
    warm_up: int
    mean_ms: float
    jitter_ms: float | None
    max_ms: float
    percentiles: dict[str, float | None]
    refused: dict[str, str]
    histogram: Histogram
    stability: Stability | None

    @property
    def p50_ms(self) -> float:
        """The median: every sample has one."""
        return self.percentiles["p50"] or 0.0


def distribution_of(times_ms: Sequence[float], *, warm_up: int) -> Distribution:
    """Everything a record says of a sample.

    Args:
        times_ms: In the order measured.
        warm_up: Runs made and thrown away before.

    Raises:
        BenchmarkError: If there is no sample, or one is not a time.
    """
    values_N = np.asarray(times_ms, np.float64)
    if values_N.size == 0 or not np.isfinite(values_N).all() or values_N.min() < 0:
        raise BenchmarkError("nothing was measured: no time, or one that is none; give a longer film or more frames")
    percentiles, refused = _percentiles(values_N)
    return Distribution(
        num=values_N.size,
        warm_up=warm_up,
        mean_ms=float(values_N.mean()),
        jitter_ms=float(np.abs(np.diff(values_N)).mean()) if values_N.size > 1 else None,
        max_ms=float(values_N.max()),
        percentiles=percentiles,
        refused=refused,
        histogram=histogram_of(values_N),
        stability=stability_of(values_N),
    )


def percentile(times_ms: Sequence[float] | NDArray[np.float64], name: str) -> float:
    """One percentile.

    Raises:
        BenchmarkError: If there are too few samples for it.
    """
    if len(times_ms) < needed_for(name):
        raise BenchmarkError(too_few(len(times_ms), name))
    return float(np.percentile(times_ms, PERCENTILES[name]))


def too_few(num: int, name: str) -> str:
    """Why there is no such percentile of so many samples."""
    return f"{name} of {num} samples is no percentile: at least {needed_for(name)} are needed; measure more frames"


def needed_for(name: str) -> int:
    """Samples a percentile needs: one must lie beyond it."""
    return round(100 / (100 - PERCENTILES[name]))


def histogram_of(values_N: NDArray[np.float64]) -> Histogram:
    """Counts per logarithmic bin; what is below the first falls into it."""
    bins_N = np.floor(np.log10(np.maximum(values_N, LOWEST_MS) / LOWEST_MS) * BINS_PER_DECADE + 1e-9).astype(np.int64)
    first = int(bins_N.min())
    return Histogram(first, tuple(np.bincount(bins_N - first).tolist()))


def stability_of(values_N: NDArray[np.float64]) -> Stability | None:
    """Three successive thirds against each other; None where that is fewer than ten each."""
    if values_N.size < 10 * NUM_WINDOWS:
        return None
    medians = tuple(float(np.median(part)) for part in np.array_split(values_N, NUM_WINDOWS))
    return Stability(medians, max(medians) <= STABLE_RATIO * min(medians))


def _percentiles(values_N: NDArray[np.float64]) -> tuple[dict[str, float | None], dict[str, str]]:
    found: dict[str, float | None] = {}
    refused: dict[str, str] = {}
    for name in PERCENTILES:
        found[name] = None
        if values_N.size < needed_for(name) and name != "p50":
            refused[name] = too_few(values_N.size, name)
        else:
            found[name] = float(np.percentile(values_N, PERCENTILES[name]))
    return found, refused


def percentile_words(distribution: Distribution) -> Mapping[str, str]:
    """Each percentile in words, a dash where it was refused."""
    return {name: "-" if value is None else f"{value:.2f}" for name, value in distribution.percentiles.items()}
