"""The capture process: opens one camera, puts each frame into shared memory, and knows nothing of deadlines.

It is killed, not asked: OpenCV's `read` can hang for ever (opencv/opencv#22677). Its address comes over stdin, where no process list shows
it; after that stdin carries the start sign and the slots given back, and its end is the end of this process. What went wrong is the last
line that it says; OpenCV lets FFmpeg speak on stdout, so both streams are one.
"""

import ctypes
import os
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.death import die_with_parent
from edge_sdk.camera.frame_ring import GO, NO_SLOT, SLOTS, FrameRing, Record
from edge_sdk.camera.grabbers import Grabber, open_grabber
from edge_sdk.contract.preprocess import MAX_SIDE_PX
from edge_sdk.errors import EdgeSdkError

OURS = "capture: "  # marks our own line among the libraries'
CONTROL_FD = 0
RGB_FROM_CHANNELS = {1: cv2.COLOR_GRAY2RGB, 4: cv2.COLOR_BGRA2RGB}


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

    def put(self, image: NDArray[np.uint8], *, to_rgb: int, fps: float) -> None:
        """Hand on one image; without a free slot it is only counted."""
        captured_ns, number = time.monotonic_ns(), self._num_received
        self._num_received += 1
        height, width, code = _layout(image, to_rgb)
        if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX) or image.dtype != np.uint8:
            self._send(Record("frame", NO_SLOT, min(height, 2**31), min(width, 2**31), number, captured_ns, fps))
        elif self._free:
            slot = self._free.popleft()
            cv2.cvtColor(image, code, dst=self._ring.slot(slot, height, width))
            self._send(Record("frame", slot, height, width, number, captured_ns, fps))

    def _send(self, record: Record) -> None:
        os.write(self._messages_fd, record.to_bytes())

    def _control(self) -> None:
        while data := os.read(CONTROL_FD, 64):
            for byte in data:
                self._go.set() if byte == GO else self._free.append(byte)
        os._exit(0)  # the parent is gone; the main thread may hang in a driver


def serve(open_camera: Callable[[LiveAddress], Grabber]) -> int:
    """Run until the camera ends; the return value is the exit status."""
    messages_fd, memory_fd, parent = (int(text) for text in sys.argv[1:4])
    die_with_parent()
    _speak_by_lines()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold the address with its credentials
    if os.getppid() != parent:  # it died before the kernel was asked
        return 1
    cv2.setNumThreads(1)
    port = Port(messages_fd, memory_fd)
    port.wait_for_go()
    try:
        camera = open_camera(port.address)
        while (image := camera.read()) is not None:
            port.put(image, to_rgb=camera.to_rgb, fps=camera.fps)
    except (EdgeSdkError, cv2.error, OSError) as error:
        print(f"{OURS}{error}".replace("\n", " "), file=sys.stderr, flush=True)  # noqa: T201 - it is the channel to the parent
        return 1
    print(f"{OURS}the stream ended", file=sys.stderr, flush=True)  # noqa: T201
    return 0


def main() -> None:
    """Entry of the capture process."""
    os._exit(serve(open_grabber))  # no clean-up that could hang: the kernel takes everything back


def _speak_by_lines() -> None:
    """C's stdout would keep a library's reason in its buffer until this process is killed."""
    libc = ctypes.CDLL(None)
    libc.setvbuf(ctypes.c_void_p.in_dll(libc, "stdout"), None, 1, 0)  # 1 is _IOLBF in glibc and musl


def _layout(image: NDArray[np.uint8], to_rgb: int) -> tuple[int, int, int]:
    """Height, width and OpenCV conversion of an image as a camera gives it."""
    if to_rgb == cv2.COLOR_YUV2RGB_I420:
        return image.shape[0] * 2 // 3, image.shape[1], to_rgb
    channels = image.shape[2] if image.ndim == 3 else 1
    return image.shape[0], image.shape[1], RGB_FROM_CHANNELS.get(channels, to_rgb)


def _line(fd: int) -> bytes:
    """The first line of a pipe, without reading a byte beyond it."""
    line = bytearray()
    while (byte := os.read(fd, 1)) not in (b"", b"\n"):
        line += byte
    return bytes(line)
