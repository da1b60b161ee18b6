"""Films: any container FFmpeg can read, every frame once, with the film's own clock."""

import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from edge_sdk.camera.film_decoder import Decoded, DecoderChoice, FilmDecoder, decoders
from edge_sdk.camera.frame import Frame
from edge_sdk.errors import SourceError

if TYPE_CHECKING:
    from typing_extensions import Self  # typing's own from Python 3.11 on

FALLBACK_FPS = 25.0  # PAL, the common rate of sewer film
MIN_FPS, MAX_FPS = 0.01, 240.0
SHORTFALL_S = 0.5  # headers round the length; half a second of crawler at 0.25 m/s is an eighth of a metre
MAX_STEP_S = 10.0  # between two frames; a larger or backward step is a spliced clock, not a pause
PLAYLISTS = (b"ffconcat", b"#EXTM3U")  # FFmpeg would follow them to other files


class FilmSource:
    """A film file; see `FrameSource`. Frames come as they are stored: rotation tags are not applied, as in training.

    Args:
        path: The film.
        fps: In place of the film's own rate and clock.
        decoder: What reads it; `auto` takes PyAV where it is installed and can, and OpenCV otherwise.
        threads: Of PyAV's decoder; None takes as many as are quickest. With more than one it works ahead.

    Raises:
        SourceError: If the file cannot be opened as a film or has no frame.
    """

    kind: Literal["film"] = "film"
    names: tuple[str, ...] | None = None

    def __init__(self, path: Path, *, fps: float | None = None, decoder: DecoderChoice = "auto", threads: int | None = None) -> None:
        self.name = path.resolve().name
        _check(path)
        self._film, first = _opened(path, decoder, threads)
        self._first: Decoded | None = first
        self.decoder = self._film.name
        self.height, self.width = first.size_hw
        self._stamps = fps is None
        self.fps = fps or _rate(self._film)
        self._offset_s = -(first.time_s or 0.0)
        self._unseen_s = max(first.time_s or 0.0, 0.0)  # where the clock leapt over film
        self.announced_frames = self._film.num_frames if 0 < self._film.num_frames < 1 << 31 else None
        self.shortfall: str | None = None

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in order; see `FrameSource.frames`."""
        decoded, seq, time_s = self._first, 0, 0.0
        self._first = None  # 3 MB at 1080p that nobody needs for the rest of the film
        while decoded is not None:
            frame = Frame(seq, time_s, time.monotonic_ns(), decoded.stored, None, decoded.order, decoded.colours)
            decoded = None  # what is held here while the next one is decoded is memory nobody uses
            yield frame
            del frame
            decoded, seq = self._film.read(), seq + 1
            if decoded is not None:
                time_s = self._time_s(decoded.time_s, time_s) if self._stamps else seq / self.fps
        self.shortfall = self._missing(seq, time_s)

    def close(self) -> None:
        """Release the file."""
        self._film.close()

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _time_s(self, stamp_s: float | None, before_s: float) -> float:
        """The frame's own time stamp from the film's start; where the clock is spliced or silent it goes on by one frame."""
        time_s = (stamp_s or 0.0) + self._offset_s
        if before_s < time_s <= before_s + MAX_STEP_S:
            self._unseen_s += time_s - before_s if time_s - before_s > SHORTFALL_S else 0.0
            return time_s
        self._offset_s += before_s + 1 / self.fps - time_s
        return before_s + 1 / self.fps

    def _missing(self, num: int, last_s: float) -> str | None:
        """What of the film was not seen, in words, once `num` frames came, the last at `last_s`."""
        tally, promised = self._film.tally, (self.announced_frames or 0) - self._film.tally.hidden
        tolerated = max(2.0, SHORTFALL_S * self.fps)
        if num < promised - tolerated and self._is_due((promised - 1) / self.fps - last_s):
            return f"{self.name} ends after {num} of {promised} announced frames: damaged or cut off"
        if tally.damaged > tolerated:
            return f"{self.name}: {tally.damaged} frames are damaged and were seen in part or not at all"
        return f"{self.name} breaks off after {num} frames: the file cannot be read any further" if tally.broke_off else None

    def _is_due(self, unseen_end_s: float) -> bool:
        """Whether a frame too few is a frame missing: not where a length was taken for a count, and the film covers that length."""
        film = self._film
        return film.is_counted or not self._stamps or film.tally.damaged > 0 or self._unseen_s + unseen_end_s > SHORTFALL_S


def _check(path: Path) -> None:
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


def _opened(path: Path, choice: DecoderChoice, threads: int | None) -> tuple[FilmDecoder, Decoded]:
    """The first decoder that gives a frame, and that frame."""
    for film in decoders(path, choice, threads=threads):
        if (first := film.read()) is not None:
            return film, first
        film.close()
    raise SourceError(f"{path}: not a film that can be read, or one without a single frame; check it with 'ffprobe'")


def _rate(film: FilmDecoder) -> float:
    return film.rate if MIN_FPS <= film.rate <= MAX_FPS else FALLBACK_FPS
