"""What a journal holds: entries, each with both clocks and a checksum of its own.

A journal is only ever appended to. A row that was read back whole is therefore true wherever it was found: in the database, in the
write-ahead log, or on a page of a damaged file. `entry_id` makes writing twice the same as writing once.
"""

import time
import uuid
import zlib
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.records import Accounting, Gap, Inspection, ModelRecord, Observation, Record

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")  # random(4): new at each boot, so that monotonic times of two boots never mix

PictureMissing = Literal["disk_full", "io_error", "overflow", "not_found"]


class Header(Record, frozen=True, tag_field="kind", tag="run"):
    """How the run began; `inspection` has no observation yet. `policy` are the tracking policy's fields."""

    inspection: Inspection
    policy: dict[str, float]


class ObservationEntry(Record, frozen=True, tag_field="kind", tag="observation"):
    """A closed observation in one revision.

    `replaces` are ids of observations that have grown together into this one. `files` are sha256 by path of its pictures, which were on
    disk before this entry was; `picture_missing` says why there is none where the observation had one.
    """

    observation: Observation
    replaces: tuple[str, ...] = ()
    files: dict[str, str] = msgspec.field(default_factory=dict)
    picture_missing: PictureMissing | None = None


class Sighting(Record, frozen=True):
    """A class in view that is no observation yet: since when and where (chainage null where unknown), with its highest score."""

    code: str
    time_s: float
    chainage_m: float | None
    peak: float


class Readings(Record, frozen=True):
    """Readings of the counter in one life: those used, and how many of them were jumps and resets."""

    samples: int
    jumps: int
    resets: int


class Progress(Record, frozen=True, tag_field="kind", tag="progress", omit_defaults=True):
    """How far the run has come: film time and chainage of its last frame, and the totals. Gaps are entries of their own.

    `size_wh`, the newest picture's, and `readings` are told of a live run, and not each time; a film's header says both. `defects` are
    results that a defect of ours kept out of the record. There is one such entry for each second of a drive: what is not told takes no
    room.
    """

    time_s: float
    chainage_m: float | None
    accounting: Accounting
    from_m: float | None
    to_m: float | None
    travelled_m: float | None
    duration_s: float
    in_view: tuple[Sighting, ...] = ()
    size_wh: tuple[int, int] = (0, 0)
    readings: Readings | None = None
    defects: int = 0


class GapEntry(Record, frozen=True, tag_field="kind", tag="gap"):
    """A gap as it stands; a later entry of the same index replaces it."""

    index: int
    gap: Gap


class Serving(Record, frozen=True, tag_field="kind", tag="serving"):
    """What serves from here on: another model, another provider, other thresholds or another tracking policy."""

    model: ModelRecord
    thresholds: dict[str, float]
    policy: dict[str, float]
    reason: str


class Event(Record, frozen=True, tag_field="kind", tag="event"):
    """Anything a reader of the run should know; `lost` counts entries that were acknowledged to nobody and are gone."""

    level: Literal["info", "warn", "error"]
    name: str
    text: str
    lost: int = 0


class Resumed(Record, frozen=True, tag_field="kind", tag="resumed"):
    """A run that had broken off, or was stopped, goes on; what lies between the last progress and the next is a gap."""


class End(Record, frozen=True, tag_field="kind", tag="end"):
    """How the run ended: its whole record but the observations and gaps, which are entries of their own."""

    inspection: Inspection


Entry = Header | ObservationEntry | Progress | GapEntry | Serving | Event | Resumed | End


class Stamp(NamedTuple):
    """When, by both clocks: monotonic nanoseconds count within one boot, the wall time is information and decides nothing."""

    boot_id: str
    monotonic_ns: int
    wall_utc: str


class Row(NamedTuple):
    """An entry as it is stored; `seq` counts from 1 without holes, so that a hole is a loss."""

    seq: int
    entry_id: str
    boot_id: str
    monotonic_ns: int
    wall_utc: str
    body: str
    crc: int

    @property
    def whole(self) -> bool:
        """Whether the checksum fits."""
        return self.crc == checksum(*self[:-1])


def stamp_now() -> Stamp:
    """Both clocks, now."""
    return Stamp(boot_id(), time.monotonic_ns(), datetime.now(timezone.utc).isoformat(timespec="milliseconds"))


@cache
def boot_id() -> str:
    """This boot's id, or one for this process where the kernel tells none."""
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return str(uuid.uuid4())


def row_from_body(seq: int, entry_id: str, stamp: Stamp, body: str) -> Row:
    """A row with its checksum."""
    return Row(seq, entry_id, *stamp, body, checksum(seq, entry_id, *stamp, body))


def body_from_entry(entry: Entry) -> str:
    """The entry as JSON that reads back as the same entry.

    Raises:
        ValueError: If it does not: a number in it is NaN or infinite.
    """
    try:
        body = msgspec.json.encode(entry).decode()
    except UnicodeEncodeError:  # a file name that is no valid Unicode
        return msgspec.json.encode(_encodable(msgspec.to_builtins(entry))).decode()
    try:
        same = _DECODER.decode(body) == entry
    except msgspec.ValidationError:
        same = False
    if not same:
        raise ValueError(f"{type(entry).__name__} does not read back as it is; a number in it is NaN or infinite")
    return body


def entry_from_body(body: str) -> Entry:
    """Read an entry back.

    Raises:
        msgspec.DecodeError: If it is none of this version's.
    """
    return _DECODER.decode(body)


def entry_of(row: Row, name: str) -> Entry:
    """Read a row's entry; `name` is the journal's.

    Raises:
        OutputError: If it is none of this version's.
    """
    try:
        return _DECODER.decode(row.body)
    except msgspec.DecodeError as error:
        raise OutputError(f"{name}: entry {row.seq} is of another version ({error}); use a newer sewer-edge") from error


def is_progress(row: Row) -> bool:
    """Whether a row tells of progress, as most do, without reading it."""
    return row.body.startswith(_PROGRESS)


def checksum(seq: int, entry_id: str, boot_id: str, monotonic_ns: int, wall_utc: str, body: str) -> int:
    """CRC-32 over everything a row says: against rot and cut-off writing, not against people."""
    return zlib.crc32("\x1f".join((str(seq), entry_id, boot_id, str(monotonic_ns), wall_utc, body)).encode())


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value


_PROGRESS = '{"kind":"progress",'
_DECODER: msgspec.json.Decoder[Entry] = msgspec.json.Decoder(Entry)
