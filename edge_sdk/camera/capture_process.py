"""Our end of one capture process: start it, hear it, kill it.

A new interpreter, not a fork: it inherits no lock, no thread and no descriptor but the ones named here. It runs in a session of its own, so
that Ctrl-C reaches only us, and killing its group takes what it started with it.
"""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import msgspec

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.capture_worker import OTHERWISE, OURS
from edge_sdk.camera.frame_ring import GO, NO_SLOT, RECORD_BYTES, FrameRing, Record
from edge_sdk.camera.redact import scrubbed

WORKER = "edge_sdk.camera.capture_worker"
BOOT = "import sys; sys.path[:] = filter(None, sys.path); import {module} as worker; worker.main()"
FFMPEG_LOG_LEVEL = "24"  # warnings: a refused password is one, and the last line is the reason we give
SPEAKER = re.compile(r"^(\[OPENCV:FFMPEG:\d+\] |\[[^\]@]+ @ 0x[0-9a-f]+\] )+")  # who of FFmpeg says it
NO_REASON = re.compile("deprecated pixel format|not enough frames to estimate rate")  # of every motion JPEG; of every stream
REAP_S = 0.5
MAX_SAID = 300  # characters of a library's line


class CaptureProcess:
    """One capture process. Start it from the thread that outlives it: the kernel ties its life to that thread (`death.py`).

    Args:
        address: What it shall open, once told to go.
        module: Module whose `main` it runs.

    Raises:
        OSError: If the system has no memory, descriptor or process left.
    """

    def __init__(self, address: LiveAddress, *, module: str = WORKER) -> None:
        self._address, self._lock, self._said = address, threading.Lock(), _Said()
        self.messages_fd, child_fd = os.pipe()
        memory_fd = -1
        try:
            memory_fd = FrameRing.create()
            self.ring = FrameRing(memory_fd)
            self._process = _started(module, child_fd, memory_fd)
        except OSError:
            os.close(self.messages_fd)
            raise
        finally:
            os.close(child_fd)
            if memory_fd >= 0:
                os.close(memory_fd)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._control, self._open = self._process.stdin, True
        self.said_fd = self._process.stdout.fileno()
        for fd in (self.messages_fd, self.said_fd):
            os.set_blocking(fd, False)
        self._tell(msgspec.json.encode(address) + b"\n")

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def go(self) -> None:
        """Let it open the camera."""
        self._tell(bytes([GO]))

    def give_back(self, slot: int) -> None:
        """A slot has been read; from any thread, also when the process has long gone."""
        if slot != NO_SLOT:
            self._tell(bytes([slot]))

    def records(self) -> list[Record] | None:
        """What it has sent since the last call; None when it has ended, or sends what it must not."""
        try:
            data = os.read(self.messages_fd, 64 * RECORD_BYTES)
        except BlockingIOError:
            return []
        if len(data) % RECORD_BYTES or not data:  # records come whole, see `frame_ring`
            return None
        records = [Record.from_bytes(data[i : i + RECORD_BYTES]) for i in range(0, len(data), RECORD_BYTES)]
        good = [record for record in records if record is not None]
        return good if len(good) == len(records) else None

    def listen(self) -> bool:
        """Take in what it and its libraries say; False at its end."""
        data = os.read(self.said_fd, 4096)
        self._said.take(data)
        return bool(data)

    def reason(self) -> str:
        """Why it ended, in one line without credentials."""
        with suppress(BlockingIOError):
            while self.listen():
                pass
        said = scrubbed(self._said.library, self._address.target)[:MAX_SAID]
        ours = scrubbed(self._said.ours, self._address.target)[:MAX_SAID] or "the capture process died"
        return f"{ours} ({said})" if said else ours

    def kill(self) -> bool:
        """End it and everything it started, now; False if the kernel has not let go of it yet (a driver that hangs)."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with self._lock:
            if self._open:
                self._open = False
                with suppress(OSError):
                    self._control.close()
                os.close(self.messages_fd)
                self._process.stdout.close()  # type: ignore[union-attr]
        return self.reaped(REAP_S)

    def reaped(self, timeout_s: float = 0.0) -> bool:
        """Whether the process is gone for good."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
            return True
        return False

    def _tell(self, data: bytes) -> None:
        with self._lock, suppress(OSError):  # a closed end: it is dead, which the messages say
            if self._open:
                self._control.write(data)


class _Said:
    """The last line of the worker itself and the last of the libraries in it."""

    def __init__(self) -> None:
        self.ours, self.library, self._rest = "", "", b""

    def take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-4096:]
        for line in lines:
            text = SPEAKER.sub("", line.decode("utf-8", "replace").strip())
            if text.startswith(OURS):
                self.ours = text.removeprefix(OURS)
            elif text.startswith(OTHERWISE):
                self.library = self.library or text.removeprefix(OTHERWISE)
            elif text and not NO_REASON.search(text):
                self.library = text


def _started(module: str, messages_fd: int, memory_fd: int) -> "subprocess.Popen[bytes]":
    search = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", BOOT.format(module=module), str(messages_fd), str(memory_fd), str(os.getpid())]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(messages_fd, memory_fd),
        start_new_session=True,
        env=os.environ | {"PYTHONPATH": search, "OPENCV_FFMPEG_LOGLEVEL": FFMPEG_LOG_LEVEL},
    )
