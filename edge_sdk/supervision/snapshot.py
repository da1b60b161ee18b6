"""What the supervisor sees of a live run at one instant: plain values, copied by whoever owns the run.

The words are those of the live stream, so that its status can be handed on as it is; the stream itself is not known here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Phase = Literal["new", "loading", "running", "paused", "stuck", "failed", "stopped", "abandoned"]
JournalState = Literal["ok", "warn", "error"]


@dataclass(frozen=True, slots=True)
class CameraSnapshot:
    """One camera. `name` may be an address; it is shown without credentials. `quality` is what is wrong with its newest picture."""

    name: str
    state: str
    frame_age_ms: float | None = None
    reconnects: int = 0
    frames_lost: int = 0
    quality: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """Exact frame accounting: `received == processed + sum(dropped.values()) + in_flight`."""

    received: int = 0
    processed: int = 0
    dropped: Mapping[Any, int] = field(default_factory=dict)  # by reason, of any Literal: Mapping is invariant in its key
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class JournalSnapshot:
    """The durable log: its health in a word and a line, the entries that wait for the disk, and its size."""

    state: JournalState = "ok"
    reason: str = ""
    waiting: int = 0
    num_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A run at one instant.

    `self_test_passed`: the golden frames gave the expected scores on this machine; without it the run is never announced as ready.
    `working_s` is how long the present run of the network takes so far (0: none runs), `is_loading` that a runtime is being started
    within the run, which may take minutes. `fallback` says in one line why a lesser runtime than the best serves, empty if none does.
    `odometer_age_s` is None where there is no odometer, `journal` where nothing is recorded, `chainage_m` where it is not known.
    """

    phase: Phase
    self_test_passed: bool
    model: str = ""
    provider: str = ""
    precision: str = ""
    fallback: str = ""
    accounting: Counts = Counts()
    working_s: float = 0.0
    is_loading: bool = False
    results_lost: int = 0
    cameras: tuple[CameraSnapshot, ...] = ()
    journal: JournalSnapshot | None = None
    observations: int = 0
    chainage_m: float | None = None
    odometer_age_s: float | None = None
