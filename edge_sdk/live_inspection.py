"""A live inspection: where stream, quality, tracking, journal and supervision meet, on a robot that must not wait for any of them.

    with LiveInspection(inspector, out=Path("shift-7"), odometer=OdometerFeed()) as live:
        live.on_observation(print)                                  # each once it is on the disk for good
        while driving:
            live.submit(frame_HWC, distance_m=counter)              # returns at once, whatever disk and network do
            newest = live.latest()                                  # so does this
    live.inspection                                                 # the whole record, from the journal

A robot that does not own its camera gives `source=open_live("rtsp://...")` in place of calling `submit`. What was not seen, and why, is
in the record's gaps; the journal in `out` survives a kill, and `sewer-edge report` makes the report from it.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.camera.frame import ChannelOrder
from edge_sdk.camera.live import LiveSource
from edge_sdk.camera.quality import FrameQuality
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.inspector import Inspector
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import End, Header
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.salvage import remove_journal
from edge_sdk.live import STOP_S, LiveStream
from edge_sdk.live.models import SwapReport
from edge_sdk.live.outbox import Outbox, Reader
from edge_sdk.live.result import Latest, LiveEvent, LiveSettings
from edge_sdk.live.worker import one_line
from edge_sdk.live_run.ledger import Ledger, accounting_record
from edge_sdk.live_run.look import snapshot_of
from edge_sdk.live_run.record import CameraFacts, LiveRecord
from edge_sdk.live_run.roster import Roster
from edge_sdk.live_run.scribe import Scribe
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import Inspection, Observation
from edge_sdk.supervision import Limits, Metrics, Notifier, Snapshot, Supervisor, Transition
from edge_sdk.throughput import join_or_leave
from edge_sdk.tracking import TrackingPolicy

logger = logging.getLogger(__name__)

FLUSH_S = 10.0
LEDGER_S = 1.0
OBSERVATIONS_DEPTH = 4096
ERRORS = frozenset({"stuck", "failed", "worker_replaced"})
WARNINGS = frozenset({"swap_refused", "swap_reverted", "source_error"})


class LiveInspection:
    """One live run, with one life; see the module. A context manager: start at the beginning, stop at the end.

    Args:
        inspector: A tested model; the caller closes it, after `stop`.
        out: The run's folder: journal, pictures, status file. One process at a time.
        cameras: How many cameras the robot hands frames in for (1 to 4); with `source` as many as there are sources.
        source: Live sources to read in threads, in the order of the cameras; the caller closes them.
        odometer: Where readings come from; None makes a feed that `submit(distance_m=...)` fills.
        name: What is inspected, for the record; None takes the sources' addresses, without credentials.
        settings: Thresholds (empty: the model's), policy (the inspector's where not given) and time limits.
        pictures: Whether observations get pictures.
        metrics_port: Serve metrics and health on 127.0.0.1; None opens no socket.
        notifier: The service manager, as `Notifier.from_environment()`; None for none.
        limits: When the supervisor calls something lacking.
        overwrite: Delete the journal of an earlier run that lies in `out`.

    Raises:
        OutputError: If the folder cannot be used, or another process writes in it, or holds another run.
        ValueError: If there are no or too many cameras.
    """

    def __init__(
        self,
        inspector: Inspector,
        *,
        out: Path,
        cameras: int = 1,
        source: LiveSource | Sequence[LiveSource] | None = None,
        odometer: OdometerFeed | None = None,
        name: str | None = None,
        settings: LiveSettings | None = None,
        pictures: bool = True,
        metrics_port: int | None = None,
        notifier: Notifier | None = None,
        limits: Limits | None = None,
        overwrite: bool = False,
    ) -> None:
        self._sources = () if source is None else tuple(source) if isinstance(source, Sequence) else (source,)
        num_cameras = len(self._sources) or cameras
        self._inspector, self._out, self._first = inspector, Path(out), inspector.bundle.identity
        self.odometer = odometer or OdometerFeed()
        metrics = Metrics()
        self._roster = Roster(metrics.observe_inference)
        settings = settings or LiveSettings(policy=inspector.policy)
        if not settings.thresholds:
            settings = msgspec.structs.replace(settings, thresholds=inspector.graph.thresholds)
        self.stream = LiveStream(
            self._roster.add(inspector, owned=False), settings, num_cameras=num_cameras, odometer=self.odometer,
            checks=[FrameQuality() for _ in range(num_cameras)], keep_images=pictures,
        )  # fmt: skip
        began_ns = time.monotonic_ns()
        self._names = [item.name for item in self._sources] or [f"camera {i}" for i in range(num_cameras)]
        name = name or (", ".join(self._names) if self._sources else "robot")
        self._record = LiveRecord(name, self.odometer, given=odometer is not None, likely=not self._sources)
        header = Header(
            inspection=self._record.begun(self._roster.context(self._first, settings)), policy=msgspec.to_builtins(settings.policy)
        )
        self._journal = Journal.create(self._out, header, overwrite=overwrite)
        self._acknowledged: Outbox[Observation] = Outbox("live-observation")
        self._scribe = Scribe(self._journal, self._out, self._acknowledged.put, pictures=pictures)
        self._supervisor = Supervisor(
            lambda: self.status, run_dir=self._out, notifier=notifier, metrics=metrics, metrics_port=metrics_port, limits=limits,
            on_transition=self._on_transition,
        )  # fmt: skip
        self._ledger = Ledger(
            self.stream, self.odometer, self._roster, put=self._scribe.put, run_id=self._record.run_id, num_cameras=num_cameras,
            began_ns=began_ns, expects_odometer=odometer is not None, on_result=lambda age_s: self._supervisor.frame_done(age_s=age_s),
        )  # fmt: skip
        self.stream.on_event(self._on_event)
        self._life, self._swapping = threading.Lock(), threading.Lock()
        self._refused: list[SwapReport] = []
        self._inspection: Inspection | None = None
        self._begun = self._over = False

    # In the control loop

    def submit(
        self,
        frame_HWC: NDArray[np.uint8],
        *,
        camera: int = 0,
        distance_m: float | None = None,
        pan_deg: float | None = None,
        tilt_deg: float | None = None,
        time_ns: int | None = None,
        order: ChannelOrder = "rgb",
    ) -> int:
        """Hand in a frame; returns at once with its number. See `LiveStream.submit`."""
        return self.stream.submit(
            frame_HWC, camera=camera, distance_m=distance_m, pan_deg=pan_deg, tilt_deg=tilt_deg, time_ns=time_ns, order=order
        )

    def latest(self, camera: int = 0) -> Latest:
        """The newest result of a camera and how old it is; returns at once. See `LiveStream.latest`."""
        return self.stream.latest(camera)

    # Observations

    def on_observation(self, callback: Callable[[Observation], object]) -> None:
        """Call a function with each observation once it is on the disk, in a thread of its own; a revised one comes again."""
        self._acknowledged.call(callback, OBSERVATIONS_DEPTH)

    def observations(self) -> Reader[Observation]:
        """An iterator over observations from now on, each once it is on the disk; it ends when the run does."""
        return self._acknowledged.reader(OBSERVATIONS_DEPTH)

    # Life

    def start(self) -> None:
        """Begin: frames are let in, sources are read, the supervisor looks.

        Raises:
            InputError: If the metrics port cannot be used; the run is then over.
            RuntimeError: If it was started before.
        """
        with self._life:
            if self._begun or self._over:
                raise RuntimeError("a live inspection has one life; make another one")
            self._begun = True
            try:
                self._supervisor.start()
            except InputError:
                self._over = True
                self.stream.stop()
                self._journal.close()
                remove_journal(self._out)  # nothing is in it but how the run was to begin
                self._acknowledged.close()
                raise
            self._scribe.start()
            self.stream.start()
            self._ledger.start()
            for camera, source in enumerate(self._sources):
                self.stream.attach(source, camera)

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the model is warmed up; False if it is not in time."""
        return self.stream.wait_ready(timeout_s)

    def pause(self) -> None:
        """Let no frames in until `resume`; the stretch is a gap of reason `paused`."""
        self.stream.pause()

    def resume(self) -> None:
        """Let frames in again."""
        self.stream.resume()

    def stop(self, *, flush_s: float = FLUSH_S) -> Inspection:
        """End the run within 2 s, and bring what waits to the disk within `flush_s` more; a second call gives the same record.

        Raises:
            OutputError: If the disk did not take the end of the run in time; what was acknowledged is kept.
        """
        with self._life:
            if self._inspection is None or not self._over:
                self._end(flush_s)
            assert self._inspection is not None
            return self._inspection

    @property
    def inspection(self) -> Inspection:
        """The record of the ended run.

        Raises:
            RuntimeError: If it has not ended.
        """
        if self._inspection is None:
            raise RuntimeError("the inspection goes on; call stop() first")
        return self._inspection

    def __enter__(self) -> "LiveInspection":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # Model and settings

    def set_thresholds(self, thresholds: Mapping[str, float] | Sequence[float]) -> None:
        """Other thresholds from the next frame on: by code (the others stay), or one for each class. Open observations are closed.

        Raises:
            InputError: If there is no such code, not one for each class, or one is not from 0 to 1.
        """
        codes = taxonomy().codes
        if isinstance(thresholds, Mapping):
            if unknown := sorted(set(thresholds) - set(codes)):
                raise InputError(f"there is no class {unknown[0]}; the classes are {', '.join(codes)}")
            thresholds = [thresholds.get(code, old) for code, old in zip(codes, self.stream.settings.thresholds, strict=True)]
        values = tuple(float(value) for value in thresholds)
        if len(values) != len(codes) or not all(0.0 <= value <= 1.0 for value in values):
            raise InputError(f"{len(values)} thresholds; give {len(codes)}, each from 0 to 1")
        self.stream.configure(msgspec.structs.replace(self.stream.settings, thresholds=values))

    def set_policy(self, policy: TrackingPolicy) -> None:
        """Another tracking policy from the next frame on. Open observations are closed."""
        self.stream.configure(msgspec.structs.replace(self.stream.settings, policy=policy))

    def swap(self, bundle: Bundle) -> SwapReport:
        """Exchange the model between two frames: tested by its golden frames here, on probation, and back by itself if it does not do.

        Takes as long as loading it does; call it from another thread than the control loop's.

        Returns:
            `on_probation`, or `refused` with the reason, and the present model stays.
        """
        with self._swapping, self._supervisor.reloading():
            try:
                inspector = self._inspector.like(bundle)
            except EdgeSdkError as error:
                report = SwapReport("refused", time.monotonic_ns(), self.stream.status.model, bundle.identity, one_line(error))
                self._refused.append(report)
                self._journal.add_event("warn", "swap_refused", f"{report.before} -> {report.after}: {report.reason}")
                return report
            model = self._roster.add(inspector, owned=True)
            report = self.stream.swap(model, msgspec.structs.replace(self.stream.settings, thresholds=inspector.graph.thresholds))
            if report.outcome == "refused":
                self._roster.close(only=model.identity)
            return report

    # What is going on

    @property
    def status(self) -> Snapshot:
        """Everything a supervisor asks for, at this instant; it looks at the folder, so not for the control loop."""
        return snapshot_of(
            self.stream, self._ledger, self._roster, self._journal, self._out, self._names, observations=self._scribe.num_acknowledged
        )

    @property
    def metrics_port(self) -> int | None:
        """Where the metrics are served; None if they are not."""
        return self._supervisor.endpoint.port if self._supervisor.endpoint else None

    def _end(self, flush_s: float) -> None:
        deadline_s = time.monotonic() + STOP_S + flush_s
        phase = self.stream.stop(STOP_S)
        if self._begun and not self._over:
            self._ledger.finish(LEDGER_S)
            self._scribe.put(End(inspection=self._ended()))
            self._scribe.finish(max(deadline_s - time.monotonic(), 0.1))
        self._over = True
        self._journal.close(max(deadline_s - time.monotonic(), 0.1))
        self._supervisor.stop("stopped")
        self._acknowledged.close()
        join_or_leave(self._acknowledged.threads, timeout_s=LEDGER_S)
        if phase != "abandoned":
            self._roster.close()
        self._inspection = inspection_from_journal(self._out)

    def _ended(self) -> Inspection:
        stream, ledger, model = self.stream, self._ledger, self.stream.status.model
        return self._record.ended(
            self._roster.context(model, stream.settings),
            accounting_record(stream.accounting),
            ledger.coverage(),
            size_wh=ledger.size_wh,
            cameras=[CameraFacts(camera.reconnects, camera.frames_lost) for camera in stream.status.cameras],
            swaps=(*stream.swaps, *self._refused),
            changes=self._roster.watch(model).changes,
            pictures_left_out=self._scribe.pictures_left_out,
            defects=ledger.defects,
        )

    def _on_event(self, event: LiveEvent) -> None:
        if self._over:
            return
        level = "error" if event.kind in ERRORS else "warn" if event.kind in WARNINGS else "info"
        self._journal.add_event(level, event.kind, event.reason)
        if event.kind in ("swap_kept", "swap_reverted"):
            with self._swapping:  # a model being tried belongs to nobody yet
                if not self.stream.status.workers_abandoned:  # one that hangs cannot be closed
                    self._roster.close(keep=self._may_serve())

    def _may_serve(self) -> Collection[str]:
        """The model that serves, and those it may be taken back to."""
        kept = [report.after for report in self.stream.swaps if report.outcome == "kept"]
        return {self.stream.status.model, *kept[-1:], self._first}

    def _on_transition(self, change: Transition) -> None:
        if not self._over:
            text = f"{change.before} -> {change.after}: {change.reason}"
            self._journal.add_event("warn" if change.entered else "info", f"state_{change.after.lower()}", text)
