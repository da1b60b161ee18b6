"""The ledger of a live run: one thread that turns results into observations, gaps and progress, and hands them to the scribe.

It reads results as they come and looks at the clock when none do, so that a camera that gives nothing leaves a gap with a beginning and
an end, also if the run breaks off in the middle of it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from edge_sdk.journal.entries import Entry, GapEntry, Progress, Readings
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveResult
from edge_sdk.live.slot import LiveAccounting
from edge_sdk.live_run.coverage import LiveCoverage
from edge_sdk.live_run.page import Page
from edge_sdk.live_run.roster import Roster
from edge_sdk.live_run.serving import ServingLog
from edge_sdk.live_run.tracks import CameraTracks, Found
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import Accounting, Coverage, GapReason
from edge_sdk.throughput import join_or_leave

logger = logging.getLogger(__name__)

READ_EVERY_S = 0.02
TICK_S = 0.25
PROGRESS_S = 1.0
FACTS_S = 10.0
RESULTS_DEPTH = 32


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
        begin_s: The run's time now; 0 unless it goes on.
        first_seq: The first free number of an observation.
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
        begin_s: float = 0.0,
        first_seq: int = 0,
    ) -> None:
        self._stream, self._odometer, self._put, self._begin_s = stream, odometer, put, begin_s
        self._began_ns, self._expects_odometer, self._on_result = began_ns, expects_odometer, on_result
        self._reader = stream.results(RESULTS_DEPTH)
        begin = odometer.at_ns(time.monotonic_ns())
        self._pages = [
            Page(
                CameraTracks(
                    run_id, camera=i, num_cameras=num_cameras, looks=lambda: odometer.looks, rule=roster.rule, first_seq=first_seq
                ),
                LiveCoverage(begin, i if num_cameras > 1 else None, begin_s=begin_s),
            )
            for i in range(num_cameras)
        ]
        self._serving = ServingLog(roster)
        self._gap_numbers: dict[tuple[int, int], int] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-ledger", daemon=True)
        self._facts_due_s = 0.0
        self.defects = 0
        self.size_wh = (0, 0)
        self.chainage_m: float | None = None
        self.placed_s: float | None = None  # when the place was last known

    # Read by others

    @property
    def num_observations(self) -> int:
        """Observations closed so far."""
        return sum(page.tracks.num_observations for page in self._pages)

    @property
    def has_odometer(self) -> bool:
        """Whether frames should have a place."""
        return self._expects_odometer or bool(self._odometer.flags)

    def quality(self, camera: int) -> tuple[str, ...]:
        """What is wrong with a camera's newest picture."""
        return self._pages[camera].quality

    def uninspected(self, camera: int) -> GapReason | None:
        """Why nothing is inspected by a camera just now; None: it is."""
        return self._pages[camera].coverage.in_gap

    def coverage(self) -> Coverage:
        """Range and way of all cameras together; gaps are entries of the journal, and none here."""
        parts = [page.coverage.extent() for page in self._pages]
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
        self._survive(self._tell)  # so that a life that breaks off at once is known to have begun
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
        page = self._pages[result.camera]
        page.before = self._stream.status.cameras[result.camera].accounting
        page.coverage.add(result, expects_chainage=self.has_odometer, no_frame_s=result.settings.no_frame_s)
        page.quality = result.quality
        self._place(result.chainage.value_m)
        if result.scores_C is None:
            return
        self._on_result(result.age_ms / 1e3)
        serving = self._serving.add(result)
        if serving is not None:
            self._put(serving)
        if (size_hw := result.frame.size_hw) is not None:
            self.size_wh = (size_hw[1], size_hw[0])
        closed = False
        for found in page.tracks.add(result):
            self._put(found)
            closed = True
        if closed:
            self._tell()  # or a run that breaks off now would call it in view, and not among the observations

    def _place(self, value_m: float | None) -> None:
        if value_m is not None:
            self.chainage_m, self.placed_s = value_m, time.monotonic()

    def _tick(self) -> None:
        status, now_ns = self._stream.status, time.monotonic_ns()
        place = self._odometer.at_ns(now_ns)
        self._place(place.value_m)
        now_s, no_frame_s = (now_ns - self._began_ns) / 1e9, self._stream.settings.no_frame_s
        for page, camera in zip(self._pages, status.cameras, strict=True):
            reason = page.silence(camera, status, now_s=now_s, no_frame_s=no_frame_s)
            if reason is not None:
                page.coverage.idle(now_s, place, reason)

    def _close(self) -> None:
        """The end: what is open is closed, and a camera that gave nothing to the last leaves its gap up to here."""
        now_ns = time.monotonic_ns()
        place, now_s = self._odometer.at_ns(now_ns), (now_ns - self._began_ns) / 1e9
        for page, camera in zip(self._pages, self._stream.status.cameras, strict=True):
            page.coverage.end(now_s, place, page.dropped_since(camera.accounting))
            for found in page.tracks.finish():
                self._put(found)

    def _tell(self) -> None:
        """Gaps and progress for the journal, after the observations that were closed before."""
        for number, page in enumerate(self._pages):
            for index, gap in page.new_gaps():
                self._put(GapEntry(index=self._gap_numbers.setdefault((number, index), len(self._gap_numbers)), gap=gap))
        coverage, newest = self.coverage(), max((page.coverage for page in self._pages), key=lambda part: part.extent().duration_s)
        self._put(
            Progress(
                time_s=self._begin_s + coverage.duration_s,
                chainage_m=newest.last_m,
                accounting=accounting_record(self._stream.accounting),
                from_m=coverage.from_m,
                to_m=coverage.to_m,
                travelled_m=coverage.travelled_m,
                duration_s=coverage.duration_s,
                in_view=tuple(sighting for page in self._pages for sighting in page.tracks.in_view),
                defects=self.defects,
                **self._facts(),
            )
        )

    def _facts(self) -> dict[str, Any]:
        """What a life that breaks off would take with it, now and then."""
        now_s = time.monotonic()
        if now_s < self._facts_due_s and not self._ending.is_set():
            return {}
        self._facts_due_s = now_s + FACTS_S
        return {"size_wh": self.size_wh, "readings": readings_record(self._odometer) if self._odometer.flags else None}


def _known(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def readings_record(odometer: OdometerFeed) -> Readings:
    """The counter's readings so far."""
    record = odometer.record
    return Readings(samples=record.samples, jumps=record.jumps, resets=record.resets)


def accounting_record(counts: LiveAccounting) -> Accounting:
    """The exact account of frames that are done with; those in flight are not received yet."""
    dropped: dict[str, int] = {reason: num for reason, num in sorted(counts.dropped.items()) if num}
    return Accounting(received=counts.received - counts.in_flight, processed=counts.processed, dropped=dropped)
