"""The film as every peer gets it: a stand-in for `cv2.VideoCapture` that knows when each frame was asked for, or was captured.

In file mode it is the real capture and a clock. In live mode it is a camera: frame n is captured n periods after the first, the newest
`BUFFERED` wait for a slow reader (as V4L2's do through OpenCV), older ones are lost. Decoding is the reader's work in both, as with an
RTSP camera. A live frame carries its number in its first pixel, because most peers hand on nothing but the picture.
"""

import time
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.runners.task import Task

BUFFERED = 4  # OpenCV's V4L2 default

_real_capture = cv2.VideoCapture


class FilmReader:
    """Every frame, as fast as they are asked for; the first `num_frames`."""

    task: ClassVar[Task]
    started: ClassVar["FilmReader | None"] = None  # the one frames came from; peers may open others only to ask for their size

    def __init__(self, *source: Any) -> None:
        self._film = _real_capture(*source)
        self.seq = 0
        self.began_ns: dict[int, int] = {}

    def grab(self) -> bool:
        """Decode the next frame."""
        if not self.is_on():
            return False
        self.began_ns[self.seq] = time.monotonic_ns()
        self.seq += 1
        return bool(self._film.grab())

    def is_on(self) -> bool:
        """Whether frames are left; only the first reader that is read gives any: a camera that went off stays off."""
        FilmReader.started = FilmReader.started or self
        return FilmReader.started is self and self.seq < self.task.num_frames

    def retrieve(self, *into: Any) -> tuple[bool, NDArray[np.uint8] | None]:
        """The frame that was grabbed last, BGR."""
        return self._film.retrieve(*into)

    def read(self, *into: Any) -> tuple[bool, NDArray[np.uint8] | None]:
        """The next frame, BGR."""
        return self.retrieve(*into) if self.grab() else (False, None)

    def get(self, prop: int) -> float:
        """A property; the film is as long as it was asked for."""
        return float(self.task.num_frames if prop == cv2.CAP_PROP_FRAME_COUNT else self._film.get(prop))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._film, name)


class Camera(FilmReader):
    """A camera that does not wait."""

    start_ns: int | None = None

    def grab(self) -> bool:
        """Wait for the next frame, or take the oldest that still waits."""
        if not self.is_on():
            return False
        self.start_ns = self.start_ns or time.monotonic_ns()
        while self.seq <= self._captured() - BUFFERED:
            self._film.grab()
            self.seq += 1
        due_ns = self.start_ns + round(self.seq * 1e9 / self.task.fps)
        time.sleep(max(due_ns - time.monotonic_ns(), 0) / 1e9)
        self.began_ns[self.seq] = due_ns
        self.seq += 1
        return bool(self._film.grab())

    def retrieve(self, *into: Any) -> tuple[bool, NDArray[np.uint8] | None]:
        """The frame that was grabbed last, with its number in the first pixel."""
        ok, frame_HWC = super().retrieve(*into)
        if ok and frame_HWC is not None:
            frame_HWC[0, 0] = ((self.seq - 1) & 255, (self.seq - 1) >> 8, 0)
        return ok, frame_HWC

    def get(self, prop: int) -> float:
        """A property; a camera has no length."""
        return 0.0 if prop == cv2.CAP_PROP_FRAME_COUNT else super().get(prop)

    def isOpened(self) -> bool:
        """Until the last frame is out."""
        return FilmReader.started in (None, self) and self.seq < self.task.num_frames

    def open(self, *_: Any) -> bool:
        """A camera that is off stays off."""
        return False

    def _captured(self) -> int:
        assert self.start_ns is not None
        newest = int((time.monotonic_ns() - self.start_ns) * self.task.fps / 1e9)
        return min(newest, self.task.num_frames - 1)


def take_camera(task: Task) -> None:
    """Put the stand-in in OpenCV's place; before the peer is imported, which may keep the name."""
    FilmReader.task = task
    cv2.VideoCapture = Camera if task.mode == "live" else FilmReader  # type: ignore[misc, assignment]


def number_of(frame_HWC: NDArray[Any], counted: int) -> int:
    """A frame's number: what the camera wrote into it, or the count in file mode, where every frame comes."""
    if FilmReader.task.mode == "file":
        return counted
    return int(frame_HWC[0, 0, 0]) + (int(frame_HWC[0, 0, 1]) << 8)
