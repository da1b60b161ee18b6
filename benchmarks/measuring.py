"""The measuring itself: warm-up, windows until they agree, a clock that can be exchanged, and the frame of a record around it.

bench = Bench(out=path, verb="latency", bundle=ref)
bench.note("inference", samples=measured(call))
"""

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.distribution import NUM_WINDOWS, STABLE_RATIO, Distribution, distribution_of
from benchmarks.errors import BenchmarkError
from benchmarks.fingerprint import fingerprint
from benchmarks.record import BundleRef, Measurement, Setting, append_record
from benchmarks.state import State, state
from edge_sdk import __version__
from edge_sdk.doctor.probe import output_of

Clock = Callable[[], float]
WARM_UP = 10
MAX_WINDOWS = 10


class Samples(NamedTuple):
    """Milliseconds in the order measured, the runs thrown away before, and the median of each window."""

    times_ms: tuple[float, ...]
    warm_up: int
    rounds_ms: tuple[float, ...]

    @property
    def distribution(self) -> Distribution:
        """As a record has it."""
        return distribution_of(self.times_ms, warm_up=self.warm_up)


def measured(
    call: Callable[[], object],
    *,
    window: int = 100,
    warm_up: int = WARM_UP,
    max_windows: int = MAX_WINDOWS,
    clock: Clock = time.perf_counter,
) -> Samples:
    """Time a call in windows until three in a row agree within 10 %, or there have been `max_windows`.

    Args:
        call: What is timed.
        window: Calls in a window.
        warm_up: Calls before the first window; not timed.
        max_windows: At least three.
        clock: Seconds; the wall's unless a test brings its own.

    Returns:
        The last three windows; their stability tells whether they agree.

    Raises:
        BenchmarkError: If a window holds nothing.
    """
    if window < 1 or max_windows < NUM_WINDOWS:
        raise BenchmarkError(f"a window of {window} and {max_windows} windows measure nothing; at least 1 and {NUM_WINDOWS}")
    for _ in range(warm_up):
        call()
    windows: list[list[float]] = []
    while len(windows) < max_windows:
        windows.append([_once(call, clock) for _ in range(window)])
        last = [float(np.median(times)) for times in windows[-NUM_WINDOWS:]]
        if len(last) == NUM_WINDOWS and max(last) <= STABLE_RATIO * min(last):
            break
    kept = windows[-NUM_WINDOWS:]
    return Samples(tuple(time_ms for times in kept for time_ms in times), warm_up, tuple(float(np.median(times)) for times in windows))


def _once(call: Callable[[], object], clock: Clock) -> float:
    begin = clock()
    call()
    return (clock() - begin) * 1e3


class Bench:
    """Writes records of one verb; each has the machine's state from when the one before was written.

    Args:
        out: File of JSON lines to append to; None keeps the records in memory only.
        verb: The verb.
        bundle: What runs; None where no bundle does.
        settings: Of all its records.
        say: Told of each record in a line.
    """

    def __init__(
        self,
        *,
        out: Path | None,
        verb: str,
        bundle: BundleRef | None,
        settings: Mapping[str, Setting] | None = None,
        say: Callable[[Measurement], None] = lambda record: None,
    ) -> None:
        self._out, self._verb, self._bundle, self._say = out, verb, bundle, say
        self._settings = dict(settings or {})
        self._before = state()
        self.records: list[Measurement] = []

    @property
    def before(self) -> State:
        """The state when the record before was written: the state before all records that come of one piece of work."""
        return self._before

    def note(
        self,
        name: str,
        *,
        samples: Samples | None = None,
        figures: Mapping[str, float] | None = None,
        not_measured: Mapping[str, str] | None = None,
        settings: Mapping[str, Setting] | None = None,
        pairing: str | None = None,
        failed: tuple[str, ...] = (),
        bundle: BundleRef | None = None,
        before: State | None = None,
        code: str | None = None,
    ) -> Measurement:
        """Write one record.

        Args:
            name: What was measured.
            samples: Its times.
            figures: Anything else.
            not_measured: What could not be, and why.
            settings: How, beside the bench's own.
            pairing: Records measured in turns share one.
            failed: Bounds it breaks.
            bundle: What ran, if not the bench's.
            before: The state before, if records of the same work were written since.
            code: Whose code ran, if not this checkout's.

        Raises:
            OutputError: If it cannot be kept.
        """
        numbers, odd = finite(figures or {})
        record = Measurement(
            verb=self._verb,
            name=name,
            created_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            code=code or code_version(),
            fingerprint=fingerprint(),
            before=before or self._before,
            after=state(),
            bundle=bundle or self._bundle,
            settings={**self._settings, **(settings or {})},
            distribution=samples.distribution if samples else None,
            figures=numbers,
            not_measured={**odd, **(not_measured or {})},
            rounds=samples.rounds_ms if samples else (),
            pairing=pairing,
            failed=failed,
        )
        self._before = record.after
        self.records.append(record)
        if self._out is not None:
            append_record(self._out, record)
        self._say(record)
        return record


def finite(figures: Mapping[str, float]) -> tuple[dict[str, float], dict[str, str]]:
    """The figures that are numbers; the others are not measured, for JSON has no such number and the file could not be read again."""
    numbers = {key: float(value) for key, value in figures.items()}
    odd = {key: f"came out as {value}" for key, value in numbers.items() if not math.isfinite(value)}
    return {key: value for key, value in numbers.items() if key not in odd}, odd


@lru_cache(maxsize=4)
def code_version(tree: Path = Path(__file__).parent, version: str = __version__) -> str:
    """The SDK's version and the checkout's revision, with a plus where files were changed since."""
    revision = output_of("git", "-C", str(tree), "rev-parse", "--short", "HEAD")
    changed = output_of("git", "-C", str(tree), "status", "--porcelain", "--untracked-files=no")
    return f"{version} {revision}{'+' if changed else ''}".strip() if revision else version
