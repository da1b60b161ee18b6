"""A service manager's end of the notification socket, a clock that is set by hand, and a snapshot to vary."""

import select
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from edge_sdk.supervision.snapshot import CameraSnapshot, Counts, Snapshot
from live_fakes import until


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds


class ServiceManager:
    """Listens as systemd does: a datagram socket, one message a datagram, read all the time (it holds ten, and more are refused)."""

    def __init__(self, address: str, *, reads: bool = True) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.setblocking(False)
        self._messages: deque[str] = deque()
        self._taking, self._ended = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._read, name="service-manager")
        if reads:
            self._thread.start()

    def heard(self) -> str:
        """The next message; waits for it."""
        until(lambda: self._take() or self._messages)
        return self._messages.popleft()

    def all_heard(self) -> list[str]:
        """Every message there is; does not wait."""
        self._take()
        return [self._messages.popleft() for _ in range(len(self._messages))]

    def close(self) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._ended.is_set():
            select.select([self._socket], [], [], 0.1)
            self._take()

    def _take(self) -> None:
        with self._taking, suppress(BlockingIOError):
            while True:
                self._messages.append(self._socket.recv(4096).decode())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ServiceManager]:
    manager = ServiceManager(str(tmp_path / "notify"))
    yield manager
    manager.close()


@pytest.fixture
def running() -> Snapshot:
    """A run that is well."""
    return Snapshot(
        phase="running",
        self_test_passed=True,
        model="tiny 1",
        provider="CPUExecutionProvider",
        precision="fp32",
        accounting=Counts(10, 8, {"superseded": 2}, 0),
        cameras=(CameraSnapshot("rtsp://crawler:secret@10.0.0.2/front", "online", 12.0),),
    )
