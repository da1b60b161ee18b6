"""The benchmark set: frames of three splits and test drives that every table of ours names, made by one command from a definition.

Only the definition (`rendered-v1.yaml`) is kept; the same definition and renderer give the same bytes on the same machine and libraries.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from trainer.synth.counter import CounterKind
from trainer.synth.drive import render_drive
from trainer.synth.drive_files import fill_drive
from trainer.synth.errors import SynthError
from trainer.synth.resume import Pieces, check_new, resumable_folder
from trainer.synth.workers import run_jobs
from trainer.synth.write import Size, SplitPlan, check_plans, fill_splits, plan_record

DEFINITION = Path(__file__).with_name("rendered-v1.yaml")


@dataclass(frozen=True, slots=True)
class DrivePlan:
    """One drive of the set: what `render_drive` is asked for."""

    name: str
    seed: int
    length_m: float
    fps: float
    size: Size
    counter: CounterKind


@dataclass(frozen=True, slots=True)
class BenchmarkSet:
    """A named set: the renderer's version it is defined for, its splits and its drives."""

    name: str
    renderer: str
    splits: tuple[SplitPlan, ...]
    drives: tuple[DrivePlan, ...]


def read_definition(path: Path = DEFINITION) -> BenchmarkSet:
    """The set that a definition file describes."""
    stored = yaml.safe_load(path.read_text(encoding="utf-8"))
    sizes = tuple((_size(text), float(share)) for text, share in stored["sizes"].items())
    splits = tuple(SplitPlan(name, **split, sizes=sizes, image_format=stored["image_format"]) for name, split in stored["splits"].items())
    return BenchmarkSet(stored["name"], stored["renderer"], splits, _drives(stored["drives"]))


def _drives(stored: Mapping[str, Any]) -> tuple[DrivePlan, ...]:
    """Lengths are spread evenly between the two given."""
    shortest, longest = stored["length_m"]
    lengths = np.linspace(float(shortest), float(longest), int(stored["num"]))
    size = _size(stored["size"])
    return tuple(
        DrivePlan(f"drive-{i + 1:02d}", stored["first_seed"] + i, round(float(length), 2), stored["fps"], size, stored["counter"])
        for i, length in enumerate(lengths)
    )


def _size(text: str) -> Size:
    width, height = text.split("x")
    return int(height), int(width)


def write_benchmark(
    out: Path,
    definition: BenchmarkSet,
    *,
    dataset: str,
    workers: int = 1,
    progress: Callable[[str, int], None] | None = None,
) -> None:
    """Write the set: the splits as by `write_splits`, the drives under `drives/`, `dataset` as `DATASET.yaml`.

    `progress` takes a part's name and what is done of it (frames of a split, then drives).

    Raises:
        SynthError: If the definition is for another renderer, if `out` exists and is not an empty folder, or if the disk is full.
    """
    from trainer.synth import SYNTH_VERSION

    if definition.renderer != SYNTH_VERSION:
        raise SynthError(f"{definition.name} is defined for renderer {definition.renderer}, this is {SYNTH_VERSION}.")
    check_plans(definition.splits, workers)
    check_new(out)
    record = {**plan_record(definition.splits), "name": definition.name, "drives": repr(definition.drives)}
    with resumable_folder(out, record) as pieces:
        fill_splits(pieces, definition.splits, workers=workers, progress=progress)
        _fill_drives(pieces, definition.drives, workers, progress)
        (pieces.folder / "DATASET.yaml").write_text(dataset, encoding="utf-8")


def _fill_drives(pieces: Pieces, drives: tuple[DrivePlan, ...], workers: int, progress: Callable[[str, int], None] | None) -> None:
    missing = [drive for drive in drives if pieces.text(drive.name) is None]
    done = len(drives) - len(missing)
    made = run_jobs(partial(_write_drive, pieces.folder / "drives"), missing, workers=min(workers, max(len(missing), 1)))
    for name in made:
        pieces.finish(name)
        done += 1
        if progress:
            progress("drives", done)


def _write_drive(folder: Path, plan: DrivePlan) -> str:
    (folder / plan.name).mkdir(parents=True, exist_ok=True)
    fill_drive(
        folder / plan.name,
        render_drive(plan.seed, length_m=plan.length_m, fps=plan.fps, size=plan.size, counter=plan.counter),
    )
    return plan.name
