"""The status of a running inspection as a file in its folder, and the verdict of whoever reads it.

Written whole (temporary file, rename) and not synced: a second later there is a new one, and flash memory wears. Its age is told by the
monotonic clock of one boot, its process by number and start time; a status that was left behind is never taken for a live one.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from edge_sdk.errors import InputError
from edge_sdk.supervision.diagnostics import STALE_PERIODS, Level, Severity
from edge_sdk.supervision.host import boot_id, pid_namespace, start_ticks
from edge_sdk.supervision.lifecycle import State

FILE = "status.json"
SCHEMA_VERSION = 1
WRITE_EVERY_S = 1.0
MAX_BYTES = 1 << 20


class Lack(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is lacking."""

    name: str
    severity: Severity
    detail: str
    for_s: float


class CameraState(msgspec.Struct, frozen=True, kw_only=True):
    """One camera; the name is without credentials."""

    name: str
    state: str
    frame_age_s: float | None
    reconnects: int
    frames_lost: int
    quality: tuple[str, ...]


class FrameCounts(msgspec.Struct, frozen=True, kw_only=True):
    """`received == processed + sum(dropped.values()) + in_flight`; `per_s` is what was processed over the last seconds."""

    received: int
    processed: int
    dropped: Mapping[str, int]
    in_flight: int
    per_s: float | None


class JournalBacklog(msgspec.Struct, frozen=True, kw_only=True):
    """The durable log."""

    state: str
    reason: str
    waiting: int
    num_bytes: int


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """Who wrote: a number and a start time name a process for good, within a boot and a namespace of numbers."""

    pid: int
    start_ticks: int | None
    pid_namespace: str
    boot_id: str


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A run at the monotonic instant `monotonic_s`; `time_utc` is for people only. None: not known here."""

    schema_version: int
    process: Process
    monotonic_s: float
    time_utc: str
    running_s: float
    state: State
    level: Level
    phase: str
    lacking: tuple[Lack, ...]
    model: str
    provider: str
    precision: str
    frames: FrameCounts
    cameras: tuple[CameraState, ...]
    result_age_s: float | None
    progress_age_s: float
    results_lost: int
    observations: int
    journal: JournalBacklog | None
    chainage_m: float | None
    odometer_age_s: float | None
    disk_free_bytes: int | None
    temperature_c: float | None


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the reader makes of a status: `age_s` is None if it is of another boot; `healthy` if it lives, is fresh and lacks nothing."""

    healthy: bool
    ended: bool
    gone: bool
    stale: bool
    age_s: float | None


def this_process() -> Process:
    """The one that asks."""
    return Process(pid=os.getpid(), start_ticks=start_ticks("self"), pid_namespace=pid_namespace(), boot_id=boot_id())


def write_status(run_dir: Path, status: Status) -> None:
    """Replace the status file.

    Raises:
        OSError: If it cannot be written; the old one is then still there.
    """
    temporary = run_dir / f".{FILE}.part"
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(status), indent=1) + b"\n")
    temporary.replace(run_dir / FILE)


def read_status(run_dir: Path) -> Status:
    """Read the status of a run.

    Raises:
        InputError: If there is none, or it cannot be read.
    """
    path = run_dir / FILE
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give the folder of a live run") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path}: larger than {MAX_BYTES >> 20} MiB; that is no status file")
    try:
        return msgspec.json.decode(data, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a status file of this SDK: {error}") from error


def judge(status: Status) -> Verdict:
    """Whether a status speaks of a process that lives, and is well."""
    here, there = this_process(), status.process
    same_boot = here.boot_id == there.boot_id
    age_s = max(time.monotonic() - status.monotonic_s, 0.0) if same_boot else None
    stale = age_s is None or age_s > STALE_PERIODS * WRITE_EVERY_S
    visible = here.pid_namespace == there.pid_namespace  # a container's numbers say nothing outside of it
    gone = not same_boot or (visible and (there.start_ticks is None or start_ticks(there.pid) != there.start_ticks))
    ended = status.state == "FINALIZED"
    healthy = not (stale or gone or ended) and status.level == "OK"
    return Verdict(healthy=healthy, ended=ended, gone=gone, stale=stale, age_s=age_s)
