"""The life of an inspection in the words of ROS 2's managed nodes (design.ros2.org, node_lifecycle), and DEGRADED.

    UNCONFIGURED --configure--> INACTIVE --activate--> ACTIVE <--> DEGRADED
          ^--------cleanup---------'^------deactivate-----'-----------'          any --shutdown--> FINALIZED

DEGRADED is ACTIVE with at least one named reason: it goes on working, and says what it lacks.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

State = Literal["UNCONFIGURED", "INACTIVE", "ACTIVE", "DEGRADED", "FINALIZED"]
STATES: tuple[State, ...] = ("UNCONFIGURED", "INACTIVE", "ACTIVE", "DEGRADED", "FINALIZED")
MAX_HISTORY = 256

NEXT_STEP = {
    "UNCONFIGURED": "configure it first", "INACTIVE": "activate it first, or clean it up", "ACTIVE": "deactivate it first",
    "DEGRADED": "deactivate it first", "FINALIZED": "make another one",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state or of its reasons: what, when (monotonic), and why in one line. `before == after` where only reasons changed."""

    before: State
    after: State
    at_ns: int
    reason: str
    entered: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Lifecycle:
    """The state of one run. Steps may come from any thread.

    Args:
        on_transition: Told of every change, outside the lock, in order of the calls of one thread.
        monotonic_ns: The clock.
    """

    def __init__(
        self, on_transition: Callable[[Transition], object] = lambda change: None, *, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._on_transition, self._monotonic_ns = on_transition, monotonic_ns
        self._lock = threading.Lock()
        self._state: State = "UNCONFIGURED"
        self._reasons: Mapping[str, str] = MappingProxyType({})
        self._history: deque[Transition] = deque(maxlen=MAX_HISTORY)

    @property
    def state(self) -> State:
        """Where it is."""
        return self._state

    @property
    def reasons(self) -> Mapping[str, str]:
        """What it lacks: name to one line. Names may be there outside DEGRADED too, before activation."""
        return self._reasons

    @property
    def history(self) -> tuple[Transition, ...]:
        """The newest changes, oldest first."""
        with self._lock:
            return tuple(self._history)

    def configure(self, reason: str = "bundle opened, golden frames passed") -> None:
        """UNCONFIGURED to INACTIVE."""
        self._step("configure", {"UNCONFIGURED"}, "INACTIVE", reason)

    def activate(self, reason: str = "frames are let in") -> None:
        """INACTIVE to ACTIVE, or to DEGRADED where something is lacking already."""
        self._step("activate", {"INACTIVE"}, "ACTIVE", reason)

    def deactivate(self, reason: str = "paused") -> None:
        """ACTIVE or DEGRADED to INACTIVE."""
        self._step("deactivate", {"ACTIVE", "DEGRADED"}, "INACTIVE", reason)

    def cleanup(self, reason: str = "model closed") -> None:
        """INACTIVE to UNCONFIGURED."""
        self._step("clean up", {"INACTIVE"}, "UNCONFIGURED", reason)

    def shutdown(self, reason: str = "stopped") -> None:
        """Any state but FINALIZED to FINALIZED; nothing follows."""
        self._step("shut down", {"UNCONFIGURED", "INACTIVE", "ACTIVE", "DEGRADED"}, "FINALIZED", reason)

    def lack(self, reasons: Mapping[str, str]) -> None:
        """What is lacking now, all of it: enters and leaves DEGRADED while active, is remembered before. Ignored once finalized."""
        with self._lock:
            if self._state == "FINALIZED":
                return
            entered = tuple(sorted(set(reasons) - set(self._reasons)))
            left = tuple(sorted(set(self._reasons) - set(reasons)))
            self._reasons = MappingProxyType(dict(reasons))
            if not entered and not left:
                return
            news = [f"{name}: {reasons[name]}" for name in entered] + [f"{name} is over" for name in left]
            change = self._note(self._state_with_reasons(self._state), "; ".join(news), entered, left)
        self._on_transition(change)

    def _step(self, verb: str, allowed: set[State], target: State, reason: str) -> None:
        """One step.

        Raises:
            RuntimeError: If it is not a step of this state.
        """
        with self._lock:
            if self._state not in allowed:
                raise RuntimeError(f"cannot {verb} while {self._state}; {NEXT_STEP[self._state]}")
            change = self._note(self._state_with_reasons(target), reason)
        self._on_transition(change)

    def _state_with_reasons(self, target: State) -> State:
        if target in ("ACTIVE", "DEGRADED"):
            return "DEGRADED" if self._reasons else "ACTIVE"
        return target

    def _note(self, after: State, reason: str, entered: tuple[str, ...] = (), left: tuple[str, ...] = ()) -> Transition:
        change = Transition(self._state, after, self._monotonic_ns(), reason, entered, left)
        self._state = after
        self._history.append(change)
        return change
