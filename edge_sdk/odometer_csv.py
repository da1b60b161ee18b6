"""The odometer's file: a CSV table of counter readings, read strictly and complained of by line."""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_sdk.errors import OdometerError

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "ft": 0.3048, "in": 0.0254}
MAX_LINE_BYTES = 64 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_CHAINAGE_M = 100_000.0  # no crawler has that much cable

_DISTANCE = re.compile(r"(?:distance|counter|chainage|odometer)(?:_(m|cm|mm|ft|in))?")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns say when and where: by what key, the times beside file names, and the unit of the distances."""

    key: Literal["time", "frame", "file"]
    when: str
    time: str | None
    distance: str
    unit: str


def table_from_csv(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Header and rows with their line numbers; the header maps each name to itself."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise OdometerError(f"{path}: over {MAX_FILE_BYTES >> 20} MB; one reading per frame is enough")
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
    try:
        header = [name.strip().lower() for name in next(reader)]
        rows = [(1, {name: name for name in header})]
        rows += [(reader.line_num, _row(path, reader.line_num, header, row)) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise OdometerError(f"{path}, line {reader.line_num}: {error}") from error
    if len(rows[0][1]) != len(header):
        raise OdometerError(f"{path}: a column stands twice in the header ({', '.join(header)})")
    return rows


def _row(path: Path, line: int, header: list[str], row: list[str]) -> dict[str, str]:
    if len(row) != len(header):
        raise OdometerError(f"{path}, line {line}: {len(row)} values for {len(header)} columns")
    return dict(zip(header, row, strict=True))


def columns_of(path: Path, header: dict[str, str], unit: str | None) -> Columns:
    """Find the columns in the header.

    Raises:
        OdometerError: If one is missing, or the unit is unknown or said twice.
    """
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
    return Columns(when[0], when[1], "time_s" if "time_s" in header else None, name, ending or str(unit))


def metres_in(path: Path, line: int, row: dict[str, str], columns: Columns) -> float:
    """The distance of a row in metres; `OdometerError` with the line if it is none a crawler could drive."""
    value_m = number_in(path, line, row, columns.distance) * METRES[columns.unit]
    if abs(value_m) > MAX_CHAINAGE_M:
        raise OdometerError(f"{path}, line {line}: {columns.distance} is {row[columns.distance]}, more than {MAX_CHAINAGE_M:g} m")
    return value_m


def number_in(path: Path, line: int, row: dict[str, str], column: str) -> float:
    """A finite number in a column; `OdometerError` with the line if it is something else."""
    try:
        value = float(row[column].replace("_", "x"))  # Python reads 1_0 as ten; people do not
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OdometerError(f"{path}, line {line}: {column} is '{row[column][:40]}', not a finite number")
    return value
