"""The journal of a file run: everything a `Run` learns, on the disk as it learns it.

with RunRecorder(out) as recorder:
    run = inspector.run(source, out=out, on_frame=recorder.add)
    for observation in recorder.follow(run): ...
run.inspection == inspection_from_journal(out)
"""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError  # another class than the built-in one before Python 3.11
from pathlib import Path
from types import TracebackType

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import End, GapEntry, Header, Progress, Serving
from edge_sdk.journal.sightings import Sightings
from edge_sdk.records import Gap, Inspection, Observation
from edge_sdk.run import Run
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import TrackingPolicy

PROGRESS_EVERY_S = 1.0
MAX_WAITING = 256  # a file can wait for the disk; a camera cannot
END_TIMEOUT_S = 30.0


class RunRecorder:
    """Records one run; a context manager.

    Args:
        run_dir: The run's folder.
        policy: The tracking policy of the inspector.
        overwrite: Delete the journal of an earlier run that lies there.
    """

    def __init__(self, run_dir: Path, *, policy: TrackingPolicy | None = None, overwrite: bool = True) -> None:
        self._run_dir, self._policy, self._overwrite = run_dir, policy or TrackingPolicy(), overwrite
        self._journal: Journal | None = None
        self._run: Run | None = None
        self._sightings: Sightings | None = None
        self._last: FrameResult | None = None
        self._chainage_m: float | None = None
        self._recorded: dict[str, Observation] = {}
        self._gaps: tuple[Gap, ...] = ()
        self._served: tuple[object, ...] = ()
        self._due_s = 0.0
        self._ended = False

    def add(self, result: FrameResult) -> None:
        """Take in a frame's result, before its observations."""
        self._last = result
        self._chainage_m = self._chainage_m if result.chainage.value_m is None else result.chainage.value_m
        if self._sightings is not None:
            self._sightings.add(result)
        if self._run is not None and time.monotonic() >= self._due_s:
            self._record_progress(self._run.inspection)

    def follow(self, run: Run) -> Iterator[Observation]:
        """Iterate over a run, recording it.

        Raises:
            OutputError: If the journal cannot be begun.
        """
        began = run.inspection
        policy = msgspec.to_builtins(self._policy)
        self._journal = Journal.create(self._run_dir, Header(inspection=began, policy=policy), overwrite=self._overwrite)
        self._run, self._served = run, (began.model, began.thresholds)
        self._sightings = Sightings(began.thresholds, self._policy)
        try:
            for observation in run:
                self._sightings.closed(observation)
                self._record_observations(run.inspection)
                yield observation
        finally:
            self.end()

    def end(self) -> None:
        """Record how the run ended; a second call does nothing.

        Raises:
            OutputError: If the disk does not take it.
        """
        if self._ended or self._journal is None or self._run is None:
            return
        self._ended = True
        inspection = self._run.inspection
        self._record_observations(inspection)
        self._record_progress(inspection)
        head = msgspec.structs.replace(inspection, observations=(), coverage=msgspec.structs.replace(inspection.coverage, gaps=()))
        self._wait_for(self._journal.add(End(inspection=head)))

    def __enter__(self) -> "RunRecorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self.end()
        finally:
            if self._journal is not None:
                self._journal.close()

    def _record_observations(self, inspection: Inspection) -> None:
        """Whatever is new or revised; what has vanished has grown together with one of these."""
        assert self._journal is not None
        now = {item.observation_id: item for item in inspection.observations}
        vanished = [name for name in self._recorded if name not in now]
        for name, item in now.items():
            before = self._recorded.get(name)
            if before is not item and before != item:
                replaces, vanished = vanished, []
                written = self._journal.add_observation(item, replaces=replaces)
                if self._journal.health.waiting > MAX_WAITING:
                    self._wait_for(written)
        self._recorded = now

    def _record_progress(self, inspection: Inspection) -> None:
        assert self._journal is not None
        self._due_s = time.monotonic() + PROGRESS_EVERY_S
        self._record_serving(inspection)
        coverage, last = inspection.coverage, self._last
        for index, gap in enumerate(coverage.gaps):
            if index >= len(self._gaps) or self._gaps[index] != gap:
                self._journal.add(GapEntry(index=index, gap=gap))
        self._gaps = coverage.gaps
        progress = Progress(
            time_s=last.time_s if last else 0.0, chainage_m=self._chainage_m, accounting=inspection.accounting, from_m=coverage.from_m,
            to_m=coverage.to_m, travelled_m=coverage.travelled_m, duration_s=coverage.duration_s,
            in_view=self._sightings.in_view if self._sightings else (),
        )  # fmt: skip
        self._journal.add(progress)

    def _record_serving(self, inspection: Inspection) -> None:
        assert self._journal is not None
        serves = (inspection.model, inspection.thresholds)
        if serves != self._served:
            self._served = serves
            changes = inspection.model.provider_changes
            reason = changes[-1].reason if changes else "changed"
            policy = msgspec.to_builtins(self._policy)
            self._journal.add(Serving(model=inspection.model, thresholds=inspection.thresholds, policy=policy, reason=reason))

    def _wait_for(self, written: "Future[None]") -> None:
        try:
            written.result(END_TIMEOUT_S)
        except FutureTimeoutError:
            raise self._not_recorded() from None

    def _not_recorded(self) -> OutputError:
        assert self._journal is not None
        why = f"the journal could not be written within {END_TIMEOUT_S:g} s ({self._journal.health.reason})"
        then = "check the folder and its free space, then 'sewer-edge report' makes the report of what was recorded"
        return OutputError(f"{self._run_dir}: {why}; {then}")
