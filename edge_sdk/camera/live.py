"""The seam of live sources: frames as they come, and a state that says whether they come at all.

A live source never ends by itself. It is `connecting` until its first frame, `online` while frames come, `offline` from the moment they
stopped until the next one (it reconnects for ever), `closed` after `close`. Every instant is the monotonic clock's.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from edge_sdk.camera.frame import Frame

SourceState = Literal["connecting", "online", "offline", "closed"]


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """A change of state.

    `at_ns` is when it was noticed, `last_frame_ns` when the last good frame before it was captured (None: there was none yet), both on
    the monotonic clock: a gap runs from `last_frame_ns` of the `offline` event to the next frame. `reason` is one line without credentials.
    """

    state: SourceState
    at_ns: int
    last_frame_ns: int | None
    reason: str


class LiveSource(Protocol):
    """A camera or stream that is read while it films.

    `name` is the address without credentials. `width`, `height` and `fps` are 0 until the first frame, and `fps` stays 0 where the
    camera announces none. `reconnects` counts returns after a loss, `frames_lost` the frames that came and were overwritten unread.
    """

    name: str

    @property
    def kind(self) -> Literal["live"]:
        """Always `live`."""
        ...

    @property
    def width(self) -> int:
        """Pixels of the newest frame."""
        ...

    @property
    def height(self) -> int:
        """Pixels of the newest frame."""
        ...

    @property
    def fps(self) -> float:
        """Frames per second the camera announces; nothing is decided by it."""
        ...

    @property
    def state(self) -> SourceState:
        """Whether frames come."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        ...

    @property
    def frames_lost(self) -> int:
        """Frames received and overwritten before they were read: each is a hole in `Frame.seq`."""
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """The oldest frame not yet read, or None if none comes within `timeout_s` (0: only look). Never longer than that."""
        ...

    def events(self) -> tuple[SourceEvent, ...]:
        """The changes of state since the last call, in order."""
        ...

    def close(self) -> None:
        """End it within 2 s, whatever hangs; no process and no memory is left behind. May be called from any thread, and twice."""
        ...
