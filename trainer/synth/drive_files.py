"""Rendered drives on disk: the film, what the robot's odometer wrote, and the truth.

    drive.mp4              the film
    odometer.csv           time_s, distance_m per frame: the counter, as the robot would have written it
    truth.csv              per frame: true chainage, counter and what happened to it, pan, tilt, quality flags
    observations.csv       the things that came into view, from and to in true chainage and by the counter
    labels.csv             per frame: what it shows; labels_operator.csv: what an operator would note there

The film carries the counter, not the chainage, in its text: as in life, only the truth knows better.
"""

import errno
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.opencv import ffmpeg_path, quiet
from trainer.synth.counter import CounterKind
from trainer.synth.drive import MAX_FPS, RenderedDrive, render_drive
from trainer.synth.drive_plan import DriveObservation
from trainer.synth.errors import SynthError
from trainer.synth.frame import flags_of
from trainer.synth.image_files import write_csv
from trainer.synth.resume import check_new, resumable_folder

TRUTH_HEADER = ("frame", "time_s", "chainage_m", "counter_m", "counter_event", "pan_deg", "tilt_deg", "flags")
MIN_FILM_FPS = 0.1
_MPEG4_TICKS = 65_535


def write_drive(
    out: Path,
    *,
    seed: int,
    length_m: float,
    fps: float = 25.0,
    size: tuple[int, int] = (288, 352),
    speed_m_s: float = 0.2,
    num_defects: int | None = None,
    counter: CounterKind = "true",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write a drive; for the arguments see `render_drive`. A film cannot be gone on with: what is interrupted is removed.

    Raises:
        SynthError: For impossible arguments, if `out` exists and is not an empty folder, or if the disk is full.
    """
    check_new(out)
    check_film(fps)
    drive = render_drive(seed, length_m=length_m, fps=fps, size=size, speed_m_s=speed_m_s, num_defects=num_defects, counter=counter)
    record = {"seed": seed, "length_m": length_m, "fps": fps, "size": size, "speed_m_s": speed_m_s, "num_defects": num_defects}
    with resumable_folder(out, {**record, "counter": counter}) as pieces:
        fill_drive(pieces.folder, drive, progress)
        pieces.finish("drive")


def check_film(fps: float) -> None:
    """Refuse a rate that MPEG-4 cannot store: it keeps thousandths of a frame a second, as a fraction in numbers up to 65535."""
    if not MIN_FILM_FPS <= fps <= MAX_FPS or Fraction(round(1000 * fps), 1000).numerator > _MPEG4_TICKS:
        raise SynthError(f"fps {fps} cannot be stored in a film; take {MIN_FILM_FPS} to {MAX_FPS}, such as 25 or 29.97.")


def fill_drive(folder: Path, drive: RenderedDrive, progress: Callable[[int], None] | None = None) -> None:
    """Write film and tables into a folder that exists."""
    times, codes = [f"{t:.4f}" for t in drive.time_s], taxonomy().codes
    counter = [f"{z:.4f}" for z in drive.counter.value_m]
    write_csv(folder / "odometer.csv", ["time_s", "distance_m"], zip(times, counter, strict=True))
    header = [*DriveObservation._fields, "counter_from_m", "counter_to_m"]
    write_csv(folder / "observations.csv", header, [_observation_row(drive, o) for o in drive.observations])
    for name, labels in (("labels.csv", drive.labels), ("labels_operator.csv", drive.operator_labels)):
        write_csv(folder / name, ["frame", *codes], [[i, *map(int, row)] for i, row in enumerate(labels)])
    flags = _write_film(folder / "drive.mp4", drive, progress)
    write_csv(folder / "truth.csv", TRUTH_HEADER, _truth_rows(drive, times, counter, flags))


def _truth_rows(drive: RenderedDrive, times: list[str], counter: list[str], flags: list[str]) -> list[list[object]]:
    return [
        [
            *(i, times[i], f"{camera.position_m[2]:.4f}", counter[i], drive.counter.event[i]),
            *(f"{np.degrees(camera.pan):.2f}", f"{np.degrees(camera.tilt):.2f}", flags[i]),
        ]
        for i, camera in enumerate(drive.frames.cameras)
    ]


def _observation_row(drive: RenderedDrive, observation: DriveObservation) -> list[object]:
    places = (observation.from_m, observation.to_m)
    numbers = [*observation[2:], *(None if z is None else counter_at(drive, z) for z in places)]
    return [observation.code, observation.kind, *("" if v is None else f"{v:.3f}" for v in numbers)]


def counter_at(drive: RenderedDrive, chainage_m: float) -> float:
    """What the counter shows when the camera first gets to a place; beyond the end of the drive, what it would show."""
    at = int(np.argmax(drive.chainage_m >= chainage_m)) if chainage_m <= drive.chainage_m[-1] else len(drive.chainage_m) - 1
    return float(drive.counter.value_m[at] + chainage_m - drive.chainage_m[at])


def _write_film(path: Path, drive: RenderedDrive, progress: Callable[[int], None] | None) -> list[str]:
    """Write the film; the quality flags of each frame, that only a rendered frame has."""
    frames = drive.frames
    height, width = frames.size
    flags: list[str] = []
    with quiet():  # OpenCV would talk of every frame that a full disk does not take; the error says it once
        film = cv2.VideoWriter(ffmpeg_path(path), cv2.VideoWriter_fourcc(*"mp4v"), drive.fps, (width, height))  # type: ignore[attr-defined]
        if not film.isOpened():
            raise OSError(errno.EIO, "could not be opened for writing as mp4v", str(path))
        try:
            for number, image in enumerate(frames):
                film.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
                flags.append(" ".join(flags_of(frames.chain, frames.lamps, frames.cameras[number], image)))
                _check_room(path)
                if progress:
                    progress(number + 1)
        finally:
            film.release()
        _check_whole(path, len(frames))
    return flags


def _check_room(path: Path) -> None:
    """OpenCV goes on without a word where there is no room for the film: better to notice before the rest is rendered in vain."""
    if shutil.disk_usage(path.parent).free == 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def _check_whole(path: Path, num: int) -> None:
    """A film that could not be written to its end lacks the index there, or frames."""
    film = cv2.VideoCapture(ffmpeg_path(path))
    stored = int(film.get(cv2.CAP_PROP_FRAME_COUNT)) if film.isOpened() else 0
    film.release()
    if stored != num:
        raise OSError(errno.ENOSPC, f"holds {stored} of {num} frames", str(path))
