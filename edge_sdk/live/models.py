"""Which model serves a live stream: exchanged between two frames, on probation at first, and taken back if it does not do.

A new model is tried before any frame sees it (self-test, or at least one run). Its first 50 frames are a probation: after the third that
fails, or if it hangs, the last model that proved itself serves again. Model and settings are one reference, so no frame sees half of each.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.golden import GoldenReport
from edge_sdk.errors import InferenceError
from edge_sdk.frame_inference import run_checked
from edge_sdk.live.result import LiveModel, LiveSettings
from edge_sdk.runtime import Session

logger = logging.getLogger(__name__)

PROBATION_FRAMES = 50  # the health commit of an update: 50 good inferences
PROBATION_FAILURES = 3  # one or two may be the frame's fault
MAX_HISTORY = 64
BATCH_GAIN = 1.1  # a batch that is quicker by less is not worth the wait of its first frame
BATCH_ROUNDS = 3

SelfTest = Callable[[Session], GoldenReport]
SwapOutcome = Literal["refused", "on_probation", "kept", "reverted"]


class SwapReport(NamedTuple):
    """One step of an exchange: what it came to, when (monotonic), between which bundles, and why."""

    outcome: SwapOutcome
    at_ns: int
    before: str
    after: str
    reason: str


@dataclass(frozen=True, slots=True)
class Serving:
    """A model with the settings it runs under; `measured_batch` is what `batch="auto"` stands for with this model.

    `turn` counts the exchanges: other settings of the same turn hold for a run that is under way, those of another turn do not.
    """

    model: LiveModel
    settings: LiveSettings
    measured_batch: int = 1
    turn: int = 0

    @property
    def batch(self) -> int:
        """How many frames go through the network together, at most."""
        return self.measured_batch if self.settings.batch == "auto" else self.settings.batch


class ModelDesk:
    """Who serves now, who served before, and how the newest one does. All methods may be called from any thread.

    Args:
        serving: The first model, which is trusted: its owner tested it.
        on_change: Told of every step of an exchange; must return at once.
    """

    def __init__(self, serving: Serving, on_change: Callable[[SwapReport], None]) -> None:
        self._lock = threading.Lock()
        self._serving = self._proved = serving
        self._good = self._failed = self._turns = 0
        self._on_change = on_change
        self._history: deque[SwapReport] = deque(maxlen=MAX_HISTORY)

    @property
    def serving(self) -> Serving:
        """The model and settings for the next frame: one reference, read once per frame."""
        return self._serving

    @property
    def history(self) -> tuple[SwapReport, ...]:
        """The newest exchanges, oldest first."""
        with self._lock:
            return tuple(self._history)

    def configure(self, settings: LiveSettings) -> None:
        """Change the settings from the next frame on; the model and its probation stay."""
        with self._lock:
            on_probation = self._serving is not self._proved
            self._serving = replace(self._serving, settings=settings)
            if not on_probation:
                self._proved = self._serving

    def measured(self, batch: int) -> None:
        """Note how many frames the first model takes best together."""
        with self._lock:
            if self._serving is self._proved:
                self._serving = self._proved = replace(self._serving, measured_batch=batch)

    def refuse(self, model: LiveModel, reason: str) -> SwapReport:
        """Record that a model was not let in."""
        with self._lock:
            return self._note("refused", self._serving.model, model, reason)

    def swap(self, serving: Serving, reason: str) -> SwapReport:
        """Let a tried model serve from the next frame on, on probation."""
        with self._lock:
            self._turns += 1
            serving = replace(serving, turn=self._turns)
            before, self._serving = self._serving.model, serving
            self._good = self._failed = 0
            if serving.model is self._proved.model:
                self._proved = serving
                return self._note("kept", before, serving.model, "it has proved itself before")
            return self._note("on_probation", before, serving.model, reason)

    def count_good(self, serving: Serving, frames: int) -> None:
        """Frames that a model did well; the fiftieth ends its probation."""
        if serving.model is self._proved.model:
            return
        with self._lock:
            if serving.model is not self._serving.model or serving.model is self._proved.model:
                return
            self._good += frames
            if self._good >= PROBATION_FRAMES:
                before, self._proved = self._proved.model, self._serving
                self._note("kept", before, self._serving.model, f"{self._good} frames inferred, {self._failed} failed")

    def count_failed(self, serving: Serving, reason: str) -> None:
        """A frame on which a model failed; on probation the third takes it back."""
        with self._lock:
            if serving.model is not self._serving.model or serving.model is self._proved.model:
                return
            self._failed += 1
            if self._failed >= PROBATION_FAILURES:
                self._take_back(f"{self._failed} of its first {self._good + self._failed} frames failed: {reason}")

    def take_back(self, serving: Serving, reason: str) -> bool:
        """Return to the last model that proved itself; False if that is the one that serves, or this one does no longer."""
        with self._lock:
            if serving.turn != self._serving.turn or self._serving.model is self._proved.model:
                return False
            self._take_back(reason)
            return True

    def _take_back(self, reason: str) -> None:
        failed, self._serving = self._serving.model, self._proved
        self._note("reverted", failed, self._proved.model, reason)

    def _note(self, outcome: SwapOutcome, a: LiveModel, b: LiveModel, reason: str) -> SwapReport:
        report = SwapReport(outcome, time.monotonic_ns(), a.identity, b.identity, reason)
        self._history.append(report)
        logger.info("model %s -> %s: %s (%s)", a.identity, b.identity, outcome, reason)
        self._on_change(report)
        return report


def try_model(model: LiveModel, self_test: SelfTest | None) -> None:
    """Run a model before it may serve; this is also its warm-up.

    Raises:
        InferenceError: If its scores on the golden frames are not the expected ones, or it cannot run at all.
    """
    if self_test is not None:
        report = self_test(model.session)
        if not report.passed:
            raise InferenceError(f"the golden frames differ by {report.max_abs_dp:.3f} in score, at most {report.tolerance:.3f} is allowed")
    run_checked(model.session, np.zeros((1, model.spec.height, model.spec.width, 3), np.uint8))


def measure_batch(model: LiveModel, num_cameras: int) -> int:
    """How many frames at a time are quickest per frame, from 1 to the number of cameras: least of three runs each.

    A session that takes only one frame at a time (an engine of fixed shape) fails on more; it is given one.
    """
    best, best_s = 1, np.inf
    for batch in range(1, num_cameras + 1) if num_cameras > 1 else ():
        images_NHWC = np.zeros((batch, model.spec.height, model.spec.width, 3), np.uint8)
        try:
            run_checked(model.session, images_NHWC)
            per_frame_s = min(_seconds(model, images_NHWC) for _ in range(BATCH_ROUNDS)) / batch
        except InferenceError:
            break
        if per_frame_s * BATCH_GAIN < best_s:
            best, best_s = batch, per_frame_s
    return best


def _seconds(model: LiveModel, images_NHWC: NDArray[np.uint8]) -> float:
    begin = time.perf_counter()
    run_checked(model.session, images_NHWC)
    return time.perf_counter() - begin
