"""One camera's place in a live stream: the frame that waits, the newest, and the counts of all that ever came.

At any instant

    received == processed + sum of dropped by reason + in flight

where a frame in flight is waiting or being worked on.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from edge_sdk.camera.frame import Frame

LiveDrop = Literal["superseded", "bad_shape", "unreadable", "paused", "stopped", "inference_failed", "abandoned"]


class LiveAccounting(NamedTuple):
    """Exact frame accounting at one instant: `received == processed + sum(dropped.values()) + in_flight`."""

    received: int
    processed: int
    dropped: dict[LiveDrop, int]
    in_flight: int

    @property
    def balanced(self) -> bool:
        """Whether the sum holds; anything else is a defect of the SDK."""
        return self.received == self.processed + sum(self.dropped.values()) + self.in_flight


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A frame on its way through the stream, with what the robot said of it."""

    camera: int
    frame: Frame
    pan_deg: float | None = None
    tilt_deg: float | None = None


@dataclass(slots=True)
class Slot:
    """One camera: the frame that waits, and what became of the others. Its owner holds a lock around every call."""

    waiting: Ticket | None = None
    waiting_since: int = 0  # arrival number of the first frame since the last pick-up: replacing a frame does not lose its turn
    received: int = 0
    processed: int = 0
    dropped: Counter[LiveDrop] = field(default_factory=Counter)
    before: Counter[LiveDrop] = field(default_factory=Counter)  # dropped since the last processed frame, and before the waiting one
    after: Counter[LiveDrop] = field(default_factory=Counter)  # dropped after the waiting one came: the next result's to tell
    in_work: int = 0
    ending: int = 0  # of those: claimed, and not settled yet
    last_captured_ns: int | None = None
    last_arrival_ns: int | None = None

    def drop(self, reason: LiveDrop) -> None:
        """Drop a frame that has just come."""
        self.dropped[reason] += 1
        (self.before if self.waiting is None else self.after)[reason] += 1

    def drop_waiting(self, reason: LiveDrop) -> None:
        """Drop the waiting frame."""
        self.waiting = None
        self.before += self.after
        self.after.clear()
        self.drop(reason)

    def drop_worked_on(self, reason: LiveDrop, before: Counter[LiveDrop]) -> None:
        """Drop a frame that was picked up: it came before any that waits now."""
        self.dropped[reason] += 1
        self.before += before
        self.before[reason] += 1

    def pick_up(self) -> tuple[Ticket, Counter[LiveDrop]]:
        """Take the waiting frame, with what was dropped before it."""
        ticket, before = self.waiting, self.before
        assert ticket is not None, "no frame waits"
        self.waiting, self.before, self.after = None, self.after, Counter()
        self.in_work += 1
        return ticket, before

    def accounting(self) -> LiveAccounting:
        """What became of this camera's frames."""
        return LiveAccounting(self.received, self.processed, dict(self.dropped), self.in_work + (self.waiting is not None))


def total(parts: Sequence[LiveAccounting]) -> LiveAccounting:
    """The accounting of several cameras together."""
    dropped: Counter[LiveDrop] = Counter()
    for part in parts:
        dropped.update(part.dropped)
    received, processed, in_flight = (sum(column) for column in zip(*((p.received, p.processed, p.in_flight) for p in parts), strict=True))
    return LiveAccounting(received, processed, dict(dropped), in_flight)
