"""The intake of a live stream: one waiting frame per camera, the newest, and what became of every frame that ever came.

Every method holds the one lock for microseconds: no copy, inference, disk or network under it. At any instant and for every camera

    received == processed + sum of dropped by reason + in flight

where a frame in flight is waiting or being worked on.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import ChannelOrder, Frame
from edge_sdk.live.frames import FramePool

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
class _Camera:
    pool: FramePool = field(default_factory=FramePool)
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
        return LiveAccounting(self.received, self.processed, dict(self.dropped), self.in_work + (self.waiting is not None))


class Intake:
    """Slots and counts of all cameras.

    Args:
        num_cameras: One to four.
        started_ns: The monotonic instant from which `Frame.time_s` counts.
    """

    def __init__(self, num_cameras: int, *, started_ns: int) -> None:
        self._cameras = [_Camera() for _ in range(num_cameras)]
        self._started_ns = started_ns
        self._ready = threading.Condition(threading.Lock())
        self._closed: LiveDrop | None = "stopped"  # why frames are not let in; None: they are
        self._ended = False
        self._epoch = 0
        self._arrivals = 0
        self._in_work: dict[Ticket, Counter[LiveDrop]] = {}  # with the drops of its camera before it was picked up
        self._claimed: dict[Ticket, Counter[LiveDrop]] = {}
        self._work_since_ns: int | None = None

    def buffer(self, camera: int, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
        """A buffer for a frame of this camera, or None while frames are not let in."""
        with self._ready:
            return None if self._closed else self._cameras[camera].pool.take(shape)

    def put(
        self,
        camera: int,
        stored_HWC: NDArray[np.uint8],
        *,
        captured_ns: int,
        order: ChannelOrder,
        pan_deg: float | None = None,
        tilt_deg: float | None = None,
    ) -> int:
        """Let a frame wait in place of the one that waited; returns its sequence number."""
        with self._ready:
            slot, seq = self._count(camera, captured_ns)
            if self._closed:
                slot.drop(self._closed)
                return seq
            if slot.waiting is None:
                self._arrivals += 1
                slot.waiting_since = self._arrivals
            else:
                slot.drop_waiting("superseded")
            picture_HWC = stored_HWC.view()
            picture_HWC.flags.writeable = False  # all readers of results share it
            frame = Frame(seq, (captured_ns - self._started_ns) / 1e9, captured_ns, picture_HWC, None, order)
            slot.waiting = Ticket(camera, frame, pan_deg, tilt_deg)
            self._ready.notify_all()
            return seq

    def reject(self, camera: int, reason: LiveDrop, *, captured_ns: int) -> int:
        """Count a frame that cannot be taken; while frames are not let in, that is the reason. Returns its sequence number."""
        with self._ready:
            slot, seq = self._count(camera, captured_ns)
            slot.drop(self._closed or reason)
            return seq

    def take(self, epoch: int, limit: int) -> list[Ticket] | None:
        """Wait for frames: of the cameras that wait longest, at most `limit`, one each. None once this worker is to end."""
        with self._ready:
            while not self._ended and epoch == self._epoch:
                # A worker given up may still be giving its last result out: the next frame of that camera comes after it.
                free = (slot for slot in self._cameras if slot.waiting is not None and not slot.ending)
                waiting = sorted(free, key=lambda slot: slot.waiting_since)[:limit]
                if waiting:
                    return [self._pick_up(slot) for slot in waiting]
                self._ready.wait()
            return None

    def claim(self, ticket: Ticket) -> dict[LiveDrop, int] | None:
        """Begin to end a ticket: it can no longer be given up, and is in flight until `settle`.

        Returns:
            The frames of its camera dropped between the last one that was processed and it, by reason; None if it was given up before.
        """
        with self._ready:
            before = self._in_work.pop(ticket, None)
            self._work_since_ns = self._work_since_ns if self._in_work else None
            if before is None:
                return None
            self._claimed[ticket] = before
            self._cameras[ticket.camera].ending += 1
            return dict(before)

    def settle(self, ticket: Ticket, reason: LiveDrop | None) -> None:
        """End a claimed ticket as processed (None) or dropped."""
        with self._ready:
            self._cameras[ticket.camera].ending -= 1
            self._settle(ticket, self._claimed.pop(ticket), reason)
            self._ready.notify_all()

    def open(self) -> None:
        """Let frames in."""
        with self._ready:
            self._closed = None

    def close(self, reason: LiveDrop) -> None:
        """Let no more frames in, and drop those that wait; a frame being worked on ends as it would have."""
        with self._ready:
            self._closed = reason
            for slot in self._cameras:
                if slot.waiting is not None:
                    slot.drop_waiting(reason)

    def end(self) -> None:
        """Close for good: workers return from `take` with None."""
        self.close("stopped")
        with self._ready:
            self._ended = True
            self._ready.notify_all()

    def abandon(self) -> int:
        """Give up the frames being worked on and the worker that holds them; returns the next worker's epoch."""
        with self._ready:
            while self._in_work:
                self._settle(*self._in_work.popitem(), "abandoned")
            self._work_since_ns = None
            self._epoch += 1
            self._ready.notify_all()
            return self._epoch

    def fail(self, epoch: int) -> bool:
        """Close because the worker of this epoch died; False if it had been given up before."""
        with self._ready:
            if epoch != self._epoch:
                return False
        self.close("abandoned")
        self.abandon()
        return True

    def working_s(self) -> float:
        """How long the frames being worked on have been; 0 where there are none."""
        with self._ready:
            return 0.0 if self._work_since_ns is None else (time.monotonic_ns() - self._work_since_ns) / 1e9

    def last_frame_ns(self, camera: int) -> tuple[int | None, int | None]:
        """When the newest frame of a camera was captured, and when it arrived, monotonic; None before the first."""
        with self._ready:
            return self._cameras[camera].last_captured_ns, self._cameras[camera].last_arrival_ns

    def accounting(self) -> tuple[LiveAccounting, ...]:
        """What became of the frames of each camera, all at the same instant."""
        with self._ready:
            return tuple(slot.accounting() for slot in self._cameras)

    def _count(self, camera: int, captured_ns: int) -> tuple[_Camera, int]:
        slot = self._cameras[camera]
        slot.last_captured_ns, slot.last_arrival_ns = captured_ns, time.monotonic_ns()
        slot.received += 1
        return slot, slot.received - 1

    def _pick_up(self, slot: _Camera) -> Ticket:
        ticket, before = slot.pick_up()
        self._in_work[ticket] = before
        self._work_since_ns = time.monotonic_ns()
        return ticket

    def _settle(self, ticket: Ticket, before: Counter[LiveDrop], reason: LiveDrop | None) -> None:
        slot = self._cameras[ticket.camera]
        slot.in_work -= 1
        if reason is None:
            slot.processed += 1
        else:
            slot.drop_worked_on(reason, before)


def total(parts: Sequence[LiveAccounting]) -> LiveAccounting:
    """The accounting of several cameras together."""
    dropped: Counter[LiveDrop] = Counter()
    for part in parts:
        dropped.update(part.dropped)
    received, processed, in_flight = (sum(column) for column in zip(*((p.received, p.processed, p.in_flight) for p in parts), strict=True))
    return LiveAccounting(received, processed, dict(dropped), in_flight)
