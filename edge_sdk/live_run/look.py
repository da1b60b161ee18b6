"""A look at a live run for its supervisor: plain values of this instant."""

import time
from collections.abc import Sequence
from pathlib import Path

from edge_sdk.journal import Journal
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveStatus
from edge_sdk.live_run.ledger import Ledger
from edge_sdk.live_run.roster import Roster
from edge_sdk.runtime.chain import attempt_in_words
from edge_sdk.runtime.failure import ABSENT
from edge_sdk.supervision import CameraSnapshot, Counts, JournalSnapshot, Snapshot

DATABASE_FILES = ("journal.sqlite", "journal.sqlite-wal")


def snapshot_of(
    stream: LiveStream, ledger: Ledger, roster: Roster, journal: Journal, run_dir: Path, names: Sequence[str], *, observations: int
) -> Snapshot:
    """The run at this instant; `observations` are those that are on the disk."""
    status, health = stream.status, journal.health
    inspector = roster.inspector(status.model)
    return Snapshot(
        phase=status.state,
        self_test_passed=inspector.self_test.passed,
        model=status.model,
        provider=status.provider,
        precision=inspector.session.precision,
        fallback=_fallback(roster, status),
        accounting=Counts(*status.accounting),
        working_s=status.working_s,
        is_loading=roster.is_loading(status.model),
        results_lost=status.results_lost,
        cameras=_cameras(status, ledger, names),
        journal=JournalSnapshot(health.state, health.reason, health.waiting, _num_bytes(run_dir)),
        observations=observations,
        chainage_m=ledger.chainage_m,
        odometer_age_s=None if ledger.placed_s is None else time.monotonic() - ledger.placed_s,
    )


def _cameras(status: LiveStatus, ledger: Ledger, names: Sequence[str]) -> tuple[CameraSnapshot, ...]:
    return tuple(
        CameraSnapshot(name, camera.source_state, camera.frame_age_ms, camera.reconnects, camera.frames_lost, ledger.quality(number))
        for number, (name, camera) in enumerate(zip(names, status.cameras, strict=True))
    )


def _fallback(roster: Roster, status: LiveStatus) -> str:
    """The newest failure of a runtime that this machine has; one that it never had is no loss."""
    attempts = roster.inspector(status.model).session.attempts
    return next((attempt_in_words(a) for a in reversed(attempts) if a.reason is not None and a.reason not in ABSENT), "")


def _num_bytes(run_dir: Path) -> int:
    return sum(map(_size, (run_dir / name for name in DATABASE_FILES)))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
