"""The crew of a live stream: the worker at work, those left behind because they hung, and the watch that notices.

A run of the network that lasts longer than `stuck_s` is reported once, so that a supervisor can act (exchange the model, restart the
process). Only after an exchange is it acted on here: a new model that hangs is taken back, and one that hangs though another serves by
now is left behind. A run is judged by the settings of its own model, however patient those of the next one are.
"""

import logging
import threading
import time
from collections.abc import Callable

from edge_sdk.live.intake import Intake
from edge_sdk.live.models import ModelDesk, Serving, measure_batch, try_model
from edge_sdk.live.result import EventKind
from edge_sdk.live.worker import Surroundings, Worker, one_line
from edge_sdk.throughput import join_or_leave

logger = logging.getLogger(__name__)

WATCH_S = 0.25


class Crew:
    """Workers and watch of one stream.

    Args:
        intake: Where frames come from.
        desk: Who serves.
        around: What workers need besides.
        tell: Takes an event's kind and reason; returns at once.
    """

    def __init__(self, intake: Intake, desk: ModelDesk, around: Surroundings, tell: Callable[[EventKind, str], None]) -> None:
        self._intake, self._desk, self._around, self._tell = intake, desk, around, tell
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="live-watch", daemon=True)
        self._loading_seen_ns = 0
        self.ready = threading.Event()
        self.failed = False
        self.abandoned = 0

    @property
    def stuck(self) -> bool:
        """Whether the present run has lasted too long; one in which a runtime is being started has not."""
        return not self._is_loading() and self.working_s > self._running.settings.stuck_s

    @property
    def working_s(self) -> float:
        """How long the present run takes so far; once a runtime was started within it, since then."""
        loading, in_all_s = self._is_loading(), self._intake.working_s()
        return in_all_s if loading else min(in_all_s, (time.monotonic_ns() - self._loading_seen_ns) / 1e9)

    def start(self, num_cameras: int) -> None:
        """Warm the model up and begin."""
        with self._lock:
            self._begin(0, lambda: self._warm_up(num_cameras))
        self._watcher.start()

    def replace_if_stuck(self, reason: str) -> None:
        """Leave a worker that hangs behind and begin anew with the model that serves now."""
        with self._lock:
            if self._ended.is_set() or not self.stuck:
                return
            self.abandoned += 1
            self._begin(self._intake.abandon(), self.ready.set)
        self._tell("worker_replaced", reason)

    def stop(self, timeout_s: float) -> bool:
        """Wait for the worker to end, after `Intake.end`; False if it hangs and was left behind."""
        with self._lock:
            self._ended.set()
            worker = self._worker
            if worker is None or join_or_leave([worker.thread], timeout_s=timeout_s):
                return True
            self.abandoned += 1
            self._intake.abandon()
            return False

    @property
    def watcher(self) -> threading.Thread:
        """The watch's thread."""
        return self._watcher

    @property
    def _running(self) -> Serving:
        """What the present run is made under: of the model that serves the settings that hold now, of another one its own."""
        serving, worker = self._desk.serving, self._worker
        running = worker.running if worker else None
        return serving if running is None or running.turn == serving.turn else running

    def _is_loading(self) -> bool:
        """Asked by the watch all the time, which therefore knows when it ended."""
        is_loading = self._running.model.is_loading
        if is_loading is None or not is_loading():
            return False
        self._loading_seen_ns = time.monotonic_ns()
        return True

    def _begin(self, epoch: int, warm_up: Callable[[], None]) -> None:
        self._worker = Worker(self._intake, self._desk, self._around, epoch=epoch, warm_up=warm_up, on_death=self._on_death)
        self._worker.thread.start()

    def _warm_up(self, num_cameras: int) -> None:
        """The first run is slow on every runtime, and not one that hangs; a model that fails here may still do frames."""
        serving = self._desk.serving
        try:
            try_model(serving.model, None)
            if serving.settings.batch == "auto":
                self._desk.measured(measure_batch(serving.model, num_cameras))
        except Exception as error:
            logger.warning("%s failed to warm up: %s", serving.model.identity, one_line(error))
        self.ready.set()
        self._tell("ready", f"{serving.model.identity} on {serving.model.session.provider}")

    def _on_death(self, epoch: int, reason: str) -> None:
        """A worker that ends by a defect drops what it holds; one left behind before is history."""
        if self._intake.fail(epoch):
            self.failed = True
            self._tell("failed", reason)

    def _watch(self) -> None:
        reported = False
        while not self._ended.wait(WATCH_S):
            stuck = self.stuck
            if stuck and not reported:
                self._tell("stuck", f"{self._running.model.identity}: a run has lasted {self.working_s:.1f} s")
            reported = stuck
            if stuck:
                self._relieve(self._running)

    def _relieve(self, running: Serving) -> None:
        """Where models were exchanged, another one can serve in place of the one that hangs."""
        if running.turn != self._desk.serving.turn:
            self.replace_if_stuck("it hung though another model serves")
        elif self._desk.take_back(running, "it hung"):
            self.replace_if_stuck("the new model hung and was taken back")
