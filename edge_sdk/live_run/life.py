"""A live run from its beginning to its end: its parts, put together, started in order and ended in order.

Stream, ledger, scribe and journal stand in a row, each in a thread of its own; the supervisor looks at all of them. The end comes down the
same row: no more frames, what they showed, its end in the journal, the disk.
"""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge_sdk.camera.live import LiveSource
from edge_sdk.camera.quality import FrameQuality
from edge_sdk.errors import InputError
from edge_sdk.inspector import Inspector
from edge_sdk.journal.entries import End
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.live import STOP_S, LiveStream
from edge_sdk.live.outbox import Outbox
from edge_sdk.live.result import MAX_CAMERAS, LiveEvent, LiveSettings
from edge_sdk.live_run.exchange import Exchange
from edge_sdk.live_run.ledger import Ledger, accounting_record
from edge_sdk.live_run.look import snapshot_of
from edge_sdk.live_run.opening import open_journal
from edge_sdk.live_run.record import CameraFacts, LiveRecord
from edge_sdk.live_run.roster import Roster
from edge_sdk.live_run.scribe import Scribe
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import Inspection, Observation
from edge_sdk.supervision import Limits, Metrics, Notifier, Snapshot, Supervisor, Transition
from edge_sdk.throughput import join_or_leave

LEDGER_S = 1.0
ERRORS = frozenset({"stuck", "failed", "worker_replaced"})
WARNINGS = frozenset({"swap_refused", "swap_reverted", "source_error"})


class LiveRun:
    """The parts of one live run; the arguments and errors are those of `LiveInspection`."""

    def __init__(
        self,
        inspector: Inspector,
        *,
        out: Path,
        cameras: int,
        sources: Sequence[LiveSource],
        odometer: OdometerFeed | None,
        name: str | None,
        settings: LiveSettings | None,
        pictures: bool,
        metrics_port: int | None,
        notifier: Notifier | None,
        limits: Limits | None,
        overwrite: bool,
        resume: bool,
    ) -> None:
        num_cameras = len(sources) or cameras
        if not 1 <= num_cameras <= MAX_CAMERAS:
            raise ValueError(f"{num_cameras} cameras; a live inspection takes 1 to {MAX_CAMERAS}")
        if overwrite and resume:
            raise ValueError("a run is either deleted or gone on with; give one of overwrite and resume")
        self._out, self._sources, metrics = out, sources, Metrics()
        self._names = [item.name for item in sources] or [f"camera {i}" for i in range(num_cameras)]
        self.odometer = odometer or OdometerFeed()
        self._roster = Roster(metrics.observe_inference)
        settings = _with_thresholds(settings or LiveSettings(policy=inspector.policy), inspector)
        model = self._roster.add(inspector, owned=False)

        name = name or (", ".join(self._names) if sources else "robot")
        record = LiveRecord(name, self.odometer, given=odometer is not None, likely=not sources)
        self._opened = open_journal(out, record, self._roster, model.identity, settings, overwrite=overwrite, resume=resume)
        self._journal, self._record = self._opened.journal, self._opened.record

        began_ns = time.monotonic_ns() - round(self._opened.begin_s * 1e9)
        self.stream = LiveStream(
            model, settings, num_cameras=num_cameras, odometer=self.odometer, checks=[FrameQuality() for _ in range(num_cameras)],
            keep_images=pictures, began_ns=began_ns,
        )  # fmt: skip
        self.exchange = Exchange(inspector, self.stream, self._roster, self._journal)
        self.acknowledged: Outbox[Observation] = Outbox("live-observation")
        self._scribe = Scribe(self._journal, out, self.acknowledged.put, pictures=pictures)
        self.supervisor = Supervisor(
            lambda: self.status, run_dir=out, notifier=notifier, metrics=metrics, metrics_port=metrics_port, limits=limits,
            on_transition=self._on_transition,
        )  # fmt: skip
        self.ledger = Ledger(
            self.stream, self.odometer, self._roster, put=self._scribe.put, run_id=self._record.run_id, num_cameras=num_cameras,
            began_ns=began_ns, expects_odometer=odometer is not None or self._record.placed, begin_s=self._opened.begin_s,
            first_seq=self._opened.first_seq, on_result=lambda age_s: self.supervisor.frame_done(age_s=age_s),
        )  # fmt: skip
        self.stream.on_event(self._on_event)
        self._life = threading.Lock()
        self._inspection: Inspection | None = None
        self._begun = self._over = False

    def start(self) -> None:
        """Begin; see `LiveInspection.start`."""
        with self._life:
            if self._begun or self._over:
                raise RuntimeError("a live inspection has one life; make another one")
            self._begun = True
            try:
                self.supervisor.start()
            except InputError:
                self._inspection = self._withdrawn()
                raise
            self._scribe.start()
            self.stream.start()
            self.ledger.start()
            for camera, source in enumerate(self._sources):
                self.stream.attach(source, camera)

    def stop(self, flush_s: float, interrupted_by: str | None) -> Inspection:
        """End; see `LiveInspection.stop`."""
        with self._life:
            if self._inspection is None:
                self._inspection = self._end(flush_s, interrupted_by) if self._begun else self._withdrawn()
            return self._inspection

    @property
    def inspection(self) -> Inspection | None:
        """The record of the ended run; None while it goes on."""
        return self._inspection

    @property
    def status(self) -> Snapshot:
        """The run at this instant."""
        return snapshot_of(
            self.stream, self.ledger, self._roster, self._journal, self._out, self._names, observations=self._scribe.num_acknowledged
        )

    def _end(self, flush_s: float, interrupted_by: str | None) -> Inspection:
        deadline_s = time.monotonic() + STOP_S + flush_s
        phase = self.stream.stop(STOP_S)
        if not self._over:
            if self.ledger.finish(max(flush_s / 2, LEDGER_S)):
                self._scribe.put(End(inspection=self._ended(interrupted_by)))
            else:  # what it holds is not recorded: a record that ends in order would say that nothing is missing
                self._journal.add_event("error", "ledger_left", "the run was stopped before all that it had seen was taken in")
            self._scribe.finish(max(deadline_s - time.monotonic(), 0.1))
        self._over = True
        self._journal.close(max(deadline_s - time.monotonic(), 0.1))
        self.supervisor.stop(interrupted_by or "stopped")
        self.acknowledged.close()
        join_or_leave(self.acknowledged.threads, timeout_s=LEDGER_S)
        if phase != "abandoned":
            self._roster.close()
        return inspection_from_journal(self._out)

    def _withdrawn(self) -> Inspection:
        """This life never began: the folder is left as it was."""
        self._over = True
        self.stream.stop()
        inspection = self._opened.withdraw(self._out)
        self.acknowledged.close()
        return inspection

    def _ended(self, interrupted_by: str | None) -> Inspection:
        stream, ledger, model = self.stream, self.ledger, self.stream.status.model
        return self._record.ended(
            self._roster.context(model, stream.settings),
            accounting_record(stream.accounting),
            ledger.coverage(),
            size_wh=ledger.size_wh,
            cameras=[CameraFacts(camera.reconnects, camera.frames_lost) for camera in stream.status.cameras],
            swaps=self.exchange.reports,
            changes=self._roster.watch(model).changes,
            pictures_left_out=self._scribe.pictures_left_out,
            defects=ledger.defects,
            interrupted_by=interrupted_by,
        )

    def _on_event(self, event: LiveEvent) -> None:
        if self._over:
            return
        level = "error" if event.kind in ERRORS else "warn" if event.kind in WARNINGS else "info"
        self._journal.add_event(level, event.kind, event.reason)
        if event.kind in ("swap_kept", "swap_reverted"):
            self.exchange.settle()

    def _on_transition(self, change: Transition) -> None:
        if not self._over:
            text = f"{change.before} -> {change.after}: {change.reason}"
            self._journal.add_event("warn" if change.entered else "info", f"state_{change.after.lower()}", text)


def _with_thresholds(settings: LiveSettings, inspector: Inspector) -> LiveSettings:
    """The model's own thresholds where none were given."""
    return settings if settings.thresholds else msgspec.structs.replace(settings, thresholds=inspector.graph.thresholds)
