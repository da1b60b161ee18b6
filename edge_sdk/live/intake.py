"""The intake of a live stream: frames come in at one end and are taken by a worker at the other, the newest of each camera.

Every method holds the one lock for microseconds: no copy, inference, disk or network under it. The sum of `slot.py` holds for every camera,
and for all of them at the same instant.
"""

import threading
import time
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame, PixelOrder
from edge_sdk.contract.yuv import STUDIO, YuvColours, YuvPlanes
from edge_sdk.live.slot import LiveAccounting, LiveDrop, Slot, Ticket


class Intake:
    """Slots and counts of all cameras.

    Args:
        num_cameras: One to four.
        started_ns: The monotonic instant from which `Frame.time_s` counts.
    """

    def __init__(self, num_cameras: int, *, started_ns: int) -> None:
        self._cameras = [Slot() for _ in range(num_cameras)]
        self._started_ns = started_ns
        self._ready = threading.Condition(threading.Lock())
        self._closed: LiveDrop | None = "stopped"  # why frames are not let in; None: they are
        self._ended = False
        self._epoch = 0
        self._arrivals = 0
        self._in_work: dict[Ticket, Counter[LiveDrop]] = {}  # with the drops of its camera before it was picked up
        self._claimed: dict[Ticket, Counter[LiveDrop]] = {}
        self._work_since_ns: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether frames are let in just now."""
        return self._closed is None

    def put(
        self,
        camera: int,
        stored: NDArray[np.uint8] | YuvPlanes,
        *,
        captured_ns: int,
        order: PixelOrder,
        colours: YuvColours = STUDIO,
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
            replaced = slot.waiting  # held until the lock is free: giving megabytes back takes time
            if replaced is not None:
                slot.drop_waiting("superseded")
            frame = Frame(seq, (captured_ns - self._started_ns) / 1e9, captured_ns, _for_readers(stored), None, order, colours)
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

    def _count(self, camera: int, captured_ns: int) -> tuple[Slot, int]:
        slot = self._cameras[camera]
        slot.last_captured_ns, slot.last_arrival_ns = captured_ns, time.monotonic_ns()
        slot.received += 1
        return slot, slot.received - 1

    def _pick_up(self, slot: Slot) -> Ticket:
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


def _for_readers(stored: NDArray[np.uint8] | YuvPlanes) -> NDArray[np.uint8] | YuvPlanes:
    """The picture as all readers of results share it; a decoder's planes are read-only as they come."""
    if isinstance(stored, YuvPlanes):
        return stored
    picture = stored.view()
    picture.flags.writeable = False
    return picture
