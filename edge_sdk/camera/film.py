"""Films: any container OpenCV's FFmpeg can read, every frame, with the film's own clock."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import cv2
import numpy as np

from edge_sdk.camera.frame import Frame
from edge_sdk.errors import SourceError

# FFmpeg reads its log level at first use: set here, so that what is wrong with a film is said once, by us. Whoever wants it sets it first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

FALLBACK_FPS = 25.0  # PAL, the common rate of sewer film
MAX_FPS = 240.0
SHORTFALL_S = 0.5  # headers round the length; half a second of crawler at 0.25 m/s is an eighth of a metre


class FilmSource:
    """A film file; see `FrameSource`.

    Raises:
        SourceError: If the file cannot be opened as a film or has no frame.
    """

    kind: Literal["film", "folder"] = "film"

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self.name = path.name
        self._path = path
        self._capture = _capture(path)
        self._first = self._read()
        if self._first is None:
            self._capture.release()
            raise SourceError(f"{path}: not a film that can be read, or one without a single frame; check it with 'ffprobe'")
        self.height, self.width = self._first.shape[:2]
        self._retimed = fps is not None
        self.fps = fps or _rate(self._capture)
        announced = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.announced_frames = announced if 0 < announced < 1 << 40 else None
        self.shortfall: str | None = None

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in order; see `FrameSource.frames`."""
        image, seq, time_s = self._first, 0, 0.0
        while image is not None:
            yield Frame(seq, time_s, time.monotonic_ns(), image)
            image, seq = self._read(), seq + 1
            time_s = self._time_s(seq, after=time_s)
        if self.announced_frames and seq < self.announced_frames - max(2.0, SHORTFALL_S * self.fps):
            self.shortfall = f"{self.name} ends after {seq} of {self.announced_frames} announced frames: damaged or cut off"

    def close(self) -> None:
        """Release the file."""
        self._capture.release()

    def __enter__(self) -> "FilmSource":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self) -> np.ndarray | None:
        ok, image = self._capture.read()
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB) if ok and image is not None and image.size else None

    def _time_s(self, seq: int, *, after: float) -> float:
        """The frame's own time stamp where it moves forward, else its number over the frame rate."""
        stamp = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return stamp if not self._retimed and stamp > after else max(seq / self.fps, after)


def _capture(path: Path) -> cv2.VideoCapture:
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if empty:
        raise SourceError(f"{path}: the file is empty")
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(level)


def _rate(capture: cv2.VideoCapture) -> float:
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if 0 < rate <= MAX_FPS else FALLBACK_FPS
