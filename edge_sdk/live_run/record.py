"""What a live run says of itself, in the records' words: at its beginning for the journal, and at its end."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import NamedTuple

import msgspec

from edge_sdk import __version__
from edge_sdk.camera.redact import redacted
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal.telling import defective
from edge_sdk.live.models import SwapReport
from edge_sdk.odometer_feed import OdometerFeed
from edge_sdk.records import (
    RECORD_SCHEMA_VERSION,
    Accounting,
    Coverage,
    Inspection,
    ProviderChange,
    RunStatus,
    SourceRecord,
)
from edge_sdk.run_record import WIDE_ASPECT, RunContext, model_record

NOTHING_YET = Accounting(received=0, processed=0, dropped={})
NOWHERE_YET = Coverage(from_m=None, to_m=None, travelled_m=None, duration_s=0.0, gaps=())


class CameraFacts(NamedTuple):
    """A camera over the whole run."""

    reconnects: int
    frames_lost: int


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """Who and what a run is; `begun` and `ended` are its records without observations and gaps, which the journal has.

    `given` says whether there is an odometer, `likely` whether one is to be expected all the same, in a run that breaks off, and `placed`
    whether earlier lives of a run that goes on knew a chainage.
    """

    name: str
    odometer: OdometerFeed
    given: bool
    likely: bool
    placed: bool = False
    run_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))

    def begun(self, context: RunContext) -> Inspection:
        """The record at the beginning."""
        return self._inspection(context, NOTHING_YET, NOWHERE_YET, (0, 0), 0.0, has_odometer=self.given or self.likely, notices=())

    def ended(
        self,
        context: RunContext,
        accounting: Accounting,
        coverage: Coverage,
        *,
        size_wh: tuple[int, int],
        cameras: Iterable[CameraFacts],
        swaps: Iterable[SwapReport],
        changes: Iterable[ProviderChange],
        pictures_left_out: int,
        defects: int,
        interrupted_by: str | None = None,
    ) -> Inspection:
        """The record of a run that was stopped.

        It is complete, with what was not seen as gaps, unless a result was lost here or nobody had said that it was over; why it was
        interrupted is the last of its reasons.
        """
        has_odometer = self.given or self.placed or bool(self.odometer.flags)
        fps = round(accounting.received / coverage.duration_s, 2) if coverage.duration_s > 0 else 0.0
        notices = (
            *_of_model(context, changes, swaps), *_of_place(self.odometer, given=self.given or self.placed),
            *_of_cameras(tuple(cameras), size_wh), *_of_pictures(pictures_left_out),
        )  # fmt: skip
        record = self._inspection(context, accounting, coverage, size_wh, fps, has_odometer=has_odometer, notices=notices)
        lost = defective(defects) if defects else None
        status: RunStatus = "interrupted" if interrupted_by else "incomplete" if lost else "complete"
        return msgspec.structs.replace(record, status=status, status_reasons=tuple(filter(None, (lost, interrupted_by))))

    def _inspection(
        self,
        context: RunContext,
        accounting: Accounting,
        coverage: Coverage,
        size_wh: tuple[int, int],
        fps: float,
        *,
        has_odometer: bool,
        notices: tuple[str, ...],
    ) -> Inspection:
        return Inspection(
            schema_version=RECORD_SCHEMA_VERSION,
            run_id=self.run_id,
            created_utc=self.created.isoformat(timespec="seconds"),
            sdk_version=__version__,
            status="complete",
            status_reasons=(),
            notices=notices,
            basis="distance" if has_odometer else "time",
            source=SourceRecord(name=redacted(self.name), kind="live", width=size_wh[0], height=size_wh[1], fps=fps, announced_frames=None),
            odometer=self.odometer.record if has_odometer else None,
            model=model_record(context),
            thresholds=dict(zip(taxonomy().codes, context.graph.thresholds, strict=True)),
            accounting=accounting,
            coverage=coverage,
            observations=(),
        )


def _of_model(context: RunContext, changes: Iterable[ProviderChange], swaps: Iterable[SwapReport]) -> Iterator[str]:
    for change in changes:
        yield f"From frame {change.frame_index} on inference ran on {change.to}: {change.from_} gave up ({change.reason}: {change.detail})."
    for swap in swaps:
        if swap.outcome != "on_probation":
            yield f"Exchange of the model {swap.before} for {swap.after}: {swap.outcome} ({swap.reason})."
    if context.bundle.signed_by is None:
        yield "The bundle is not signed; nobody vouches for this model."


def _of_place(odometer: OdometerFeed, *, given: bool) -> Iterator[str]:
    flags = odometer.flags
    if not flags and given:
        yield "The odometer gave no reading: observations are placed by time."
        return
    if not flags:
        yield "No odometer: observations are placed by time, and a stop of the robot counts as length."
        return
    if flags.get("jump") or flags.get("reset"):
        yield (
            f"Jumps of the counter: {flags.get('jump', 0)}, resets: {flags.get('reset', 0)}; chainage follows it as it stands, so a "
            "place may carry two chainages."
        )
    if flags.get("late") or flags.get("rejected"):
        yield f"Readings of the counter that were not used: {flags.get('late', 0)} late, {flags.get('rejected', 0)} impossible."
    if odometer.looks < 0:
        yield "The counter falls along the drive: the camera is taken to look towards lower chainage."


def _of_cameras(cameras: tuple[CameraFacts, ...], size_wh: tuple[int, int]) -> Iterator[str]:
    for number, camera in enumerate(cameras):
        which = f"Camera {number}" if len(cameras) > 1 else "The camera"
        if camera.reconnects:
            yield f"{which} was lost and came back: {camera.reconnects} times."
        if camera.frames_lost:
            yield f"{which} gave frames that newer ones replaced before they were read: {camera.frames_lost}."
    if size_wh[1] and size_wh[0] / size_wh[1] > WIDE_ASPECT:
        yield f"The picture is {size_wh[0]}x{size_wh[1]}; the model knows 4:3 and 5:4 pictures."


def _of_pictures(pictures_left_out: int) -> Iterator[str]:
    if pictures_left_out:
        yield f"Observations whose picture was left out because the computer did not keep up: {pictures_left_out}."
