"""The capture process: opens one camera, puts each frame into shared memory, and knows nothing of deadlines.

It is killed, not asked: reading a camera can hang for ever (opencv/opencv#22677). Its address comes over stdin, where no process list shows
it; after that stdin carries the start sign and the slots given back, and its end is the end of this process. What went wrong is the last
line that it says; OpenCV lets FFmpeg speak on stdout, PyAV on stderr, so both streams are one.
"""

import ctypes
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

import cv2
import msgspec
import numpy as np

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.death import die_with_parent
from edge_sdk.camera.frame_ring import GO, NO_SLOT, SLOTS, FrameRing, Record
from edge_sdk.camera.grabbers import Grabbed, Grabber, grabber_for
from edge_sdk.contract.preprocess import MAX_SIDE_PX
from edge_sdk.errors import EdgeSdkError

OURS = "capture: "  # marks our own line among the libraries'
OTHERWISE = "capture, otherwise: "  # and the library's bare error, of use where it has said nothing before
CONTROL_FD = 0


class Port:
    """The child's end of memory and pipes."""

    def __init__(self, messages_fd: int, memory_fd: int) -> None:
        self._messages_fd, self._ring = messages_fd, FrameRing(memory_fd)
        self._free, self._go, self._num_received = deque(range(SLOTS)), threading.Event(), 0
        self.address = msgspec.json.decode(_line(CONTROL_FD), type=LiveAddress)
        threading.Thread(target=self._control, name="control", daemon=True).start()

    def wait_for_go(self) -> None:
        """Return when the parent wants the camera opened."""
        self._go.wait()
        self._send(Record("opening"))

    def put(self, grabbed: Grabbed, *, fps: float) -> None:
        """Hand on one picture; without a free slot it is only counted."""
        captured_ns, number = time.monotonic_ns(), self._num_received
        self._num_received += 1
        planes, height, width, order, colours = grabbed
        if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX) or any(plane.dtype != np.uint8 for plane in planes):
            self._send(Record("frame", NO_SLOT, min(height, 2**31), min(width, 2**31), number, captured_ns, fps))
        elif self._free:
            slot = self._free.popleft()
            self._ring.write(slot, planes)
            self._send(Record("frame", slot, height, width, number, captured_ns, fps, order, colours))

    def _send(self, record: Record) -> None:
        os.write(self._messages_fd, record.to_bytes())

    def _control(self) -> None:
        while data := os.read(CONTROL_FD, 64):
            for byte in data:
                self._go.set() if byte == GO else self._free.append(byte)
        os._exit(0)  # the parent is gone; the main thread may hang in a driver


def serve(grabber_for: Callable[[LiveAddress], Callable[[LiveAddress], Grabber]]) -> NoReturn:
    """Run until the camera ends, and this process with it: nothing is cleaned up that could hang, the kernel takes everything back.

    Args:
        grabber_for: Gives what opens the camera, before the parent wants it opened: its library takes a while to load.
    """
    messages_fd, memory_fd, parent = (int(text) for text in sys.argv[1:4])
    die_with_parent()
    _speak_by_lines()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the address with its credentials
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)
    cv2.setNumThreads(1)
    port = Port(messages_fd, memory_fd)
    try:
        open_camera = grabber_for(port.address)
        port.wait_for_go()
        camera = open_camera(port.address)
        while (grabbed := camera.read()) is not None:
            port.put(grabbed, fps=camera.fps)
    except (EdgeSdkError, cv2.error, OSError) as error:
        if reason := getattr(error.__cause__, "strerror", None):
            _say(f"{OTHERWISE}{reason}")
        _say(f"{OURS}{error}")
        os._exit(1)
    _say(f"{OURS}the stream ended")
    os._exit(0)


def main() -> None:
    """Entry of the capture process."""
    serve(grabber_for)


def _speak_by_lines() -> None:
    """C's stdout would keep a library's reason in its buffer until this process is killed."""
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, 1, 0)  # 1 is _IOLBF in glibc and musl


def _say(line: str) -> None:
    print(line.replace("\n", " "), file=sys.stderr, flush=True)  # noqa: T201 - it is the channel to the parent


def _line(fd: int) -> bytes:
    """The first line of a pipe, without reading a byte beyond it."""
    line = bytearray()
    while (byte := os.read(fd, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)
