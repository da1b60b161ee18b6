"""The odometer: which place of the pipe a frame shows, from a file of counter readings.

The counter is believed as it stands: where it is preset, reset or runs backwards, chainage does the same, and the place is flagged.
Between two readings chainage is interpolated for at most one second; beyond that it is unknown, never invented.
"""

import csv
import math
import re
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_sdk.camera.frame import Frame
from edge_sdk.errors import OdometerError
from edge_sdk.records import ChainageQuality, OdometerRecord

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
MAX_INTERPOLATION_S = 1.0
MAX_SPEED_M_S = 0.5  # twice the speed limit of an inspection (Sewer-ML, section 3.2): crawlers reverse faster than they inspect
COUNTER_STEP_M = 0.25  # a coarse counter moves in steps; only what exceeds both is a jump
RESET_M = 0.01  # a counter that lands on zero was reset
SAME_TIME_S = 1e-3
MAX_LINE_BYTES = 64 * 1024

_DISTANCE = re.compile(r"(?:distance|counter|chainage|odometer)(?:_(m|cm|mm|ft|in))?")


@dataclass(frozen=True, slots=True)
class Chainage:
    """Where the camera stands: metres by the counter (None: unknown), how it is known, and the run of the counter it belongs to.

    `segment` grows by one at each jump or reset: positions of two segments do not compare.
    """

    value_m: float | None
    quality: ChainageQuality
    segment: int = 0


@dataclass(frozen=True, slots=True)
class _Reading:
    time_s: float
    value_m: float
    quality: ChainageQuality
    segment: int


class Odometer:
    """Counter readings of one drive.

    Args:
        record: Where they come from, for the report.
        readings: By rising time.
        by_file: For stills, the reading's index by file name; times are then the stills' own.
    """

    def __init__(self, record: OdometerRecord, readings: list[_Reading], by_file: dict[str, int]) -> None:
        self.record = record
        self._readings, self._by_file = readings, by_file
        self._times = [reading.time_s for reading in readings]

    @classmethod
    def from_csv(cls, path: Path | str, *, fps: float, unit: str | None = None) -> "Odometer":
        """Read a CSV file with a header line.

        One column says when: `file` (a still's name), `frame` (number from 0) or `time_s`; the first of these that is there counts, and
        `time_s` beside `file` gives the stills their times. One column says where: `distance`, `counter`, `chainage` or `odometer` with
        the unit as its ending (`_m _cm _mm _ft _in`) or given as `unit`. Other columns are ignored.

        Args:
            path: The file; commas or semicolons.
            fps: Frames per second of the film, to turn frame numbers into times.
            unit: Unit of the distances where the header does not say it.

        Raises:
            OdometerError: If the file cannot be read, a column is missing, or a value is no finite number or goes back in time; with the
                line.
        """
        path = Path(path)
        rows = _rows(path)
        columns = _columns(path, rows[0][1], unit)
        times: list[float] = []
        values: list[float] = []
        names: list[str] = []
        for line, row in rows[1:]:
            times.append(_time_s(path, line, row, columns, fps, fallback=len(times) / fps))
            values.append(_number(path, line, row, columns.distance) * METRES[columns.unit])
            names.append(row[columns.when].strip() if columns.key == "file" else "")
            if len(times) > 1 and times[-1] <= times[-2]:
                raise OdometerError(f"{path}, line {line}: {columns.key} does not grow; sort the file and remove double lines")
        if not values:
            raise OdometerError(f"{path}: no readings below the header")
        readings = _judged(times, values)
        jumps, resets = (sum(reading.quality == q for reading in readings) for q in ("jump", "reset"))
        record = OdometerRecord(name=path.name, key=columns.key, unit=columns.unit, samples=len(readings), jumps=jumps, resets=resets)
        return cls(record, readings, {name: i for i, name in enumerate(names)} if columns.key == "file" else {})

    def check_covers(self, *, duration_s: float | None) -> None:
        """Refuse readings that lie outside the film altogether.

        Raises:
            OdometerError: If the last reading is before the film's start or the first after its end.
        """
        if self._by_file or duration_s is None:
            return
        first, last = self._times[0], self._times[-1]
        if last < 0 or first > duration_s + MAX_INTERPOLATION_S:
            raise OdometerError(
                f"{self.record.name}: readings from {first:g} to {last:g} s, but the film runs from 0 to {duration_s:g} s; "
                "count the times from the film's start"
            )

    def time_s(self, frame: Frame) -> float:
        """The frame's time: the reading's own for a still that has one, else the frame's."""
        reading = self._by_file.get(frame.name or "")
        return frame.time_s if reading is None else self._times[reading]

    def at(self, frame: Frame) -> Chainage:
        """Chainage of a frame; `value_m` is None where no reading is near enough."""
        if self._by_file:
            index = self._by_file.get(frame.name or "")
            return Chainage(None, "none") if index is None else _chainage(self._readings[index])
        return self._at_time(frame.time_s)

    def _at_time(self, time_s: float) -> Chainage:
        after = bisect_right(self._times, time_s + SAME_TIME_S)
        if after == 0:
            return Chainage(None, "none")
        before = self._readings[after - 1]
        age_s = time_s - before.time_s
        if age_s <= SAME_TIME_S:
            return _chainage(before)
        if after == len(self._readings):
            return Chainage(before.value_m, "interpolated", before.segment) if age_s <= MAX_INTERPOLATION_S else Chainage(None, "stale")
        return _between(before, self._readings[after], time_s)


@dataclass(frozen=True, slots=True)
class _Columns:
    key: Literal["time", "frame", "file"]
    when: str
    time: str | None
    distance: str
    unit: str


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Header and rows with their line numbers; the header maps each name to itself."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise OdometerError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OdometerError(f"{path}: not a text file; give a CSV with a header line") from error
    lines = text.splitlines()
    if not lines or any(len(line) > MAX_LINE_BYTES for line in lines):
        raise OdometerError(f"{path}: {'empty' if not lines else 'a line of over 64 KiB'}; give a CSV with a header line")
    delimiter = ";" if lines[0].count(";") > lines[0].count(",") else ","
    reader = csv.reader(lines, delimiter=delimiter)
    header = [name.strip().lower() for name in next(reader)]
    rows = [(1, {name: name for name in header})]
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise OdometerError(f"{path}, line {reader.line_num}: {len(row)} values for {len(header)} columns")
        rows.append((reader.line_num, dict(zip(header, row, strict=True))))
    return rows


def _columns(path: Path, header: dict[str, str], unit: str | None) -> _Columns:
    keys: tuple[tuple[Literal["time", "frame", "file"], str], ...] = (("file", "file"), ("frame", "frame"), ("time", "time_s"))
    when = next(((key, name) for key, name in keys if name in header), None)
    distances = [(name, match.group(1)) for name in header if (match := _DISTANCE.fullmatch(name))]
    if when is None or not distances:
        missing = "file, frame or time_s" if when is None else "distance_m, counter_ft or the like"
        raise OdometerError(f"{path}: no column {missing} in the header ({', '.join(header)})")
    name, ending = distances[0]
    if unit is not None and unit not in METRES:
        raise OdometerError(f"{path}: unit {unit} is not one of {', '.join(METRES)}")
    if ending is None and unit is None:
        raise OdometerError(f"{path}: column {name} has no unit; name it {name}_m or the like, or give --odometer-unit")
    if ending is not None and unit not in (None, ending):
        raise OdometerError(f"{path}: column {name} is in {ending}, but --odometer-unit says {unit}")
    return _Columns(when[0], when[1], "time_s" if "time_s" in header else None, name, ending or str(unit))


def _time_s(path: Path, line: int, row: dict[str, str], columns: _Columns, fps: float, *, fallback: float) -> float:
    if columns.key == "frame":
        return _number(path, line, row, columns.when) / fps
    return fallback if columns.time is None else _number(path, line, row, columns.time)


def _number(path: Path, line: int, row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OdometerError(f"{path}, line {line}: {column} is '{row[column][:40]}', not a finite number")
    return value


def _judged(times: list[float], values: list[float]) -> list[_Reading]:
    """Readings with jumps and resets found: a step no crawler makes, or a landing on zero."""
    readings: list[_Reading] = []
    segment = 0
    for i, (time_s, value_m) in enumerate(zip(times, values, strict=True)):
        quality: ChainageQuality = "ok"
        if i:
            step_m, limit_m = abs(value_m - values[i - 1]), COUNTER_STEP_M + MAX_SPEED_M_S * (time_s - times[i - 1])
            if step_m > COUNTER_STEP_M and abs(value_m) < RESET_M:
                quality = "reset"
            elif step_m > limit_m:
                quality = "jump"
        segment += quality != "ok"
        readings.append(_Reading(time_s, value_m, quality, segment))
    return readings


def _between(before: _Reading, after: _Reading, time_s: float) -> Chainage:
    """Linear between two readings of one segment, within a second of the earlier or later one."""
    if min(time_s - before.time_s, after.time_s - time_s) > MAX_INTERPOLATION_S:
        return Chainage(None, "stale")
    if after.segment != before.segment:
        near = time_s - before.time_s <= MAX_INTERPOLATION_S
        return Chainage(before.value_m, "interpolated", before.segment) if near else Chainage(None, "stale")
    share = (time_s - before.time_s) / (after.time_s - before.time_s)
    return Chainage(before.value_m + share * (after.value_m - before.value_m), "interpolated", before.segment)


def _chainage(reading: _Reading) -> Chainage:
    return Chainage(reading.value_m, reading.quality, reading.segment)
