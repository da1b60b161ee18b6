"""The supervisor: looks at a run four times a second, and tells everyone who asks how it is.

One thread. It takes the lifecycle's steps after what it sees, names what is lacking, tells the service manager, writes `status.json`, and
feeds the metrics. It never acts on the run, and no defect of what it looks at, or of the disk it writes to, ends it.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec

from edge_sdk.supervision.degradation import Assessor, Limits
from edge_sdk.supervision.diagnostics import Diagnostics, Level
from edge_sdk.supervision.host import look_at_host
from edge_sdk.supervision.lifecycle import Lifecycle, State, Transition
from edge_sdk.supervision.metrics import Metrics
from edge_sdk.supervision.notify import Notifier
from edge_sdk.supervision.progress import ProgressProof
from edge_sdk.supervision.snapshot import Snapshot
from edge_sdk.supervision.stages import follow
from edge_sdk.supervision.status_file import Status
from edge_sdk.supervision.status_writer import StatusWriter
from edge_sdk.supervision.watchdog import Watchdog, watchdog_period_s

if TYPE_CHECKING:
    from edge_sdk.supervision.endpoint import MetricsEndpoint

logger = logging.getLogger(__name__)

TICK_S = 0.25
PERIOD_S = 1.0  # of the diagnostics: stale after three, so that a busy machine is not
STOP_S = 2.0
NO_PROGRESS_S = 15.0  # half of the unit's WatchdogSec


class Supervisor:
    """Watches one run; see the package. A context manager.

    Args:
        look: Gives the run's snapshot; called in the supervisor's thread, must return at once.
        run_dir: The run's folder, for `status.json` and the free space; None for neither.
        notifier: The service manager; None for none.
        metrics: Goes on counting where an earlier supervisor of this process ended; None begins anew.
        metrics_port: Serve /metrics and /healthz on 127.0.0.1; None, the default, opens no socket.
        limits: When something counts as lacking.
        on_transition: Told of every change of state or reasons, for the journal; in the supervisor's thread.
    """

    def __init__(
        self,
        look: Callable[[], Snapshot],
        *,
        run_dir: Path | None = None,
        notifier: Notifier | None = None,
        metrics: Metrics | None = None,
        metrics_port: int | None = None,
        limits: Limits | None = None,
        on_transition: Callable[[Transition], object] | None = None,
    ) -> None:
        self._look, self._run_dir, self._metrics_port, self._told = look, run_dir, metrics_port, on_transition
        self._notifier = notifier or Notifier(None)
        self.metrics = metrics or Metrics()
        self.watchdog = Watchdog(self._notifier, watchdog_period_s() if self._notifier.enabled else None)
        self.lifecycle = Lifecycle(self._on_transition)
        self._diagnostics, self._assessor = Diagnostics(PERIOD_S), Assessor(limits)
        self._proof, self._writer = ProgressProof(), StatusWriter(run_dir)
        self._last_result_s: float | None = None
        self._newest = Snapshot(phase="new", self_test_passed=False)
        self._ready = self._complained = False
        self._reason = "stopped"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self.endpoint: MetricsEndpoint | None = None

    @property
    def state(self) -> State:
        """The run's state."""
        return self.lifecycle.state

    @property
    def level(self) -> Level:
        """The run's level; STALE where the supervisor itself no longer gets a look at it."""
        return self._diagnostics.level

    def start(self) -> None:
        """Begin to look.

        Raises:
            InputError: If the metrics port cannot be used.
        """
        if self._metrics_port is not None:
            from edge_sdk.supervision.endpoint import MetricsEndpoint  # an HTTP server is loaded only where one is asked for

            self.endpoint = MetricsEndpoint(self._metrics_port, metrics=self.metrics.text, health=self._health)
        self._thread.start()

    def frame_done(self, *, age_s: float, inference_s: float | None = None) -> None:
        """Called with every result that has scores, from whichever thread has it; returns at once. It is also proof of progress."""
        self.watchdog.progress()
        self._last_result_s = time.monotonic() - age_s
        self.metrics.observe_age(age_s)
        if inference_s is not None:
            self.metrics.observe_inference(inference_s)

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Around an exchange of the model or the settings: tells the service manager that it begins and that it is over."""
        self._notifier.reloading()
        try:
            yield
        finally:
            if self._ready:
                self._notifier.ready()

    def stop(self, reason: str = "stopped", *, timeout_s: float = STOP_S) -> bool:
        """Say that the run ends, take a last look, and end; False if the thread hangs and was left behind."""
        began_s = time.monotonic()
        if not self._ended.is_set():
            self._reason = reason
            self._notifier.stopping(reason)
            self._ended.set()
            if self.endpoint is not None:
                self.endpoint.close()
        if self._thread.ident is not None:
            self._thread.join(max(timeout_s - (time.monotonic() - began_s), 0.1))
        if self._thread.is_alive():
            logger.warning("the supervisor's thread hangs and is left behind")
            return False
        return True

    def __enter__(self) -> "Supervisor":
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop("stopped" if kind is None else f"ended by {kind.__name__}")

    def _watch(self) -> None:
        while not self._ended.is_set():
            self._survives(lambda: self._attend(self._look()))
            self._ended.wait(TICK_S)
        if not self._survives(lambda: self._attend(self._look())):
            self._survives(lambda: self._attend(self._newest))

    def _survives(self, step: Callable[[], None]) -> bool:
        """Do a step; a defect of what is looked at, or of this, must not end supervision: it shows as STALE before long."""
        try:
            step()
        except Exception:
            if not self._complained:
                logger.exception("the run could not be looked at (said once)")
            self._complained = True
            return False
        self._complained = False
        return True

    def _attend(self, snapshot: Snapshot) -> None:
        ending = self._ended.is_set()
        if self._proof.holds(snapshot):
            self.watchdog.progress()
        host = look_at_host(self._run_dir)
        lacking = self._assessor.assess(snapshot, host)
        self.lifecycle.lack({item.name: item.detail for item in lacking})
        follow(self.lifecycle, snapshot)
        if ending and self.lifecycle.state != "FINALIZED":
            self.lifecycle.shutdown(self._reason)
        self._diagnostics.update(item.severity for item in lacking)
        self.metrics.update(snapshot, host, self.lifecycle.state, lacking)
        self._tell_ready(snapshot)
        if ending or self._writer.due(self.lifecycle.state):
            newest = self._last_result_s
            status = self._writer.status(
                snapshot, host, state=self.state, level=self.level, lacking=lacking,
                result_age_s=None if newest is None else time.monotonic() - newest, progress_age_s=self.watchdog.idle_s,
            )  # fmt: skip
            self._notifier.status(summary(status))
            self._writer.write(status)
        self._newest = snapshot

    def _tell_ready(self, snapshot: Snapshot) -> None:
        """READY only once the golden frames were right on this machine and the model is warmed up."""
        if not self._ready and not self._ended.is_set() and snapshot.self_test_passed and snapshot.phase in ("running", "paused"):
            self._ready = True
            self._notifier.ready()

    def _on_transition(self, change: Transition) -> None:
        logger.info("%s -> %s: %s", change.before, change.after, change.reason)
        if self._told is None:
            return
        try:
            self._told(change)
        except Exception:  # the robot's own code
            logger.exception("a change of state could not be told")

    def _health(self) -> tuple[bool, str]:
        """Whether a restart would not help: it is looked at, it has begun and not ended, and inference lives."""
        state, level, idle_s = self.state, self.level, self.watchdog.idle_s
        alive = level != "STALE" and state not in ("UNCONFIGURED", "FINALIZED") and idle_s <= NO_PROGRESS_S
        said = {"alive": alive, "state": state, "level": level, "lacking": list(self.lifecycle.reasons), "progress_age_s": round(idle_s, 3)}
        return alive, msgspec.json.encode(said).decode() + "\n"


def summary(status: Status) -> str:
    """A status in one line, for the service manager."""
    rate = "" if status.frames.per_s is None else f", {status.frames.per_s:.1f} frames/s"
    lacking = ", ".join(lack.name for lack in status.lacking)
    return f"{status.state}{f' ({lacking})' if lacking else ''}{rate}, {status.observations} observations"
