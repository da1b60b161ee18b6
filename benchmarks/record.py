"""One measurement with its conditions: a line of JSON. A number without its conditions is not a number.

A file of records is JSON lines, appended to, so that an interrupted run keeps what it has measured. Reading is strict: an unknown key,
a wrong type or another schema is one line that says what to do.
"""

import errno
import os
from collections.abc import Iterable
from contextlib import suppress
from io import FileIO
from pathlib import Path

import msgspec

from benchmarks.distribution import Distribution
from benchmarks.errors import RecordError
from benchmarks.fingerprint import Fingerprint
from benchmarks.state import State
from edge_sdk.errors import OutputError

SCHEMA_VERSION = 1
Setting = str | int | float | bool | None


class BundleRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The bundle and graph that ran: digest of the manifest, which covers every byte, and of the ONNX file."""

    identity: str
    sha256: str
    precision: str
    graph_sha256: str


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One measurement.

    `verb` and `name` say what; `settings` how (provider, threads, film, batch, ...). A timed thing has a `distribution`, anything else its
    `figures`; what could not be measured is in `not_measured` with its reason, never a zero. `rounds` are medians of successive rounds,
    for paired comparisons: two records of one `pairing` were made in turns. `failed` says which bounds a gate found broken.
    """

    schema_version: int = SCHEMA_VERSION
    verb: str
    name: str
    created_utc: str
    code: str
    fingerprint: Fingerprint
    before: State
    after: State
    bundle: BundleRef | None
    settings: dict[str, Setting]
    distribution: Distribution | None = None
    figures: dict[str, float] = {}
    not_measured: dict[str, str] = {}
    rounds: tuple[float, ...] = ()
    pairing: str | None = None
    failed: tuple[str, ...] = ()


class _SchemaOnly(msgspec.Struct):
    schema_version: int


def append_record(path: Path, record: Measurement) -> None:
    """Add one line, whole or not at all: half a line would cost all the others.

    Raises:
        OutputError: If the file cannot be written.
    """
    try:
        begin = b"" if _ends_well(path) else b"\n"  # a line cut off by a power failure stays alone
        with path.open("ab", buffering=0) as file:
            _write_whole(file, begin + msgspec.json.encode(record) + b"\n")
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}; choose another --out") from error


def _ends_well(path: Path) -> bool:
    """Whether a file is empty, not there yet, no file on a disk, or ends with its last line."""
    if not path.is_file() or not path.stat().st_size:
        return True
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _write_whole(file: FileIO, line: bytes) -> None:
    if not file.seekable():
        file.write(line)
        return
    end = file.seek(0, os.SEEK_END)
    try:
        if file.write(line) != len(line):  # a disk that is full takes what it can, and says so at the next write only
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with suppress(OSError):
            file.truncate(end)
        raise


def check_writable(path: Path) -> None:
    """Find out before the first measurement whether its line can be kept.

    Raises:
        OutputError: If not.
    """
    was_there = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()
        if not was_there:  # nothing is measured yet, and may never be
            path.unlink()
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}; choose another --out") from error


def read_records(paths: Iterable[Path]) -> tuple[Measurement, ...]:
    """All records of some files, in order.

    Raises:
        RecordError: If a file cannot be read, holds none, or a line is of another schema or no record.
    """
    return tuple(record for path in paths for record in _read(path))


def _read(path: Path) -> list[Measurement]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}; give a file that 'python -m benchmarks' wrote with --out") from error
    records = [record_from_json(line, where=f"{path}, line {number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not records:
        raise RecordError(f"{path}: holds no record; measure first, 'python -m benchmarks all --out {path}'")
    return records


def record_from_json(line: bytes, *, where: str = "record") -> Measurement:
    """Read one line.

    Raises:
        RecordError: If it is of another schema, or no record.
    """
    try:
        schema = msgspec.json.decode(line, type=_SchemaOnly).schema_version
        if schema < SCHEMA_VERSION:
            raise RecordError(f"{where}: schema {schema} is older than this version's {SCHEMA_VERSION}; measure again into a new file")
        if schema > SCHEMA_VERSION:
            raise RecordError(f"{where}: schema {schema} is newer than this version's {SCHEMA_VERSION}; read it with a newer checkout")
        return msgspec.json.decode(line, type=Measurement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{where}: not a benchmark record ({error}); take that line out, or give another file") from error
