"""What reads a film: PyAV, or an OpenCV that can be trusted with it. Both are FFmpeg; PyAV also hands out what FFmpeg decoded.

OpenCV turns every frame into BGR in the one thread that reads. PyAV's frames stay YUV, half as large, and only the network's small picture
of them becomes RGB (`prepare_yuv`): a 1080p film takes 2 to 3 core-ms less a frame, and nothing but decoding is left that cannot be
shared among the cores.
"""

import importlib.util
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import PixelOrder, size_of
from edge_sdk.contract.yuv import STUDIO, YuvColours, YuvPlanes
from edge_sdk.errors import SourceError
from edge_sdk.opencv import ffmpeg_path, quiet

REMEDY = "pip install 'av<20'"
DecoderChoice = Literal["auto", "pyav", "opencv"]
DECODERS: tuple[str, ...] = get_args(DecoderChoice)


class Decoded(NamedTuple):
    """One frame's pixels, as `Frame.stored`, `order` and `colours` say, and its own time in the film (None: it has none)."""

    stored: NDArray[np.uint8] | YuvPlanes
    order: PixelOrder
    colours: YuvColours
    time_s: float | None

    @property
    def size_hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return size_of(self.stored, self.order)


@dataclass(slots=True)
class Tally:
    """What became of a film's pictures so far, besides those handed out.

    `hidden` are pictures that the header counts and an edit list leaves out. `damaged` are those the decoder refused or had to make up in
    part. `broke_off`: the file could not be read to its end.
    """

    hidden: int = 0
    damaged: int = 0
    broke_off: bool = False


class FilmDecoder(Protocol):
    """An open film. `name` says what decodes it, for the record; `rate` and `num_frames` are the header's promises (0: none).

    `is_counted` says whether `num_frames` is a count, and not the film's length times its rate, which need not be even.
    """

    name: str
    rate: float
    num_frames: int
    is_counted: bool
    tally: Tally

    def read(self) -> Decoded | None:
        """The next frame; None at the end, or where nothing more can be made of the film."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


class OpencvDecoder:
    """A film read by OpenCV's FFmpeg: every frame in BGR. One that cannot be opened has no frame."""

    def __init__(self, path: Path) -> None:
        self.name = f"OpenCV {cv2.__version__}"
        with quiet():
            self._capture = cv2.VideoCapture(ffmpeg_path(path), cv2.CAP_FFMPEG)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self.rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        self.num_frames = round(max(self._capture.get(cv2.CAP_PROP_FRAME_COUNT), 0.0))
        self.is_counted, self.tally = True, Tally()  # which it is OpenCV does not say
        self._is_new = True

    def read(self) -> Decoded | None:
        """The next frame; see `FilmDecoder.read`."""
        ok, image = self._capture.read()
        if not ok or image is None or not image.size:
            return None
        time_s = float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000
        if self._is_new:  # a film cut out of a longer recording counts from that one's start
            self.num_frames -= round(max(time_s, 0.0) * self.rate)
            self._is_new = False
        return Decoded(np.asarray(image, dtype=np.uint8), "bgr", STUDIO, time_s)

    def close(self) -> None:
        """Release the file."""
        self._capture.release()


def decoders(path: Path, choice: DecoderChoice = "auto", *, threads: int | None = None) -> Iterator[FilmDecoder]:
    """What may read a film, best first: the one asked for, or PyAV, and OpenCV if it reads every film. The caller closes them.

    Raises:
        SourceError: If there is nothing to read it with, or PyAV was asked for and cannot open it. OpenCV raises nothing: its film has no
            frame.
    """
    if choice != "opencv":
        if importlib.util.find_spec("av") is not None:
            from edge_sdk.camera.pyav import PyavDecoder  # imports PyAV

            with suppress(*(() if choice == "pyav" else (SourceError,))):
                yield PyavDecoder(path, threads=threads)
        elif choice == "pyav" or not opencv_reads_interlaced():
            raise SourceError(f"{path}: PyAV is not installed, and OpenCV {cv2.__version__} reads interlaced film as noise; {REMEDY}")
    if choice == "opencv" or (choice == "auto" and opencv_reads_interlaced()):
        yield OpencvDecoder(path)


def opencv_reads_interlaced() -> bool:
    """Whether this OpenCV's FFmpeg turns interlaced frames into BGR.

    Since 4.13 it hands on memory nobody wrote to and says the frame was read; "Cannot convert interlaced to progressive frames"
    stands in FFmpeg's log alone (seen: 4.13.0.90, 4.13.0.92, 4.14.0.94, 5.0.0.93; 4.12.0.88 is right). PAL film on DVD is interlaced.
    """
    major, minor = (int(part) for part in cv2.__version__.split(".")[:2])
    return (major, minor) < (4, 13)
