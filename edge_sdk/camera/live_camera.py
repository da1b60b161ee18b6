"""A live camera that comes back: one thread starts, watches and kills the capture process, and the reader takes frames when it likes.

Every deadline is kept here, on the monotonic clock, and never by what the camera or a library promise. A lost camera is tried again for
ever (`backoff.py`). The next capture process starts as soon as the last one is dead and waits for its sign, so that the second its imports
take is part of the pause.
"""

import logging
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Literal, NamedTuple

import numpy as np

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.backoff import Backoff
from edge_sdk.camera.capture_process import WORKER, CaptureProcess
from edge_sdk.camera.frame import Frame
from edge_sdk.camera.frame_ring import NO_SLOT, SLOTS, Record
from edge_sdk.camera.live import SourceEvent, SourceState

logger = logging.getLogger(__name__)

NO_FRAME_TIMEOUT_S = 2.0
CONNECT_TIMEOUT_S = 10.0  # from the attempt's start to its first frame: a stream may have to wait for a key frame
START_TIMEOUT_S = 30.0  # until a new interpreter has imported its libraries, on a busy robot with a slow card
MAX_WAITING = SLOTS - 2
MAX_EVENTS = 256
CLOSE_S = 1.5
OVERSLEPT_S = 0.25  # who wakes later than that has stood still, and so perhaps has the capture process:
GRACE_S = 0.5  # it gets so long to speak before it is given up


class _Waiting(NamedTuple):
    seq: int
    record: Record
    process: CaptureProcess


class LiveCamera:
    """A camera or stream behind a `LiveAddress`; see `LiveSource`. It starts connecting at once and closes with `close` or `with`.

    Args:
        address: From `live_address`.
        no_frame_timeout_s: Without a frame for so long the camera counts as lost (0.5 to 60).
        connect_timeout_s: The same from the start of an attempt to its first frame.
        reconnect: The pauses between attempts.
        module: The capture process's module.
    """

    kind: Literal["live"] = "live"
    names: tuple[str, ...] | None = None
    announced_frames: int | None = None

    def __init__(
        self,
        address: LiveAddress,
        *,
        no_frame_timeout_s: float = NO_FRAME_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        reconnect: Backoff | None = None,
        module: str = WORKER,
    ) -> None:
        self.name, self.width, self.height, self.fps = address.name, 0, 0, 0.0
        self.shortfall: str | None = None
        self.state: SourceState = "connecting"
        self.reconnects = self.frames_lost = self.num_received = 0
        self._address, self._module, self._backoff = address, module, reconnect or Backoff()
        self._no_frame_timeout_s, self._connect_timeout_s = no_frame_timeout_s, connect_timeout_s
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._events: deque[SourceEvent] = deque(maxlen=MAX_EVENTS)
        self._first_ns: int | None = None
        self._last_ns: int | None = None
        self._undead: list[CaptureProcess] = []
        self._stop = threading.Event()
        self._wake_r, self._wake_w = os.pipe()
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=f"camera {self.name}"[:64], daemon=True)
        self._thread.start()

    def read(self, timeout_s: float) -> Frame | None:
        """The oldest frame not yet read; see `LiveSource.read`."""
        with self._changed:
            if not self._waiting and timeout_s > 0:
                self._changed.wait_for(lambda: self._waiting or self.state == "closed", timeout_s)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            first_ns = self._first_ns if self._first_ns is not None else item.record.captured_ns
        frame = _frame(item, first_ns)
        item.process.give_back(item.record.slot)
        return frame

    def events(self) -> tuple[SourceEvent, ...]:
        """The changes of state since the last call; see `LiveSource.events`."""
        with self._changed:
            events = tuple(self._events)
            self._events.clear()
        return events

    def frames(self) -> Iterator[Frame]:
        """Every frame that is read in time, until the camera is lost or closed; `shortfall` then says so. See `FrameSource.frames`."""
        seen = False
        while self.state != "closed":
            if (frame := self.read(0.1)) is not None:
                seen = True
                yield frame
            elif self.state == "offline":
                self.shortfall = f"{self.name} {'stopped' if seen else 'gave no frame'}"
                return

    def close(self) -> None:
        """End it within 2 s; see `LiveSource.close`."""
        with self._closing:
            if self._stop.is_set():
                return
            os.write(self._wake_w, b"x")  # before the sign: after it the thread may close the pipe
            self._stop.set()
            self._thread.join(CLOSE_S)
            self._set_state("closed", "closed")
            with self._changed:
                self._waiting.clear()

    def __enter__(self) -> "LiveCamera":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._stop.is_set():
            due_s = time.monotonic() + pause_s
            reason = self._attempt(due_s)
            self._stop.wait(max(0.0, due_s - time.monotonic()))  # where not even a process could be started
            if not self._stop.is_set():
                self._set_state("offline", reason)
            pause_s = self._backoff.lost()
        os.close(self._wake_r)
        os.close(self._wake_w)

    def _attempt(self, due_s: float) -> str:
        """One capture process from start to end, opening the camera at `due_s`; returns why it ended."""
        try:
            process = CaptureProcess(self._address, module=self._module)
        except OSError as error:
            return f"no capture process can be started: {error.strerror}"
        try:
            return "closed" if self._stop.wait(max(0.0, due_s - time.monotonic())) else self._watch(process)
        except OSError as error:
            return f"the capture process cannot be followed: {error.strerror}"
        finally:
            self._end(process)

    def _watch(self, process: CaptureProcess) -> str:
        """Follow one capture process until it ends or misses its deadline; returns why."""
        process.go()
        seq, deadline_s, what = self.num_received, time.monotonic() + START_TIMEOUT_S, f"did not start within {START_TIMEOUT_S:g} s"
        with selectors.DefaultSelector() as selector:
            for fd in (process.messages_fd, process.said_fd, self._wake_r):
                selector.register(fd, selectors.EVENT_READ)
            while not self._stop.is_set():
                left_s = deadline_s - time.monotonic()
                ready = {key.fd for key, _ in selector.select(max(left_s, 0.0))}
                if process.said_fd in ready and not process.listen():
                    selector.unregister(process.said_fd)
                if process.messages_fd not in ready:
                    if (now_s := time.monotonic()) > deadline_s + OVERSLEPT_S:
                        deadline_s = now_s + GRACE_S
                    elif left_s <= 0:  # only after a look
                        return what
                    continue
                records = process.records()
                if records is None:
                    return process.reason()
                for record in records:
                    self._take(record, process, seq + record.number)
                opening = bool(records) and records[-1].kind == "opening"
                timeout_s = self._connect_timeout_s if opening else self._no_frame_timeout_s
                if records:
                    deadline_s, what = time.monotonic() + timeout_s, f"no frame for {timeout_s:g} s"
        return "closed"

    def _take(self, record: Record, process: CaptureProcess, seq: int) -> None:
        if record.kind == "opening":
            return
        now_ns = time.monotonic_ns()
        self._backoff.frame(now_ns / 1e9)
        if self.state != "online":
            self.reconnects += self._last_ns is not None
            self._set_state("online", f"{record.width}x{record.height}")
        with self._changed:
            self.frames_lost += seq - self.num_received
            self.num_received = seq + 1
            self.width, self.height = record.width, record.height
            self.fps = record.fps if 0 < record.fps <= 1000 else 0.0
            self._last_ns = record.captured_ns
            self._first_ns = record.captured_ns if self._first_ns is None else self._first_ns
            if len(self._waiting) >= MAX_WAITING:
                oldest = self._waiting.popleft()
                oldest.process.give_back(oldest.record.slot)
                self.frames_lost += 1
            self._waiting.append(_Waiting(seq, record, process))
            self._changed.notify_all()

    def _end(self, process: CaptureProcess) -> None:
        """Kill it; one that a driver holds is kept to be reaped when the driver lets go."""
        if not process.kill():
            logger.warning("%s: the capture process %d hangs in the kernel and will end when its driver lets go", self.name, process.pid)
            self._undead.append(process)
        self._undead = [other for other in self._undead if not other.reaped()]

    def _set_state(self, state: SourceState, reason: str) -> None:
        with self._changed:
            if self.state in (state, "closed"):
                return
            self.state = state
            self._events.append(SourceEvent(state, time.monotonic_ns(), self._last_ns, reason))
            self._changed.notify_all()
        logger.log(logging.WARNING if state == "offline" else logging.INFO, "%s is %s: %s", self.name, state, reason)


def _frame(item: _Waiting, first_ns: int) -> Frame:
    record = item.record
    if record.slot == NO_SLOT:  # a size that is not taken; an image without pixels is dropped as bad_shape
        return Frame(item.seq, (record.captured_ns - first_ns) / 1e9, record.captured_ns, np.zeros((0, 0, 3), np.uint8))
    stored = item.process.ring.pixels(record.slot, record.shape).copy()
    return Frame(item.seq, (record.captured_ns - first_ns) / 1e9, record.captured_ns, stored, None, record.order, record.colours)
