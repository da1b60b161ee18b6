"""From the record of an inspection to files that people and programs read.

`report.json` is the canonical record, `observations.csv` the table for spreadsheets, `report.html` one page that needs nothing else.
"""

import os
from pathlib import Path
from typing import Any

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.records import Inspection, json_from_inspection
from edge_sdk.report.html import html_from_inspection
from edge_sdk.report.markup import printable
from edge_sdk.report.table import csv_from_inspection

__all__ = ["csv_from_inspection", "html_from_inspection", "write_reports"]

JSON_NAME = "report.json"
CSV_NAME = "observations.csv"
HTML_NAME = "report.html"


def write_reports(inspection: Inspection, out: Path) -> dict[str, Path]:
    """Write the three reports into `out`, where the observations' pictures lie already.

    The record comes first, so that nothing that happens to the others can lose it. Each file appears whole or not at all.

    Args:
        inspection: The record of a run.
        out: The run's folder; made if it is not there.

    Returns:
        Where each lies, by `json`, `csv` and `html`.

    Raises:
        OutputError: If one cannot be written.
    """
    inspection = _encodable(inspection)
    written = {"json": _write(out / JSON_NAME, json_from_inspection(inspection))}
    written["csv"] = _write(out / CSV_NAME, csv_from_inspection(inspection).encode())
    written["html"] = _write(out / HTML_NAME, html_from_inspection(inspection, out).encode())
    return written


def _write(path: Path, data: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # robots are switched off without warning
        temporary.replace(path)
    except OSError as error:
        _forget(temporary)
        raise OutputError(f"{path}: {error.strerror or error}; check the folder and its free space") from error
    return path


def _forget(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the error that brought us here is the one to tell


def _encodable(inspection: Inspection) -> Inspection:
    """The record itself, or where a file name is no valid Unicode, the record with U+FFFD in its place."""
    try:
        msgspec.json.encode(inspection)
    except UnicodeEncodeError:
        return msgspec.convert(_printable(msgspec.to_builtins(inspection)), Inspection)
    return inspection


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list | tuple) else value
