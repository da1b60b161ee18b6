"""The film through this SDK's own reader, which knows when each frame was asked for, or captured."""

import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.peers.runners.camera import Camera
from benchmarks.peers.runners.task import Task
from edge_sdk.camera.film import FilmSource
from edge_sdk.camera.film_decoder import Decoded
from edge_sdk.camera.frame import Frame
from edge_sdk.camera.pyav import PyavDecoder  # imported here, so that it is before the count begins, as OpenCV is with every peer


class CountedFilm(FilmSource):
    """A film that notes when each of its first frames was asked for: the first one when the film was opened."""

    def __init__(self, task: Task) -> None:
        self._num, self.began_ns = task.num_frames, {0: time.monotonic_ns()}
        super().__init__(Path(task.film))

    def frames(self) -> Iterator[Frame]:
        """The first frames of the film."""
        for frame in islice(super().frames(), self._num):
            yield frame
            self.began_ns[frame.seq + 1] = time.monotonic_ns()


class DecodedCamera(Camera):
    """The camera of the live passes as a source of our stream: on the same beat, its frames as our reader decodes them."""

    state, reconnects, frames_lost = "online", 0, 0

    def __init__(self, task: Task) -> None:
        self._film: Any = _Film(Path(task.film))
        self.seq, self.began_ns = 0, {}
        self.numbers: list[int] = []  # of the frames given out, in their order
        self.ended = threading.Event()

    def read(self, timeout_s: float) -> Frame | None:  # type: ignore[override]  # a source's, in place of OpenCV's
        """The next frame once it is due; None when the camera is off."""
        if self.ended.is_set() or not self.grab():
            self.ended.set()
            time.sleep(timeout_s)
            return None
        decoded, number = self._film.newest, self.seq - 1
        self.numbers.append(number)
        return Frame(number, number / self.task.fps, self.began_ns[number], decoded.stored, None, decoded.order, decoded.colours)


class _Film:
    def __init__(self, path: Path) -> None:
        self._decoder = PyavDecoder(path)
        self.newest: Decoded | None = None

    def grab(self) -> bool:
        self.newest = self._decoder.read()
        return self.newest is not None
