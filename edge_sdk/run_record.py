"""What a run says of itself: source, model, status and notices, in the records' words."""

from collections.abc import Callable
from dataclasses import dataclass

from edge_sdk.bundle import Bundle
from edge_sdk.camera import FilmSource, FrameSource
from edge_sdk.contract.golden import GoldenReport
from edge_sdk.contract.manifest import Evaluation, Graph
from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX
from edge_sdk.odometer import Odometer
from edge_sdk.records import Accounting, ModelRecord, ProviderChange, RunStatus, SourceRecord
from edge_sdk.runtime import Session
from edge_sdk.runtime.chain import ChainSession
from edge_sdk.stream import FrameResult
from edge_sdk.throughput import Mode
from edge_sdk.tracking import TrackingPolicy

DROP_WORDS = {
    "unreadable": "that could not be decoded",
    "bad_shape": f"of a size that is not taken (each side must be {MIN_SIDE_PX} to {MAX_SIDE_PX} pixels)",
    "inference_failed": "on which inference failed",
}
WIDE_ASPECT = 1.6  # the six resolutions of Sewer-ML lie between 1.22 and 1.33


@dataclass(frozen=True, slots=True)
class RunContext:
    """What a run needs of its inspector; `mode` and `new_session` are `FrameStream`'s."""

    bundle: Bundle
    graph: Graph
    session: Session
    self_test: GoldenReport
    policy: TrackingPolicy
    watch: "ProviderWatch | None" = None
    mode: Mode = "latency"
    new_session: Callable[[], Session] | None = None


class ProviderWatch:
    """Notes the frames at which a run's results begin to come from another runtime.

    Args:
        session: Where they come from; a plain session never changes.
    """

    def __init__(self, session: Session) -> None:
        self._attempts = session.attempts if isinstance(session, ChainSession) else []
        self._provider = session.provider
        self._left: set[str] = set()
        self.changes: list[ProviderChange] = []

    def add(self, result: FrameResult) -> None:
        """Look at a result. A runtime that was left never comes back: what still comes from it is of mode `throughput`'s other workers."""
        if result.provider == self._provider or result.provider in self._left:
            return
        why = next((attempt for attempt in reversed(self._attempts) if attempt.stage == "run"), None)
        change = ProviderChange(
            frame_index=result.frame.seq, from_=self._provider, to=result.provider,
            reason=(why.reason or "") if why else "", detail=why.detail if why else "",
        )  # fmt: skip
        self.changes.append(change)
        self._left.add(self._provider)
        self._provider = result.provider


def status_of(source: FrameSource, accounting: Accounting, *, finished: bool) -> tuple[RunStatus, tuple[str, ...]]:
    """How a run ended, and why it is not complete where it is not."""
    named = {"unreadable"} if source.kind == "folder" and source.shortfall else set()  # the shortfall says it with a name
    dropped = {reason: count for reason, count in accounting.dropped.items() if reason not in named}
    reasons = [f"{count} {'frame' if count == 1 else 'frames'} {DROP_WORDS[reason]}" for reason, count in dropped.items()]
    if not finished:
        return "interrupted", (*reasons, "the run was stopped before the source ended")
    if source.shortfall:
        reasons.insert(0, source.shortfall)
    return ("incomplete" if reasons else "complete"), tuple(reasons)


def notices_of(context: RunContext, source: FrameSource, odometer: Odometer | None) -> tuple[str, ...]:
    """What a reader of the record should know before believing its places and classes."""
    notices = [
        f"From frame {change.frame_index} on inference ran on {change.to}: {change.from_} gave up ({change.reason}: {change.detail})."
        for change in (context.watch.changes if context.watch else ())
    ]
    if context.bundle.signed_by is None:
        notices.append("The bundle is not signed; nobody vouches for this model.")
    if odometer is None:
        notices.append("No odometer: observations are placed by film time, and a stop of the robot counts as length.")
    elif odometer.record.jumps or odometer.record.resets:
        notices.append(
            f"Jumps of the counter: {odometer.record.jumps}, resets: {odometer.record.resets}; chainage follows it as it stands, so a "
            "place may carry two chainages."
        )
    if odometer is not None and odometer.looks < 0:
        notices.append("The counter falls along the drive: the camera is taken to look towards lower chainage.")
    if source.width / source.height > WIDE_ASPECT:
        notices.append(f"The picture is {source.width}x{source.height}; the model knows 4:3 and 5:4 pictures.")
    if source.kind == "folder" and (odometer is None or odometer.record.key != "file"):
        notices.append(f"A folder of stills has no clock; {source.fps:g} frames per second are assumed.")
    return tuple(notices)


def source_record(source: FrameSource) -> SourceRecord:
    """What was looked at."""
    return SourceRecord(
        name=source.name, kind=source.kind, width=source.width, height=source.height, fps=source.fps,
        announced_frames=source.announced_frames, decoder=source.decoder if isinstance(source, FilmSource) else None,
    )  # fmt: skip


def _figures_as_run(context: RunContext) -> Evaluation | None:
    """The bundle's figures on test images at the thresholds this run uses, or the nearest to that it has."""
    measured = context.bundle.manifest.evaluation
    return max(measured, key=lambda e: (e.thresholds == context.graph.threshold_origin, e.split == "Test"), default=None)


def _evaluated_on(figures: Evaluation) -> str:
    thresholds = figures.thresholds.replace("-", " ")
    return f"{figures.data_name} {figures.split} ({figures.num_images} images, {figures.precision}, thresholds {thresholds})"


def model_record(context: RunContext) -> ModelRecord:
    """The model that spoke, with its figures at the thresholds it is run with."""
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
        threads=1 if context.mode == "throughput" else session.threads,
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
        precision_reason=session.precision_reason if isinstance(session, ChainSession) else "",
        attempts=tuple(session.attempts) if isinstance(session, ChainSession) else (),
        provider_changes=tuple(context.watch.changes) if context.watch else (),
    )
