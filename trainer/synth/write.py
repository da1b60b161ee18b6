"""Rendered data on disk: frames in Sewer-ML's layout, drives as film with odometer and truth.

Everything is written into a temporary folder beside the target and renamed at the end: a folder that exists is whole. The content
depends on the seed only, not on the number of workers.
"""

import csv
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.drive import RenderedDrive, render_drive
from trainer.synth.errors import SynthError
from trainer.synth.frame import check_seed, check_size, render_with_scene
from trainer.synth.profiles import check_profile

ImageFormat = Literal["png", "jpg"]
_JPEG_QUALITY = 95
_CHUNK = 16
_VA_FROM_PERCENT = 30  # a water level that an inspector would note on its own


@dataclass(frozen=True, slots=True)
class _Job:
    """A run of frames for one worker."""

    folder: Path
    first: int
    last: int
    seed: int
    profile: str
    size: tuple[int, int]
    image_format: str
    masks: bool
    split: str


def frame_seed(seed: int, number: int) -> int:
    """Seed of frame `number` (from 1) of a data set."""
    return seed * 100_000_000 + number


def write_frames(
    out: Path,
    num: int,
    *,
    seed: int,
    profile: str = "balanced",
    size: tuple[int, int] = (288, 352),
    workers: int = 1,
    image_format: ImageFormat = "png",
    masks: bool = False,
    split: str = "Train",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `num` labelled frames as `<out>/SewerML_<split>.csv` and `<out>/<split>/00000001.png`, ...

    With `masks`, `<out>/<split>_masks/` holds one PNG per frame whose pixels B + 256 G + 65536 R have bit k set where class k is
    seen. `progress` is called with the number of frames done.

    Raises:
        SynthError: For impossible arguments, or if `out` exists and is not an empty folder.
    """
    _check(num, seed, size, profile, image_format, workers, split)
    with _new_folder(out) as folder:
        (folder / split).mkdir()
        if masks:
            (folder / f"{split}_masks").mkdir()
        starts = range(1, num + 1, _CHUNK)
        jobs = [_Job(folder, s, min(s + _CHUNK - 1, num), seed, profile, size, image_format, masks, split) for s in starts]
        rows: list[list[object]] = []
        for part in _run(jobs, workers):
            rows.extend(part)
            if progress:
                progress(len(rows))
        _write_csv(folder / f"SewerML_{split}.csv", ["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"], rows)


def _check(num: int, seed: int, size: tuple[int, int], profile: str, image_format: str, workers: int, split: str) -> None:
    check_seed(seed)
    check_size(size)
    check_profile(profile)
    if not 0 < num < 100_000_000:
        raise SynthError(f"num {num} must be 1 to 99999999.")
    if image_format not in ("png", "jpg"):
        raise SynthError(f"image_format {image_format!r} is not png or jpg.")
    if workers < 1:
        raise SynthError(f"workers {workers} must be at least 1.")
    if not split.isalnum():
        raise SynthError(f"split {split!r} must be letters and digits.")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """A temporary sibling of `out` that becomes `out` when all went well."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SynthError(f"{out} is not empty; choose a new folder.")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        yield folder
        folder.chmod(0o755)
        if out.exists():
            out.rmdir()
        folder.rename(out)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _run(jobs: Sequence[_Job], workers: int) -> Iterator[list[list[object]]]:
    if workers == 1:
        yield from map(_render_job, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_one_thread) as pool:
        yield from pool.map(_render_job, jobs)


def _one_thread() -> None:
    cv2.setNumThreads(1)


def _render_job(job: _Job) -> list[list[object]]:
    return [_write_one(job, number) for number in range(job.first, job.last + 1)]


def _write_one(job: _Job, number: int) -> list[object]:
    frame, scene = render_with_scene(frame_seed(job.seed, number), size=job.size, profile=job.profile, classes=None, severity=None)
    name = f"{number:08d}.{job.image_format}"
    options = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if job.image_format == "jpg" else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    _write_image(job.folder / job.split / name, cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR), options)
    if job.masks:
        _write_image(job.folder / f"{job.split}_masks" / f"{number:08d}.png", pack_masks(frame.masks), [])
    water = round(100 * scene.water_level)
    va, defect = int(water >= _VA_FROM_PERCENT), int(frame.labels.any())
    return [name, water, va, *(int(v) for v in frame.labels), int(not va and not defect), defect]


def _write_image(path: Path, image: NDArray[Any], options: list[int]) -> None:
    if not cv2.imwrite(str(path), image, options):
        raise OSError(f"{path} could not be written.")


def pack_masks(masks_CHW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Class masks as a BGR image, (H, W, 3) uint8: bit k of B + 256 G + 65536 R is class k."""
    bits = np.zeros(masks_CHW.shape[1:], np.uint32)
    for k, mask in enumerate(masks_CHW):
        bits |= mask.astype(np.uint32) << np.uint32(k)
    return np.stack([(bits >> np.uint32(8 * i)) & np.uint32(255) for i in range(3)], axis=-1).astype(np.uint8)


def _write_csv(path: Path, header: list[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_drive(
    out: Path,
    *,
    seed: int,
    length_m: float,
    fps: float = 25.0,
    size: tuple[int, int] = (288, 352),
    speed_m_s: float = 0.2,
    num_defects: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write a drive: `drive.mp4`, `odometer.csv` (time_s, distance_m per frame), `observations.csv` and `labels.csv` (the truth).

    Raises:
        SynthError: For impossible arguments, or if `out` exists and is not an empty folder.
    """
    drive = render_drive(seed, length_m=length_m, fps=fps, size=size, speed_m_s=speed_m_s, num_defects=num_defects)
    with _new_folder(out) as folder:
        _write_film(folder / "drive.mp4", drive, progress)
        times, places = drive.time_s, drive.chainage_m
        _write_csv(
            folder / "odometer.csv", ["time_s", "distance_m"], [[f"{t:.4f}", f"{z:.4f}"] for t, z in zip(times, places, strict=True)]
        )
        header = ["code", "kind", "from_m", "to_m", "clock", "severity", "first_seen_s", "last_seen_s"]
        rows = [[o.code, o.kind, *("" if v is None else f"{v:.3f}" for v in o[2:])] for o in drive.observations]
        _write_csv(folder / "observations.csv", header, rows)
        _write_csv(folder / "labels.csv", ["frame", *taxonomy().codes], [[i, *map(int, row)] for i, row in enumerate(drive.labels)])


def _write_film(path: Path, drive: RenderedDrive, progress: Callable[[int], None] | None) -> None:
    height, width = drive.frames.size
    film = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), drive.fps, (width, height))  # type: ignore[attr-defined]
    if not film.isOpened():
        raise OSError(f"{path.name} could not be opened for writing as mp4v.")
    try:
        for number, image in enumerate(drive.frames):
            film.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
            if progress:
                progress(number + 1)
    finally:
        film.release()
