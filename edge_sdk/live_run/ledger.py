"""The ledger of a live run: one thread that turns results into observations, gaps and progress, and hands them to the scribe.

It reads results as they come and looks at the clock when none do, so that a camera that gives nothing leaves a gap with a beginning and
an end, also if the run breaks off in the middle of it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal.entries import Entry, GapEntry, Progress, Serving
from edge_sdk.live import LiveStream
from edge_sdk.live.intake import LiveAccounting
from edge_sdk.live.result import CameraStatus, LiveResult, LiveState, LiveStatus
from edge_sdk.live_run.coverage import LiveCoverage
from edge_sdk.live_run.roster import Roster
from edge_sdk.live_run.tracks import CameraTracks, Found
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import Accounting, Coverage, Gap, GapReason
from edge_sdk.run_record import model_record
from edge_sdk.throughput import join_or_leave

logger = logging.getLogger(__name__)

READ_EVERY_S = 0.02
TICK_S = 0.25
PROGRESS_S = 1.0
STALL_S = 1.0  # frames come, and none has been looked at for so long
RESULTS_DEPTH = 32


@dataclass(slots=True)
class _Camera:
    tracks: CameraTracks
    coverage: LiveCoverage
    quality: tuple[str, ...] = ()
    before: LiveAccounting = field(default_factory=lambda: LiveAccounting(0, 0, {}, 0))  # at the newest result
    gaps_told: int = 0
    newest_gap: Gap | None = None


class Ledger:
    """Follows one stream.

    Args:
        stream: Whose results are taken; read from the moment this is made.
        odometer: Places of moments without a frame.
        roster: What the record says of the models.
        put: Takes observations and journal entries in order; returns at once.
        run_id: The run's id.
        num_cameras: Cameras of the stream.
        began_ns: The monotonic instant of 0 s.
        expects_odometer: Whether a frame without a place is a gap even before the first reading.
        on_result: Told of every result with scores: its age in seconds.
    """

    def __init__(
        self,
        stream: LiveStream,
        odometer: OdometerFeed,
        roster: Roster,
        *,
        put: Callable[[Found | Entry], None],
        run_id: str,
        num_cameras: int,
        began_ns: int,
        expects_odometer: bool,
        on_result: Callable[[float], object],
    ) -> None:
        self._stream, self._odometer, self._roster, self._put = stream, odometer, roster, put
        self._began_ns, self._expects_odometer, self._on_result = began_ns, expects_odometer, on_result
        self._reader = stream.results(RESULTS_DEPTH)
        begin = odometer.at_ns(time.monotonic_ns())
        self._cameras = [
            _Camera(
                CameraTracks(run_id, camera=i, num_cameras=num_cameras, looks=lambda: odometer.looks, rule=roster.rule),
                LiveCoverage(begin, i if num_cameras > 1 else None),
            )
            for i in range(num_cameras)
        ]
        self._gap_numbers: dict[tuple[int, int], int] = {}
        self._served: tuple[object, ...] | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-ledger", daemon=True)
        self.defects = 0
        self.size_wh = (0, 0)
        self.chainage_m: float | None = None
        self.placed_s: float | None = None  # when the place was last known

    # Read by others

    @property
    def num_observations(self) -> int:
        """Observations closed so far."""
        return sum(camera.tracks.num_observations for camera in self._cameras)

    @property
    def has_odometer(self) -> bool:
        """Whether frames should have a place."""
        return self._expects_odometer or bool(self._odometer.flags)

    def quality(self, camera: int) -> tuple[str, ...]:
        """What is wrong with a camera's newest picture."""
        return self._cameras[camera].quality

    def uninspected(self, camera: int) -> GapReason | None:
        """Why nothing is inspected by a camera just now; None: it is."""
        return self._cameras[camera].coverage.in_gap

    def coverage(self) -> Coverage:
        """Range and way of all cameras together; gaps are entries of the journal, and none here."""
        parts = [camera.coverage.record() for camera in self._cameras]
        low, high, travelled = (_known(column) for column in zip(*((p.from_m, p.to_m, p.travelled_m) for p in parts), strict=True))
        return Coverage(
            from_m=min(low, default=None), to_m=max(high, default=None), travelled_m=max(travelled, default=None),
            duration_s=max(part.duration_s for part in parts), gaps=(),
        )  # fmt: skip

    # Life

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self, timeout_s: float) -> bool:
        """Take what the stopped stream has left, close everything and hand it on; False if that took too long."""
        self._ending.set()
        return join_or_leave([self._thread], timeout_s=timeout_s)

    def _run(self) -> None:
        tick_s = progress_s = time.monotonic()
        while True:
            ending = self._ending.is_set()  # read first: what comes before it is in the reader by then
            self._survive(self._read)
            now_s = time.monotonic()
            if now_s - tick_s >= TICK_S:
                tick_s = now_s
                self._survive(self._tick)
            if now_s - progress_s >= PROGRESS_S:
                progress_s = now_s
                self._survive(self._tell)
            if ending:
                break
            self._ending.wait(READ_EVERY_S)
        self._survive(self._close)
        self._survive(self._tell)

    def _survive(self, step: Callable[[], None]) -> None:
        """A defect in here must not end the record of the run."""
        try:
            step()
        except Exception:
            if not self.defects:
                logger.exception("a live result could not be taken in (said once)")
            self.defects += 1

    def _read(self) -> None:
        while (result := self._reader.poll()) is not None:
            self._survive(lambda taken=result: self._take(taken))  # type: ignore[misc]  # bound now, not later

    def _take(self, result: LiveResult) -> None:
        camera = self._cameras[result.camera]
        camera.before = self._stream.status.cameras[result.camera].accounting
        camera.coverage.add(result, expects_chainage=self.has_odometer, no_frame_s=result.settings.no_frame_s)
        camera.quality = result.quality
        self._place(result.chainage.value_m)
        if result.scores_C is None:
            return
        self._on_result(result.age_ms / 1e3)
        self._serve(result)
        if result.frame.stored_HWC is not None:
            height, width = result.frame.stored_HWC.shape[:2]
            self.size_wh = (width, height)
        for found in camera.tracks.add(result):
            self._put(found)

    def _serve(self, result: LiveResult) -> None:
        """Record what serves from here on, where it is not what served before."""
        watch = self._roster.watch(result.model)
        watch.add(result)
        serves = (result.model, result.provider, result.settings.thresholds, result.settings.policy)
        if self._served is None or serves == self._served:
            self._served = serves
            return
        changed = [word for word, a, b in zip(("model", "runtime", "thresholds", "policy"), self._served, serves, strict=True) if a != b]
        self._served = serves
        context = self._roster.context(result.model, result.settings)
        thresholds = dict(zip(taxonomy().codes, result.settings.thresholds, strict=True))
        reason = f"{' and '.join(changed)} changed at frame {result.seq}"
        self._put(
            Serving(model=model_record(context), thresholds=thresholds, policy=msgspec.to_builtins(context.policy), reason=reason)
        )  # fmt: skip

    def _place(self, value_m: float | None) -> None:
        if value_m is not None:
            self.chainage_m, self.placed_s = value_m, time.monotonic()

    def _tick(self) -> None:
        status, now_ns = self._stream.status, time.monotonic_ns()
        place = self._odometer.at_ns(now_ns)
        self._place(place.value_m)
        now_s = (now_ns - self._began_ns) / 1e9
        for camera, of_stream in zip(self._cameras, status.cameras, strict=True):
            reason = _silence(of_stream, camera, status, now_s, self._stream.settings.no_frame_s)
            if reason is not None:
                camera.coverage.idle(now_s, place, reason)

    def _close(self) -> None:
        """The end: what is open is closed, and a camera that gave nothing to the last leaves its gap up to here."""
        now_ns = time.monotonic_ns()
        place, now_s = self._odometer.at_ns(now_ns), (now_ns - self._began_ns) / 1e9
        for camera in self._cameras:
            camera.coverage.end(now_s, place)
            for found in camera.tracks.finish():
                self._put(found)

    def _tell(self) -> None:
        """Gaps and progress for the journal, after the observations that were closed before."""
        for number, camera in enumerate(self._cameras):
            for index, gap in enumerate(camera.coverage.gaps(max(camera.gaps_told - 1, 0)), max(camera.gaps_told - 1, 0)):
                if index >= camera.gaps_told or gap != camera.newest_gap:
                    self._put(GapEntry(index=self._gap_numbers.setdefault((number, index), len(self._gap_numbers)), gap=gap))
                camera.newest_gap = gap
            camera.gaps_told = camera.coverage.num_gaps
        coverage = self.coverage()
        self._put(
            Progress(
                time_s=coverage.duration_s,
                chainage_m=self.chainage_m,
                accounting=accounting_record(self._stream.accounting),
                from_m=coverage.from_m,
                to_m=coverage.to_m,
                travelled_m=coverage.travelled_m,
                duration_s=coverage.duration_s,
                in_view=tuple(sighting for camera in self._cameras for sighting in camera.tracks.in_view),
            )
        )


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def accounting_record(counts: LiveAccounting) -> Accounting:
    """The exact account of frames that are done with; those in flight are not received yet."""
    dropped: dict[str, int] = {reason: num for reason, num in sorted(counts.dropped.items()) if num}
    return Accounting(received=counts.received - counts.in_flight, processed=counts.processed, dropped=dropped)


def _silence(camera: CameraStatus, ours: _Camera, status: LiveStatus, now_s: float, no_frame_s: float) -> GapReason | None:
    """Why a camera gives no results just now; None if it does, or may be about to."""
    silent_s = now_s - ours.coverage.last_look_s
    broken: tuple[LiveState, ...] = ("stuck", "failed")
    if status.state in broken:
        return "inference_failed"
    if camera.accounting.in_flight and silent_s < STALL_S:
        return None
    if status.state == "paused":
        return "paused"
    if camera.source_state in ("offline", "closed") or (camera.source_state == "connecting" and now_s > no_frame_s):
        return "camera_lost"
    if silent_s < STALL_S:
        return None
    since = {reason: num - ours.before.dropped.get(reason, 0) for reason, num in camera.accounting.dropped.items()}
    if since.get("superseded") or (camera.accounting.in_flight and status.working_s > STALL_S):
        return "too_few_looks"
    rejected: tuple[Literal["bad_shape", "unreadable"], ...] = ("bad_shape", "unreadable")
    return next((reason for reason in rejected if since.get(reason)), None)
