"""The odometer: which place of the pipe a frame shows, from a file of counter readings.

The counter is believed as it stands: where it is preset, reset or runs backwards, chainage does the same, and the place is flagged. A
frame within one second of a reading has a place, interpolated to the next reading of the same run of the counter; any other frame has
none, for nothing is invented.
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_sdk.camera.frame import Frame
from edge_sdk.errors import OdometerError
from edge_sdk.odometer_csv import Columns, columns_of, metres_in, number_in, table_from_csv
from edge_sdk.records import ChainageQuality, OdometerRecord

MAX_INTERPOLATION_S = 1.0
MAX_SPEED_M_S = 0.5  # twice the speed limit of an inspection (Sewer-ML, section 3.2): crawlers reverse faster than they inspect
COUNTER_STEP_M = 0.25  # a coarse counter moves in steps; only what exceeds both is a jump
RESET_M = 0.01  # a counter that lands on zero was reset
SAME_TIME_S = 1e-3


@dataclass(frozen=True, slots=True)
class Chainage:
    """Where the camera stands: metres by the counter (None: unknown), how it is known, and the run of the counter it belongs to.

    `segment` grows by one at each jump or reset: positions of two segments do not compare.
    """

    value_m: float | None
    quality: ChainageQuality
    segment: int = 0


class DriveSource(Protocol):
    """What an odometer must know of the film or folder it belongs to."""

    name: str
    fps: float
    announced_frames: int | None
    names: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class _Reading:
    """`at` is seconds, or a frame number where the file counts frames or names stills."""

    at: float
    value_m: float
    quality: ChainageQuality
    segment: int


class Odometer:
    """Counter readings of one drive, fitted to its film or folder; made by `Odometer.from_csv`.

    `looks` is +1 where the camera looks towards rising chainage (the counter rises over the whole drive), else -1.
    """

    def __init__(
        self, record: OdometerRecord, readings: list[_Reading], *, per_second: float, still_times_s: tuple[float, ...] | None = None
    ) -> None:
        self.record = record
        self._readings, self._per_second, self._still_times_s = readings, per_second, still_times_s
        self._at = [reading.at for reading in readings]
        self.looks = -1 if sum(b.value_m - a.value_m for a, b in pairwise(readings) if a.segment == b.segment) < 0 else 1

    @classmethod
    def from_csv(cls, path: Path | str, source: DriveSource, *, unit: str | None = None) -> "Odometer":
        """Read a CSV file with a header line.

        One column says when: `file` (a still's name), `frame` (number from 0) or `time_s` (seconds from the film's start); the first of
        these that is there counts, and `time_s` beside `file` gives the stills their times. One column says where: `distance`, `counter`,
        `chainage` or `odometer` with the unit as its ending (`_m _cm _mm _ft _in`) or given as `unit`. Other columns are ignored.

        Args:
            path: The file; commas or semicolons.
            source: The film or folder the readings belong to.
            unit: Unit of the distances where the header does not say it.

        Raises:
            OdometerError: If the file cannot be read, a column is missing, a value is no finite number or goes back in time (with the
                line), or the readings do not belong to this source.
        """
        path = Path(path)
        rows = table_from_csv(path)
        columns = columns_of(path, rows[0][1], unit)
        if len(rows) == 1:
            raise OdometerError(f"{path}: no readings below the header")
        values = [metres_in(path, line, row, columns) for line, row in rows[1:]]
        if columns.key == "file":
            return cls._of_stills(path, rows[1:], columns, values, source)
        at = [number_in(path, line, row, columns.when) for line, row in rows[1:]]
        late = next((i for i in range(1, len(at)) if at[i] <= at[i - 1]), None)
        if late is not None:
            raise OdometerError(f"{path}, line {rows[late + 1][0]}: {columns.key} does not grow; sort the file and remove double lines")
        per_second = source.fps if columns.key == "frame" else 1.0
        _check_covers(path, at, columns.key, source)
        return cls(*_judged(path, columns, at, values, per_second), per_second=per_second)

    @classmethod
    def _of_stills(
        cls, path: Path, rows: list[tuple[int, dict[str, str]]], columns: Columns, values: list[float], source: DriveSource
    ) -> "Odometer":
        """Readings by file name: the stills' order in the folder is the order of the drive."""
        if source.names is None:
            raise OdometerError(f"{path}: its readings are by file name, but {source.name} is a film; give a column time_s or frame")
        position = {name: i for i, name in enumerate(source.names)}
        listed: dict[int, tuple[float, float]] = {}
        for (line, row), value_m in zip(rows, values, strict=True):
            index = position.get(row[columns.when].strip())
            if index in listed:
                raise OdometerError(f"{path}, line {line}: {row[columns.when]} has a reading already; remove double lines")
            if index is not None:
                listed[index] = (index / source.fps if columns.time is None else number_in(path, line, row, columns.time), value_m)
        if not listed:
            raise OdometerError(f"{path}: names none of the {len(source.names)} stills in {source.name}; give file names without folders")
        at = sorted(listed)
        times_s = [listed[i][0] for i in at]
        late = next((k for k in range(1, len(at)) if times_s[k] <= times_s[k - 1]), None)
        if late is not None:
            before, after = source.names[at[late - 1]], source.names[at[late]]
            raise OdometerError(f"{path}: {after} follows {before} in the folder, but its time_s is not later; mend the times or the names")
        record, readings = _judged(path, columns, [float(i) for i in at], [listed[i][1] for i in at], source.fps, times_s=times_s)
        return cls(record, readings, per_second=source.fps, still_times_s=_still_times(len(source.names), at, times_s, source.fps))

    def time_s(self, frame: Frame) -> float:
        """The frame's time: the file's for stills, else the frame's own."""
        return frame.time_s if self._still_times_s is None else self._still_times_s[frame.seq]

    def at(self, frame: Frame) -> Chainage:
        """Chainage of a frame; `value_m` is None where no reading is near enough."""
        if self._still_times_s is not None:
            index = bisect_left(self._at, frame.seq)
            exact = index < len(self._at) and self._at[index] == frame.seq
            return _chainage(self._readings[index]) if exact else Chainage(None, "none", self._segment_before(index))
        return self._interpolated(frame.seq if self.record.key == "frame" else frame.time_s)

    def _interpolated(self, at: float) -> Chainage:
        after = bisect_right(self._at, at + SAME_TIME_S * self._per_second)
        if after == 0:
            return Chainage(None, "none")
        before = self._readings[after - 1]
        age_s = (at - before.at) / self._per_second
        if age_s <= SAME_TIME_S:
            return _chainage(before)
        following = self._readings[after] if after < len(self._readings) else None
        if following is None or following.segment != before.segment:
            near = age_s <= MAX_INTERPOLATION_S
            return Chainage(before.value_m if near else None, "interpolated" if near else "stale", before.segment)
        if min(age_s, (following.at - at) / self._per_second) > MAX_INTERPOLATION_S:
            return Chainage(None, "stale", before.segment)
        share = (at - before.at) / (following.at - before.at)
        return Chainage(before.value_m + share * (following.value_m - before.value_m), "interpolated", before.segment)

    def _segment_before(self, index: int) -> int:
        return self._readings[max(index - 1, 0)].segment


def _check_covers(path: Path, at: list[float], key: str, source: DriveSource) -> None:
    """Refuse readings that lie outside the film altogether."""
    if source.announced_frames is None:
        return
    frames = source.announced_frames
    unit, end, slack = ("s", frames / source.fps, MAX_INTERPOLATION_S) if key == "time" else ("frames", float(frames), source.fps)
    if at[-1] < 0 or at[0] > end + slack:
        raise OdometerError(
            f"{path}: readings from {at[0]:g} to {at[-1]:g} {unit}, but the film runs from 0 to {end:g} {unit}; count from the film's start"
        )


def _judged(
    path: Path, columns: Columns, at: list[float], values: list[float], per_second: float, *, times_s: list[float] | None = None
) -> tuple[OdometerRecord, list[_Reading]]:
    """Readings with jumps and resets found: a step no crawler makes; it is a reset if it lands on zero."""
    times_s = times_s or [x / per_second for x in at]
    readings: list[_Reading] = []
    segment = 0
    for i, value_m in enumerate(values):
        quality: ChainageQuality = "ok"
        if i and abs(value_m - values[i - 1]) > COUNTER_STEP_M + MAX_SPEED_M_S * (times_s[i] - times_s[i - 1]):
            quality = "reset" if abs(value_m) < RESET_M else "jump"
        segment += quality != "ok"
        readings.append(_Reading(at[i], value_m, quality, segment))
    jumps, resets = (sum(reading.quality == q for reading in readings) for q in ("jump", "reset"))
    record = OdometerRecord(name=path.name, key=columns.key, unit=columns.unit, samples=len(readings), jumps=jumps, resets=resets)
    return record, readings


def _still_times(num_stills: int, at: list[int], times_s: list[float], fps: float) -> tuple[float, ...]:
    """A time for every still: the listed ones their own, those between by their share, those outside by the frame rate."""
    times = [float(t) for t in np.interp(range(num_stills), at, times_s)]
    times[: at[0]] = [times_s[0] + (i - at[0]) / fps for i in range(at[0])]
    times[at[-1] + 1 :] = [times_s[-1] + (i - at[-1]) / fps for i in range(at[-1] + 1, num_stills)]
    return tuple(times)


def _chainage(reading: _Reading) -> Chainage:
    return Chainage(reading.value_m, reading.quality, reading.segment)
