"""What goes into a live stream besides frames, and what comes out: model, settings, result and status, all immutable."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.live.slot import LiveAccounting, LiveDrop
from edge_sdk.runtime import Session
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import TrackingPolicy

MAX_CAMERAS = 4

LiveState = Literal["new", "loading", "running", "paused", "stuck", "failed", "stopped", "abandoned"]
EventKind = Literal["ready", "stuck", "worker_replaced", "failed", "swap_refused", "swapped", "swap_kept", "swap_reverted", "source_error"]


@dataclass(frozen=True, slots=True)
class LiveModel:
    """A model that may serve: its session, geometry and temperature belong together and are only ever changed together.

    `identity` is the bundle's (`Bundle.identity`); every result carries it. `is_loading` tells a runtime that is being started within a
    run, which may take minutes, from one that hangs.
    """

    session: Session
    spec: PreprocessSpec
    identity: str
    temperature: float = 1.0
    is_loading: Callable[[], bool] | None = None


class LiveSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What may be changed while a stream runs; a result carries the settings it was made under.

    `thresholds` has one score per class in label order, `policy` is for who tracks the results. `batch` is how many cameras' waiting
    frames go through the network together: `auto` measures at the start whether it pays. A camera without a frame for `no_frame_s` is
    `offline` (of a camera the robot owns; a source knows for itself); a run of the network longer than `stuck_s` is reported as stuck.
    """

    thresholds: tuple[float, ...] = ()
    policy: TrackingPolicy = TrackingPolicy()
    batch: Literal["auto", 1, 2, 3, 4] = "auto"
    no_frame_s: Annotated[float, Meta(ge=0.5, le=60.0)] = 2.0
    stuck_s: Annotated[float, Meta(gt=0.0, le=600.0)] = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveResult(FrameResult):
    """One live frame with what the model says of it; fits wherever a `FrameResult` does.

    Besides scores and maps: `model` is the bundle identity that made them and `settings` what it ran under; `age_ms` runs from capture to
    this result; `drops` are the frames of this camera dropped since its last
    result with scores, by reason (`dropped_before` is their sum);
    `source_state` and `quality` say whether the picture may be believed; `pan_deg` and `tilt_deg` are the robot's, None where not given.
    """

    camera: int
    model: str
    settings: LiveSettings
    age_ms: float
    source_state: str
    drops: dict[LiveDrop, int] = field(default_factory=dict)
    quality: tuple[str, ...] = ()
    pan_deg: float | None = None
    tilt_deg: float | None = None

    @property
    def seq(self) -> int:
        """The frame's number: counts every frame received from this camera, without holes."""
        return self.frame.seq

    @property
    def captured_ns(self) -> int:
        """When the frame was captured, on the monotonic clock."""
        return self.frame.captured_ns


class Latest(NamedTuple):
    """The newest result of a camera (None: there is none yet), how old its frame is now, and whether its camera still delivers."""

    result: LiveResult | None
    age_ms: float | None
    source_state: str


class CameraStatus(NamedTuple):
    """A camera: its state, how old its newest frame is, and its frames; reconnects and losses are its source's, 0 without one."""

    source_state: str
    frame_age_ms: float | None
    accounting: LiveAccounting
    reconnects: int
    frames_lost: int


class LiveStatus(NamedTuple):
    """A stream at one instant. `working_s` is how long the present run of the network takes so far."""

    state: LiveState
    model: str
    provider: str
    working_s: float
    accounting: LiveAccounting
    cameras: tuple[CameraStatus, ...]
    results_lost: int
    callback_errors: int
    workers_abandoned: int


class LiveEvent(NamedTuple):
    """Something a supervisor should know: what, when (monotonic) and why, in one line."""

    kind: EventKind
    at_ns: int
    reason: str
