"""From a look at a run to its status file, once a second and at every change of state."""

import logging
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from edge_sdk.camera.redact import redacted
from edge_sdk.supervision.degradation import Degradation
from edge_sdk.supervision.diagnostics import Level
from edge_sdk.supervision.host import Host
from edge_sdk.supervision.lifecycle import State
from edge_sdk.supervision.snapshot import CameraSnapshot, JournalSnapshot, Snapshot
from edge_sdk.supervision.status_file import (
    SCHEMA_VERSION,
    WRITE_EVERY_S,
    CameraState,
    FrameCounts,
    JournalBacklog,
    Lack,
    Status,
    this_process,
    write_status,
)

logger = logging.getLogger(__name__)

RATE_WINDOW_S = 5.0


class StatusWriter:
    """Writes the status of one run.

    Args:
        run_dir: Its folder; None writes nothing.
    """

    def __init__(self, run_dir: Path | None) -> None:
        self._run_dir, self._process, self._began_s = run_dir, this_process(), time.monotonic()
        self._written: tuple[float, State] | None = None
        self._processed: deque[tuple[float, int]] = deque()
        self._complained = False

    def due(self, state: State) -> bool:
        """Whether a second has gone by, or the state has changed."""
        return self._written is None or state != self._written[1] or time.monotonic() - self._written[0] >= WRITE_EVERY_S

    def write(self, status: Status) -> None:
        """Write the file; a disk that takes none is said once, and asked again a second later."""
        self._written = (time.monotonic(), status.state)
        if self._run_dir is None:
            return
        try:
            write_status(self._run_dir, status)
            self._complained = False
        except OSError as error:
            if not self._complained:
                logger.warning("%s: the status cannot be written: %s", self._run_dir, error.strerror)
            self._complained = True

    def status(
        self,
        snapshot: Snapshot,
        host: Host,
        *,
        state: State,
        level: Level,
        lacking: Sequence[Degradation],
        result_age_s: float | None,
        progress_age_s: float,
    ) -> Status:
        """The record of this instant."""
        now_s, journal, frames = time.monotonic(), snapshot.journal, snapshot.accounting
        return Status(
            schema_version=SCHEMA_VERSION,
            process=self._process,
            monotonic_s=now_s,
            time_utc=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            running_s=round(now_s - self._began_s, 3),
            state=state,
            level=level,
            phase=snapshot.phase,
            lacking=tuple(
                Lack(name=item.name, severity=item.severity, detail=item.detail, for_s=round(now_s - item.since_s, 3)) for item in lacking
            ),
            model=snapshot.model,
            provider=snapshot.provider,
            precision=snapshot.precision,
            frames=FrameCounts(
                received=frames.received,
                processed=frames.processed,
                dropped=dict(frames.dropped),
                in_flight=frames.in_flight,
                per_s=self._per_s(now_s, frames.processed),
            ),
            cameras=tuple(map(_camera, snapshot.cameras)),
            result_age_s=result_age_s,
            progress_age_s=progress_age_s,
            results_lost=snapshot.results_lost,
            observations=snapshot.observations,
            journal=None if journal is None else _backlog(journal),
            chainage_m=snapshot.chainage_m,
            odometer_age_s=snapshot.odometer_age_s,
            disk_free_bytes=host.disk_free_bytes,
            temperature_c=host.temperature_c,
        )

    def _per_s(self, now_s: float, processed: int) -> float | None:
        """Frames a second over the window; None before there are two looks half a second apart, or where counting began anew."""
        self._processed.append((now_s, processed))
        while now_s - self._processed[0][0] > RATE_WINDOW_S:
            self._processed.popleft()
        elapsed_s, frames = now_s - self._processed[0][0], processed - self._processed[0][1]
        return round(frames / elapsed_s, 3) if elapsed_s >= 0.5 and frames >= 0 else None


def _backlog(journal: JournalSnapshot) -> JournalBacklog:
    return JournalBacklog(state=journal.state, reason=journal.reason, waiting=journal.waiting, num_bytes=journal.num_bytes)


def _camera(camera: CameraSnapshot) -> CameraState:
    return CameraState(
        name=redacted(camera.name),
        state=camera.state,
        frame_age_s=None if camera.frame_age_ms is None else camera.frame_age_ms / 1e3,
        reconnects=camera.reconnects,
        frames_lost=camera.frames_lost,
        quality=camera.quality,
    )
