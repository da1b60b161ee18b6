"""A service manager's end of the notification socket, a clock that is set by hand, and a snapshot to vary."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.supervision.snapshot import CameraSnapshot, Counts, Snapshot


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def pass_s(self, seconds: float) -> None:
        self.now_s += seconds


class ServiceManager:
    """Listens as systemd does: a datagram socket, one message a datagram."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._socket.settimeout(30)

    def heard(self) -> str:
        """The next message; waits for it."""
        return self._socket.recv(4096).decode()

    def all_heard(self) -> list[str]:
        """Every message there is; does not wait."""
        messages = []
        self._socket.setblocking(False)
        try:
            while True:
                messages.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return messages
        finally:
            self._socket.settimeout(30)

    def close(self) -> None:
        self._socket.close()


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
