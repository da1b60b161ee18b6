"""The shipped drive as a camera on the network: motion JPEG over HTTP at 25 frames a second, for as long as one looks."""

import itertools
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import cv2

from camera.servers import PERIOD_S, MjpegServer

DRIVE = Path(__file__).parents[2] / "deploy" / "demo" / "drive.mp4"


@cache
def pictures() -> tuple[bytes, ...]:
    """Every frame of the drive as a JPEG."""
    film, found = cv2.VideoCapture(str(DRIVE)), []
    while (read := film.read())[0]:
        found.append(cv2.imencode(".jpg", read[1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes())
    return tuple(found)


class DriveServer(MjpegServer):
    """Plays the drive there and back, so that no cut in it looks like a new pipe."""

    def __init__(self) -> None:
        self._places = itertools.cycle([*range(len(pictures())), *range(len(pictures()) - 2, 0, -1)])
        super().__init__()

    def _pictures(self) -> Iterator[tuple[int, bytes]]:
        due_s = time.monotonic()
        while not self._down.is_set():
            due_s = max(due_s + PERIOD_S, time.monotonic() - PERIOD_S)
            time.sleep(max(due_s - time.monotonic(), 0.0))
            place = next(self._places)
            if not self._stalled.is_set():
                yield place, pictures()[place]
