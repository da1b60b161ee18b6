"""Films: any container OpenCV's FFmpeg can read, every frame once, with the film's own clock."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.errors import SourceError
from edge_sdk.opencv import ffmpeg_path, quiet

FALLBACK_FPS = 25.0  # PAL, the common rate of sewer film
MIN_FPS, MAX_FPS = 0.01, 240.0
SHORTFALL_S = 0.5  # headers round the length; half a second of crawler at 0.25 m/s is an eighth of a metre
MAX_STEP_S = 10.0  # between two frames; a larger or backward step is a spliced clock, not a pause
PLAYLISTS = (b"ffconcat", b"#EXTM3U")  # FFmpeg would follow them to other files


class FilmSource:
    """A film file; see `FrameSource`. Frames come as they are stored: rotation tags are not applied, as in training.

    Raises:
        SourceError: If the file cannot be opened as a film or has no frame.
    """

    kind: Literal["film"] = "film"
    names: tuple[str, ...] | None = None

    def __init__(self, path: Path, *, fps: float | None = None) -> None:
        self.name = path.resolve().name
        self._capture = _capture(path)
        self._first = self._read()
        if self._first is None:
            self._capture.release()
            raise SourceError(f"{path}: not a film that can be read, or one without a single frame; check it with 'ffprobe'")
        self.height, self.width = self._first.shape[:2]
        self._stamps = fps is None
        self.fps = fps or _rate(self._capture)
        self._offset_s = -self._stamp_s()
        self.announced_frames = self._announced()
        self.shortfall: str | None = None

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in order; see `FrameSource.frames`."""
        image, seq, time_s = self._first, 0, 0.0
        self._first = None  # 6 MB at 1080p that nobody needs for the rest of the film
        while image is not None:
            yield Frame(seq, time_s, time.monotonic_ns(), image, order="bgr")
            image, seq = self._read(), seq + 1
            time_s = self._time_s(time_s) if self._stamps else seq / self.fps
        if self.announced_frames and seq < self.announced_frames - max(2.0, SHORTFALL_S * self.fps):
            self.shortfall = f"{self.name} ends after {seq} of {self.announced_frames} announced frames: damaged or cut off"

    def close(self) -> None:
        """Release the file."""
        self._capture.release()

    def __enter__(self) -> "FilmSource":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _read(self) -> NDArray[np.uint8] | None:
        """The next frame as FFmpeg gives it, in BGR: turning all of it around costs as much as preparing it (`Frame.image_HWC`)."""
        ok, image = self._capture.read()
        return np.asarray(image, dtype=np.uint8) if ok and image is not None and image.size else None

    def _stamp_s(self) -> float:
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def _time_s(self, before_s: float) -> float:
        """The frame's own time stamp from the film's start; where the clock is spliced it goes on by one frame."""
        time_s = self._stamp_s() + self._offset_s
        if before_s < time_s <= before_s + MAX_STEP_S:
            return time_s
        self._offset_s += before_s + 1 / self.fps - time_s
        return before_s + 1 / self.fps

    def _announced(self) -> int | None:
        """Frames the header promises; a film cut out of a longer recording counts from that one's start."""
        frames = round(self._capture.get(cv2.CAP_PROP_FRAME_COUNT) + min(self._offset_s, 0.0) * self.fps)
        return frames if 0 < frames < 1 << 31 else None


def _capture(path: Path) -> cv2.VideoCapture:
    try:
        if not path.is_file():
            raise SourceError(f"{path}: not a plain file; give a film or a folder of stills")
        with path.open("rb") as file:
            start = file.read(16)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if not start:
        raise SourceError(f"{path}: the file is empty")
    if start.startswith(PLAYLISTS):
        raise SourceError(f"{path}: a playlist that names other files, not a film; give the film itself")
    with quiet():
        capture = cv2.VideoCapture(ffmpeg_path(path), cv2.CAP_FFMPEG)
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    return capture


def _rate(capture: cv2.VideoCapture) -> float:
    rate = float(capture.get(cv2.CAP_PROP_FPS))
    return rate if MIN_FPS <= rate <= MAX_FPS else FALLBACK_FPS
