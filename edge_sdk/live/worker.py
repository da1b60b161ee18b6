"""The worker of a live stream: takes the newest frames, prepares them, runs the network, and gives the results out.

It is a thread: resizing and inference leave Python's lock, so the robot's own loop goes on beside it. A run that never returns cannot be
ended from outside; such a worker is left behind, and whatever it may still bring is thrown away.
"""

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.contract.interface import Outputs, scores_from_logits
from edge_sdk.errors import FrameShapeError
from edge_sdk.frame_inference import DropReason, prepared_image, run_checked
from edge_sdk.live.intake import Intake
from edge_sdk.live.models import ModelDesk, Serving
from edge_sdk.live.result import LiveResult
from edge_sdk.live.slot import LiveDrop, Ticket
from edge_sdk.odometer import Chainage

logger = logging.getLogger(__name__)

UNCHECKED = "unchecked"  # a quality flag: the picture check itself failed


class ChainageSource(Protocol):
    """Where the camera was at an instant of the monotonic clock: an `OdometerFeed`."""

    def at_ns(self, time_ns: int) -> Chainage:
        """Chainage at the instant; never waits."""
        ...


class FrameCheck(Protocol):
    """What may be wrong with a camera's pictures (frozen, black): a `FrameQuality`, one for each camera, given its frames in order."""

    def flags(self, frame: Frame, pan_deg: float | None = None, tilt_deg: float | None = None) -> Collection[str]:
        """Names of what is wrong; empty if nothing is."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker needs besides frames and model: places, picture checks per camera, each camera's state, and where results go."""

    chainage: ChainageSource
    checks: Sequence[FrameCheck | None]
    source_state: Callable[[int], str]
    publish: Callable[[LiveResult], None]
    keep_images: bool


class Worker:
    """One thread that works until its epoch is over.

    Args:
        intake: Where frames come from.
        desk: Who serves.
        around: Where the rest comes from and results go.
        epoch: From `Intake`; a worker of an earlier one ends.
        warm_up: Called in the thread before the first frame.
        on_death: Called with the epoch and one line if the thread ends by a defect.
    """

    def __init__(
        self,
        intake: Intake,
        desk: ModelDesk,
        around: Surroundings,
        *,
        epoch: int,
        warm_up: Callable[[], None],
        on_death: Callable[[int, str], None],
    ) -> None:
        self._intake, self._desk, self._around, self._epoch = intake, desk, around, epoch
        self._warm_up, self._on_death = warm_up, on_death
        self._complained: set[str] = set()
        self.running: Serving | None = None  # what the present run is made under; None between two
        self.thread = threading.Thread(target=self._work, name=f"live-inference-{epoch}", daemon=True)

    def _work(self) -> None:
        try:
            self._warm_up()
            while (tickets := self._intake.take(self._epoch, self._desk.serving.batch)) is not None:
                self.running = self._desk.serving
                self._infer(tickets, self.running)
                self.running = None
                del tickets  # or its frames would be held until the next ones come
        except BaseException as error:
            logger.exception("the live worker died")
            self._on_death(self._epoch, f"the worker died: {one_line(error)}")

    def _infer(self, tickets: Sequence[Ticket], serving: Serving) -> None:
        """Prepare and run frames together; if that fails each alone, so that one bad frame costs one frame."""
        ready = [(ticket, image) for ticket in tickets if (image := self._prepare(ticket, serving)) is not None]
        if not ready:
            return
        try:
            outputs = run_checked(serving.model.session, np.stack([image for _, image in ready]))
        except Exception as error:  # a session of any make: the frame is dropped, the stream goes on
            if len(ready) == 1:
                self._drop(ready[0][0], "inference_failed", error, serving)
            else:
                for ticket, _ in ready:
                    self._infer([ticket], serving)
            return
        self._desk.count_good(serving, len(ready))
        for i, (ticket, _) in enumerate(ready):
            self._end(ticket, serving, Outputs(outputs.logits_NC[i : i + 1], outputs.maps_NChw[i : i + 1]))

    def _prepare(self, ticket: Ticket, serving: Serving) -> NDArray[np.uint8] | None:
        try:
            return prepared_image(ticket.frame, serving.model.spec)
        except FrameShapeError as error:
            self._drop(ticket, "bad_shape", error, serving)
        except Exception as error:
            self._drop(ticket, "inference_failed", error, serving)
        return None

    def _drop(self, ticket: Ticket, reason: Literal["bad_shape", "inference_failed"], error: Exception, serving: Serving) -> None:
        if reason == "inference_failed":
            self._desk.count_failed(serving, one_line(error))
        self._complain(reason, f"frame {ticket.frame.seq} of camera {ticket.camera} dropped: {one_line(error)}")
        self._end(ticket, serving, None, dropped=reason)

    def _end(self, ticket: Ticket, serving: Serving, outputs: Outputs | None, *, dropped: DropReason | None = None) -> None:
        """Give the result out, and only then count the frame; one that was given up meanwhile is history."""
        quality = self._quality(ticket) if outputs is not None else ()
        drops = self._intake.claim(ticket)
        if drops is None:
            return
        try:
            self._around.publish(self._result(ticket, serving, outputs, dropped, drops, quality))
        finally:  # a claimed frame must not stay in flight, whatever happens here
            self._intake.settle(ticket, dropped)

    def _result(
        self,
        ticket: Ticket,
        serving: Serving,
        outputs: Outputs | None,
        dropped: DropReason | None,
        drops: dict[LiveDrop, int],
        quality: tuple[str, ...],
    ) -> LiveResult:
        frame, around, model = ticket.frame, self._around, serving.model
        return LiveResult(
            frame=frame if around.keep_images else replace(frame, stored=None),
            time_s=frame.time_s,
            chainage=around.chainage.at_ns(frame.captured_ns),
            provider=model.session.provider,
            dropped_before=sum(drops.values()),
            dropped=dropped,
            scores_C=None if outputs is None else scores_from_logits(outputs.logits_NC[0], model.temperature),
            maps_Chw=None if outputs is None else outputs.maps_NChw[0],
            camera=ticket.camera,
            model=model.identity,
            settings=serving.settings,
            source_state=around.source_state(ticket.camera),
            drops=drops,
            quality=quality,
            pan_deg=ticket.pan_deg,
            tilt_deg=ticket.tilt_deg,
            age_ms=max(time.monotonic_ns() - frame.captured_ns, 0) / 1e6,
        )

    def _quality(self, ticket: Ticket) -> tuple[str, ...]:
        check = self._around.checks[ticket.camera]
        if check is None:
            return ()
        try:
            return tuple(sorted(check.flags(ticket.frame, ticket.pan_deg, ticket.tilt_deg)))
        except Exception as error:  # a picture that could not be judged is not a good one
            self._complain("quality", f"the picture check failed: {one_line(error)}")
            return (UNCHECKED,)

    def _complain(self, cause: str, line: str) -> None:
        if cause not in self._complained:
            self._complained.add(cause)
            logger.warning("%s (the next such ones are counted without a word)", line)


def one_line(error: BaseException) -> str:
    """The first line of an error, never empty and never longer than 300 characters."""
    return str(error).strip().split("\n", 1)[0][:300] or type(error).__name__
