"""The odometer of a live drive: counter readings as the robot sends them, and the chainage of each frame by the monotonic clock.

The same rules as for a file of readings (`odometer.py`): the counter is believed as it stands, jumps and resets start a new segment, and
a frame further than one second from the readings beside it has no chainage. Readings may come from any thread; none is ever waited for.
"""

import math
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from edge_sdk.camera.frame import Frame
from edge_sdk.errors import OdometerError
from edge_sdk.odometer import COUNTER_STEP_M, MAX_INTERPOLATION_S, MAX_SPEED_M_S, RESET_M, SAME_TIME_S, Chainage
from edge_sdk.odometer_csv import MAX_CHAINAGE_M, columns_of, metres_in, number_in, table_from_csv
from edge_sdk.records import ChainageQuality, OdometerRecord

SampleFlag = Literal["ok", "backward", "jump", "reset", "late", "rejected"]

HISTORY_S = 30.0  # a result older than that belongs to a stuck inference; its frame has no chainage
MAX_SAMPLES = 8192  # 30 s at 250 readings/s; a faster counter is remembered for a shorter time
FUTURE_S = 1.0  # a reading later than now by more than that was not stamped with the monotonic clock
REVERSE_M = 1e-3  # a counter that trembles by less stands still
NS = 1_000_000_000


class OdometerFeed:
    """Counter readings of a drive that goes on; fits where an `Odometer` does.

    Args:
        name: What the counter is called in the record.
    """

    def __init__(self, name: str = "robot") -> None:
        self._name = name
        self._lock = threading.Lock()
        self._times_ns: list[int] = []
        self._samples: list[tuple[float, ChainageQuality, int]] = []  # metres, quality, segment
        self._flags: Counter[SampleFlag] = Counter()
        self._net_m = 0.0

    def push(self, distance_m: float, time_ns: int | None = None) -> SampleFlag:
        """Take a reading; never waits and never raises for a bad value, which is counted instead.

        Args:
            distance_m: The counter in metres.
            time_ns: When it was read, `time.monotonic_ns()`; None for now.

        Returns:
            What was made of it. `ok` and `backward` (the robot reverses) are plain readings; `jump` and `reset` begin a new segment;
            `late` (not newer than the last one) and `rejected` (NaN, infinite, over 100 km, or later than now) are not used.
        """
        now_ns = time.monotonic_ns()
        at_ns = now_ns if time_ns is None else int(time_ns)
        with self._lock:
            flag = self._judge(float(distance_m), at_ns, now_ns)
            self._flags[flag] += 1
            if flag not in ("late", "rejected"):
                self._append(float(distance_m), at_ns, flag)
            return flag

    def at(self, frame: Frame) -> Chainage:
        """Chainage of a frame by its capture time; `value_m` is None where no reading is near enough."""
        return self.at_ns(frame.captured_ns)

    def at_ns(self, time_ns: int) -> Chainage:
        """Chainage at an instant of the monotonic clock."""
        with self._lock:
            after = bisect_right(self._times_ns, time_ns + int(SAME_TIME_S * NS))
            if after == 0:
                return Chainage(None, "none")
            value_m, quality, segment = self._samples[after - 1]
            age_s = (time_ns - self._times_ns[after - 1]) / NS
            if age_s <= SAME_TIME_S:
                return Chainage(value_m, quality, segment)
            if after == len(self._times_ns) or self._samples[after][2] != segment:
                near = age_s <= MAX_INTERPOLATION_S
                return Chainage(value_m if near else None, "interpolated" if near else "stale", segment)
            return self._between(after, time_ns, age_s)

    def time_s(self, frame: Frame) -> float:
        """The frame's own time."""
        return frame.time_s

    @property
    def looks(self) -> int:
        """+1 where the counter has risen over the drive so far, so that the camera looks towards rising chainage, else -1."""
        return -1 if self._net_m < 0 else 1

    @property
    def flags(self) -> dict[SampleFlag, int]:
        """How many readings there were of each kind."""
        with self._lock:
            return dict(self._flags)

    @property
    def record(self) -> OdometerRecord:
        """For the inspection's record; readings that were not used do not count as samples."""
        flags = self.flags
        used = sum(count for flag, count in flags.items() if flag not in ("late", "rejected"))
        return OdometerRecord(
            name=self._name, key="time", unit="m", samples=used, jumps=flags.get("jump", 0), resets=flags.get("reset", 0)
        )  # fmt: skip

    def _judge(self, value_m: float, at_ns: int, now_ns: int) -> SampleFlag:
        if not math.isfinite(value_m) or abs(value_m) > MAX_CHAINAGE_M or at_ns > now_ns + int(FUTURE_S * NS):
            return "rejected"
        if not self._times_ns:
            return "ok"
        if at_ns <= self._times_ns[-1]:
            return "late"
        step_m = value_m - self._samples[-1][0]
        if abs(step_m) > COUNTER_STEP_M + MAX_SPEED_M_S * (at_ns - self._times_ns[-1]) / NS:
            return "reset" if abs(value_m) < RESET_M else "jump"
        return "backward" if step_m < -REVERSE_M else "ok"

    def _append(self, value_m: float, at_ns: int, flag: SampleFlag) -> None:
        new_segment = flag in ("jump", "reset")
        quality: ChainageQuality = "jump" if flag == "jump" else "reset" if flag == "reset" else "ok"
        segment = self._samples[-1][2] + new_segment if self._samples else 0
        if self._samples and not new_segment:
            self._net_m += value_m - self._samples[-1][0]
        self._times_ns.append(at_ns)
        self._samples.append((value_m, quality, segment))
        self._forget(at_ns)

    def _forget(self, now_ns: int) -> None:
        """Drop readings nobody will ask for; in blocks, so that a reading costs the same on average."""
        if len(self._times_ns) % 256:
            return
        old = max(bisect_right(self._times_ns, now_ns - int(HISTORY_S * NS)), len(self._times_ns) - MAX_SAMPLES)
        if old > 0:
            del self._times_ns[:old], self._samples[:old]

    def _between(self, after: int, time_ns: int, age_s: float) -> Chainage:
        before_m, _, segment = self._samples[after - 1]
        following_m, following_ns = self._samples[after][0], self._times_ns[after]
        if min(age_s, (following_ns - time_ns) / NS) > MAX_INTERPOLATION_S:
            return Chainage(None, "stale", segment)
        share = (time_ns - self._times_ns[after - 1]) / (following_ns - self._times_ns[after - 1])
        return Chainage(before_m + share * (following_m - before_m), "interpolated", segment)


def readings_from_csv(path: Path | str, *, start_ns: int, unit: str | None = None) -> Sequence[tuple[float, int]]:
    """Readings of a recorded drive for `OdometerFeed.push`: metres, and the monotonic time when the replay began at `start_ns`.

    Args:
        path: A CSV file as `Odometer.from_csv` takes it, with a column `time_s`.
        start_ns: The instant of the monotonic clock that stands for zero seconds.
        unit: Unit of the distances where the header does not say it.

    Raises:
        OdometerError: If the file cannot be read, has no `time_s`, or a value is no finite number (with the line).
    """
    path = Path(path)
    rows = table_from_csv(path)
    columns = columns_of(path, rows[0][1], unit)
    if columns.time is None:
        raise OdometerError(f"{path}: no column time_s in the header; a live drive is placed by time")
    when = columns.time
    return [
        (metres_in(path, line, row, columns), start_ns + round(number_in(path, line, row, when) * NS)) for line, row in rows[1:]
    ]  # fmt: skip
