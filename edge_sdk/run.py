"""One run over one pipe: frames in, observations out as they close, and the whole record at the end."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

from edge_sdk import __version__
from edge_sdk.camera import FrameSource
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.coverage import CoverageLog
from edge_sdk.observing import observation_from_track
from edge_sdk.odometer import Odometer
from edge_sdk.pictures import write_pictures
from edge_sdk.records import RECORD_SCHEMA_VERSION, Accounting, Inspection, Observation, Picture
from edge_sdk.run_record import RunContext, model_record, notices_of, source_record, status_of
from edge_sdk.stream import FrameResult, FrameStream
from edge_sdk.tracking import ClosedTrack, Place, Tracker


class Run:
    """A run: iterate for observations, then read `inspection`.

    An observation comes when the camera has passed it. Driving over it again may yield it once more with a higher `revision`; the newest
    one counts, and `inspection` holds only that. Leaving the iteration early is an interrupted run with everything so far.
    """

    def __init__(
        self,
        context: RunContext,
        source: FrameSource,
        *,
        odometer: Odometer | None,
        out: Path | None,
        on_frame: Callable[[FrameResult], None] | None,
    ) -> None:
        self._context, self._source, self._odometer, self._out, self._on_frame = context, source, odometer, out, on_frame
        self.run_id = str(uuid.uuid4())
        self._created = datetime.now(timezone.utc)
        self._tracker: Tracker[FrameResult] = Tracker(context.graph.thresholds, context.policy)
        self._coverage = CoverageLog(odometer is not None)
        self._observations: dict[int, Observation] = {}
        self._accounting = Accounting(received=0, processed=0, dropped={})
        self._started = self._finished = False

    def __iter__(self) -> Iterator[Observation]:
        if self._started:
            raise RuntimeError("a run can be iterated over once; make another with Inspector.run")
        self._started = True
        manifest, graph = self._context.bundle.manifest, self._context.graph
        stream = FrameStream(
            self._source, self._context.session, manifest.preprocess, odometer=self._odometer, temperature=graph.temperature,
            mode=self._context.mode, new_session=self._context.new_session,
        )  # fmt: skip
        try:
            with stream:
                for result in stream:
                    self._accounting = stream.accounting
                    yield from self._take(result)
            self._finished = True
        finally:
            self._coverage.finish(self._source, interrupted=not self._finished)
            closed = [self._observe(track) for track in self._tracker.finish()]
        yield from closed

    @property
    def num_observations(self) -> int:
        """Observations closed so far."""
        return len(self._observations)

    @property
    def inspection(self) -> Inspection:
        """The record of the run as far as it went."""
        status, reasons = status_of(self._source, self._accounting, finished=self._finished)
        return Inspection(
            schema_version=RECORD_SCHEMA_VERSION,
            run_id=self.run_id,
            created_utc=self._created.isoformat(timespec="seconds"),
            sdk_version=__version__,
            status=status,
            status_reasons=reasons,
            notices=notices_of(self._context, self._source, self._odometer),
            basis="distance" if self._odometer else "time",
            source=source_record(self._source),
            odometer=self._odometer.record if self._odometer else None,
            model=model_record(self._context),
            thresholds=dict(zip(taxonomy().codes, self._context.graph.thresholds, strict=True)),
            accounting=self._accounting,
            coverage=self._coverage.record(),
            observations=tuple(sorted(self._observations.values(), key=_along_the_pipe)),
        )

    def _take(self, result: FrameResult) -> Iterator[Observation]:
        self._coverage.add(result)
        if self._on_frame is not None:
            self._on_frame(result)
        if result.scores_C is None:
            return
        for track in self._tracker.update(result.scores_C, _place(result), result.time_s, result):
            yield self._observe(track)

    def _observe(self, track: ClosedTrack[FrameResult]) -> Observation:
        earlier = [self._observations.pop(i) for i in (track.track_id, *track.absorbed) if i in self._observations]
        before = max(earlier, key=lambda observation: observation.score.peak, default=None)
        picture = before.picture if before else None
        if track.best is not None and self._out is not None:
            picture = self._picture(track, track.best)
        observation = observation_from_track(
            track, before, picture, run_id=self.run_id, looks=self._odometer.looks if self._odometer else 1,
            label_rule=self._context.bundle.manifest.label_rule, policy=self._context.policy,
        )  # fmt: skip
        self._observations[track.track_id] = observation
        return observation

    def _picture(self, track: ClosedTrack[FrameResult], best: FrameResult) -> Picture:
        code = taxonomy().codes[track.class_index]
        assert self._out is not None and best.frame.image_HWC is not None and best.maps_Chw is not None  # a look has all three
        return write_pictures(
            self._out, f"{track.track_id + 1:04d}-{code}", best.frame.image_HWC, best.maps_Chw[track.class_index], text=code
        )


def _place(result: FrameResult) -> Place:
    return Place(result.chainage.segment, result.chainage.value_m)


def _along_the_pipe(observation: Observation) -> tuple[bool, float, float, str]:
    chainage = observation.chainage_m
    return chainage is None, chainage if chainage is not None else observation.time_s, observation.time_s, observation.class_.code
