"""The thread people write for cameras: it reads all the time and keeps only the newest frame."""

import threading
from collections.abc import Iterator
from typing import Any

import cv2
from numpy.typing import NDArray


class NewestFrame:
    """Iterate for the newest frame; one is given out once."""

    def __init__(self, film: str) -> None:
        self._film = cv2.VideoCapture(film)
        self._frame_HWC: NDArray[Any] | None = None
        self._ended = False
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[NDArray[Any]]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frame_HWC is not None or self._ended)
                frame_HWC, self._frame_HWC = self._frame_HWC, None
            if frame_HWC is None:
                return
            yield frame_HWC

    def _read(self) -> None:
        while True:
            ok, frame_HWC = self._film.read()
            with self._changed:
                if ok:
                    self._frame_HWC = frame_HWC
                self._ended = not ok
                self._changed.notify()
            if not ok:
                return
