"""One run over one pipe: frames in, observations out as they close, and the whole record at the end."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from edge_sdk import __version__
from edge_sdk.bundle import Bundle
from edge_sdk.camera import FrameSource
from edge_sdk.contract.golden import GoldenReport
from edge_sdk.contract.manifest import Evaluation, Graph
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.coverage import CoverageLog
from edge_sdk.observing import observation_from_track
from edge_sdk.odometer import Odometer
from edge_sdk.pictures import write_pictures
from edge_sdk.records import (
    RECORD_SCHEMA_VERSION,
    Accounting,
    Inspection,
    ModelRecord,
    Observation,
    Picture,
    RunStatus,
    SourceRecord,
)
from edge_sdk.runtime import Session
from edge_sdk.stream import FrameResult, FrameStream
from edge_sdk.tracking import ClosedTrack, Place, Tracker, TrackingPolicy

DROP_WORDS = {
    "unreadable": "could not be decoded",
    "bad_shape": f"have a size that is not taken (each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels)",
    "inference_failed": "dropped because inference failed",
}
WIDE_ASPECT = 1.6  # the six resolutions of Sewer-ML lie between 1.22 and 1.33


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run needs of its inspector."""

    bundle: Bundle
    graph: Graph
    session: Session
    self_test: GoldenReport
    policy: TrackingPolicy


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
            self._source, self._context.session, manifest.preprocess, odometer=self._odometer, temperature=graph.temperature
        )
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
        status, reasons = self._status()
        return Inspection(
            schema_version=RECORD_SCHEMA_VERSION,
            run_id=self.run_id,
            created_utc=self._created.isoformat(timespec="seconds"),
            sdk_version=__version__,
            status=status,
            status_reasons=reasons,
            notices=self._notices(),
            basis="distance" if self._odometer else "time",
            source=_source_record(self._source),
            odometer=self._odometer.record if self._odometer else None,
            model=_model_record(self._context),
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
            label_rule=self._context.bundle.manifest.label_rule,
            thresholds=self._context.graph.thresholds, policy=self._context.policy,
        )  # fmt: skip
        self._observations[track.track_id] = observation
        return observation

    def _picture(self, track: ClosedTrack[FrameResult], best: FrameResult) -> Picture:
        code = taxonomy().codes[track.class_index]
        assert self._out is not None and best.frame.image_HWC is not None and best.maps_Chw is not None  # a look has all three
        return write_pictures(
            self._out, f"{track.track_id + 1:04d}-{code}", best.frame.image_HWC, best.maps_Chw[track.class_index], text=code
        )

    def _status(self) -> tuple[RunStatus, tuple[str, ...]]:
        dropped = self._accounting.dropped
        named = {"unreadable"} if self._source.kind == "folder" and self._source.shortfall else set()  # the shortfall says it with a name
        reasons = [f"{count} frames {DROP_WORDS[reason]}" for reason, count in dropped.items() if reason not in named]
        if not self._finished:
            return "interrupted", (*reasons, "the run was stopped before the source ended")
        if self._source.shortfall:
            reasons.insert(0, self._source.shortfall)
        return ("incomplete" if reasons else "complete"), tuple(reasons)

    def _notices(self) -> tuple[str, ...]:
        source = self._source
        notices = []
        if self._context.bundle.signed_by is None:
            notices.append("The bundle is not signed; nobody vouches for this model.")
        if self._odometer is None:
            notices.append("No odometer: observations are placed by film time, and a stop of the robot counts as length.")
        elif self._odometer.record.jumps or self._odometer.record.resets:
            notices.append(
                f"Jumps of the counter: {self._odometer.record.jumps}, resets: {self._odometer.record.resets}; chainage follows it as it "
                "stands, so a place may carry two chainages."
            )
        if self._odometer is not None and self._odometer.looks < 0:
            notices.append("The counter falls along the drive: the camera is taken to look towards lower chainage.")
        if source.width / source.height > WIDE_ASPECT:
            notices.append(f"The picture is {source.width}x{source.height}; the model knows 4:3 and 5:4 pictures.")
        if source.kind == "folder" and (self._odometer is None or self._odometer.record.key != "file"):
            notices.append(f"A folder of stills has no clock; {source.fps:g} frames per second are assumed.")
        return tuple(notices)


def _place(result: FrameResult) -> Place:
    return Place(result.chainage.segment, result.chainage.value_m)


def _along_the_pipe(observation: Observation) -> tuple[bool, float, float, str]:
    chainage = observation.chainage_m
    return chainage is None, chainage if chainage is not None else observation.time_s, observation.time_s, observation.class_.code


def _source_record(source: FrameSource) -> SourceRecord:
    return SourceRecord(
        name=source.name, kind=source.kind, width=source.width, height=source.height, fps=source.fps,
        announced_frames=source.announced_frames,
    )  # fmt: skip


def _figures_as_run(context: RunContext) -> Evaluation | None:
    """The bundle's figures on test images at the thresholds this run uses, or the nearest to that it has."""
    measured = context.bundle.manifest.evaluation
    return max(measured, key=lambda e: (e.thresholds == context.graph.threshold_origin, e.split == "Test"), default=None)


def _evaluated_on(figures: Evaluation) -> str:
    return f"{figures.data_name} {figures.split} ({figures.num_images} images, thresholds {figures.thresholds.replace('-', ' ')})"


def _model_record(context: RunContext) -> ModelRecord:
    bundle, session = context.bundle, context.session
    training = bundle.manifest.training
    figures = _figures_as_run(context)
    return ModelRecord(
        bundle=bundle.manifest.name,
        version=bundle.manifest.version,
        sha256=bundle.sha256,
        signed_by=bundle.signed_by,
        provider=session.provider,
        precision=session.precision,
        threads=session.threads,
        trained_on=training.data_name,
        data_kind=training.data_kind,
        data_licence=training.data_licence,
        look_ahead_m=bundle.manifest.label_rule.look_ahead_m,
        look_behind_m=bundle.manifest.label_rule.look_behind_m,
        threshold_origin=context.graph.threshold_origin,
        f2_ciw=figures.f2_ciw if figures else None,
        f1_normal=figures.f1_normal if figures else None,
        evaluated_on=_evaluated_on(figures) if figures else None,
        self_test_max_abs_dp=round(context.self_test.max_abs_dp, 6),
    )
