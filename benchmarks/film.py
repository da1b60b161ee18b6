"""Films to measure with: one that is given, or the demo drive brought to the size wanted, written on the spot.

So that a robot without data sets runs everything. A film that was enlarged decodes like any other of its size and codec; what it shows
does not matter to the times.
"""

import time
from collections.abc import Generator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2

from edge_sdk.camera import FilmSource, Frame
from edge_sdk.errors import InputError, OutputError, SourceError

DEMO = Path(__file__).parents[1] / "deploy" / "demo" / "drive.mp4"
FPS = 25.0
CODEC = "mp4v"  # the one encoder every build of OpenCV has


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


PAL, HD, FULL_HD = Size(720, 576), Size(1280, 720), Size(1920, 1080)
SIZES = (PAL, HD, FULL_HD)


class Film(NamedTuple):
    """A film on disk, how its frames look, and where it comes from."""

    path: Path
    size: Size
    origin: str


def film_of(given: Path | None, size: Size, num_frames: int, folder: Path) -> Film:
    """The film given, as it is; or `num_frames` of the demo drive at `size`, written into `folder`.

    Raises:
        SourceError: If the film given cannot be read.
        InputError: If none is given and the demo drive is not in this checkout.
        OutputError: If it cannot be written.
    """
    if given is not None:
        with FilmSource(given) as source:
            return Film(given, Size(source.width, source.height), given.name)
    path = folder / f"drive-{size}-{num_frames}.mp4"
    if not path.is_file():
        _write(path, size, num_frames)
    return Film(path, size, f"demo drive enlarged, {CODEC}")


def endless(film: Film, *, threads: int | None = None) -> Generator[Frame | None, None, None]:
    """Frames of a film, from the beginning again when it ends; numbers and times go on rising.

    `threads` are the decoder's; with one it does not work ahead, so that each frame's time is its own. None comes whenever the film was
    opened: what that took is no frame's time. The frame read while opening is left out.

    Raises:
        SourceError: If the film has a single frame.
    """
    seq, period_s = 0, 1 / FPS
    while True:
        begun = seq
        with FilmSource(film.path, threads=threads) as source:
            frames = source.frames()
            next(frames)
            yield None
            for frame in frames:
                yield replace(frame, seq=seq, time_s=seq * period_s, captured_ns=time.monotonic_ns())
                seq += 1
        if seq == begun:
            raise SourceError(f"{film.path}: a film of one frame; give one of some seconds")


def first_frames(film: Film, num: int) -> list[Frame]:
    """Decoded frames, kept in memory."""
    with FilmSource(film.path) as source:
        return [frame for frame in islice(source.frames(), num) if frame.stored is not None]


def _write(path: Path, size: Size, num_frames: int) -> None:
    if not DEMO.is_file():
        raise InputError(f"{DEMO.name} is not in this checkout (deploy/demo); give a film with --film")
    part = path.with_name(f"part-{path.name}")
    writer = cv2.VideoWriter(str(part), cv2.VideoWriter.fourcc(*CODEC), FPS, size)
    if not writer.isOpened():
        raise OutputError(f"{path.parent}: OpenCV cannot write a {CODEC} film there; make room, or give a film with --film")
    try:
        with FilmSource(DEMO) as source:
            for frame in islice(source.frames(), num_frames):
                image_HWC = frame.image_HWC
                if image_HWC is not None:
                    writer.write(cv2.resize(image_HWC[..., ::-1], size, interpolation=cv2.INTER_LINEAR))
    finally:
        writer.release()
    try:
        FilmSource(part).close()
    except SourceError as error:  # OpenCV does not say that a disk is full
        part.unlink(missing_ok=True)
        raise OutputError(f"{path.parent}: no room for a film of {size}; make room, set TMPDIR, or give one with --film") from error
    part.replace(path)
