"""Rendered frames on disk, in Sewer-ML's layout.

    SewerML_<Split>.csv            the strict labels: what can be seen
    SewerML_<Split>_operator.csv   the operator's labels: what lies from 0.3 m behind to 1.0 m ahead, seen or not
    <Split>/00000001.png           pictures; <Split>_masks/, <Split>_depth/ on request
    frames.csv                     per frame: seed, size, pose, quality flags, water, pipe

Every frame is a pipe of its own, fixed by its seed: no split shares a pipe with another. The bytes depend on the plan only, not on the
number of workers nor on interruptions.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.errors import SynthError
from trainer.synth.frame import RenderedFrame, check_seed, check_size, render_with_scene
from trainer.synth.image_files import csv_text, write_depth, write_image, write_masks
from trainer.synth.profiles import check_profile
from trainer.synth.resume import Pieces, check_new, resumable_folder
from trainer.synth.scene import Scene
from trainer.synth.workers import check_workers, run_jobs

ImageFormat = Literal["png", "jpg"]
Size = tuple[int, int]
LABELS_HEADER = ("Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect")
_POSE = ("x_m", "y_m", "z_m", "pan_deg", "tilt_deg", "roll_deg", "focal", "chainage_m")
_PIPE = ("water_percent", "material", "diameter_mm", "liner", "placed")
FRAMES_HEADER = ("Filename", "Split", "seed", "width", "height", *_POSE, "flags", *_PIPE)
_CHUNK = 16
_VA_FROM_PERCENT = 30  # a water level that an inspector would note on its own
_SEEDS = 100_000_000


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a split is to hold; `sizes` are (height, width) with their shares."""

    split: str
    num: int
    seed: int
    profile: str = "balanced"
    sizes: tuple[tuple[Size, float], ...] = (((288, 352), 1.0),)
    image_format: ImageFormat = "png"
    masks: bool = False
    depth: bool = False

    def as_dict(self) -> dict[str, object]:
        """All of it, for the record of an unfinished run."""
        return {name: getattr(self, name) for name in self.__slots__}


def frame_seed(seed: int, number: int) -> int:
    """Seed of frame `number` (from 1) of a data set."""
    return seed * _SEEDS + number


def write_frames(
    out: Path,
    num: int,
    *,
    seed: int,
    profile: str = "balanced",
    size: Size = (288, 352),
    workers: int = 1,
    image_format: ImageFormat = "png",
    masks: bool = False,
    depth: bool = False,
    split: str = "Train",
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write `num` labelled frames of one split.

    With `masks`, `<out>/<split>_masks/` holds one PNG per frame whose pixels B + 256 G + 65536 R have bit k set where class k is
    seen; with `depth`, `<out>/<split>_depth/` one 16-bit PNG of millimetres. `progress` is called with the number of frames done.

    Raises:
        SynthError: For impossible arguments, if `out` exists and is not an empty folder, or if the disk is full.
    """
    plan = SplitPlan(split, num, seed, profile, ((size, 1.0),), image_format, masks, depth)
    write_splits(out, [plan], workers=workers, progress=(lambda _, done: progress(done)) if progress else None)


def write_splits(
    out: Path,
    plans: Sequence[SplitPlan],
    *,
    workers: int = 1,
    progress: Callable[[str, int], None] | None = None,
    dataset: str | None = None,
) -> None:
    """Write several splits into one folder; `dataset` is the text of its `DATASET.yaml`; `progress` takes split and frames done."""
    check_plans(plans, workers)
    check_new(out)
    with resumable_folder(out, plan_record(plans)) as pieces:
        fill_splits(pieces, plans, workers=workers, progress=progress)
        if dataset is not None:
            (pieces.folder / "DATASET.yaml").write_text(dataset, encoding="utf-8")


def plan_record(plans: Sequence[SplitPlan]) -> dict[str, object]:
    """Everything the bytes depend on."""
    from trainer.synth import SYNTH_VERSION

    return {"renderer": SYNTH_VERSION, **{plan.split: plan.as_dict() for plan in plans}}


def check_plans(plans: Sequence[SplitPlan], workers: int) -> None:
    """Refuse what cannot be rendered, before anything is written."""
    check_workers(workers)
    for plan in plans:
        check_seed(plan.seed)
        check_profile(plan.profile)
        for size, _ in plan.sizes:
            check_size(size)
        if not 0 < plan.num < _SEEDS:
            raise SynthError(f"num {plan.num} must be 1 to {_SEEDS - 1}.")
        if plan.image_format not in ("png", "jpg"):
            raise SynthError(f"image_format {plan.image_format!r} is not png or jpg.")
        if not plan.split.isalnum():
            raise SynthError(f"split {plan.split!r} must be letters and digits.")


def fill_splits(pieces: Pieces, plans: Sequence[SplitPlan], *, workers: int, progress: Callable[[str, int], None] | None = None) -> None:
    """Render what is missing into an unfinished folder, then join the tables."""
    for plan in plans:
        for folder, wanted in (("", True), ("_masks", plan.masks), ("_depth", plan.depth)):
            if wanted:
                (pieces.folder / f"{plan.split}{folder}").mkdir(exist_ok=True)
        missing = [first for first in _firsts(plan) if pieces.text(_piece(plan, first)) is None]
        done = plan.num - sum(len(_numbers(plan, first)) for first in missing)
        work = partial(_render_chunk, pieces.folder, plan)
        for first, text in zip(missing, run_jobs(work, missing, workers=min(workers, max(len(missing), 1))), strict=True):
            pieces.finish(_piece(plan, first), text)
            done += len(_numbers(plan, first))
            if progress:
                progress(plan.split, done)
    _join_tables(pieces, plans)


def _firsts(plan: SplitPlan) -> range:
    return range(1, plan.num + 1, _CHUNK)


def _numbers(plan: SplitPlan, first: int) -> range:
    return range(first, min(first + _CHUNK, plan.num + 1))


def _piece(plan: SplitPlan, first: int) -> str:
    return f"{plan.split}-{first:08d}"


def _render_chunk(folder: Path, plan: SplitPlan, first: int) -> str:
    """Write a few frames; three tables come back as text, one line per frame in each, an empty line between them."""
    rows = [_write_one(folder, plan, number) for number in _numbers(plan, first)]
    return "\n".join(csv_text(column) for column in zip(*rows, strict=True))


def _write_one(folder: Path, plan: SplitPlan, number: int) -> tuple[list[object], list[object], list[object]]:
    seed, stem = frame_seed(plan.seed, number), f"{number:08d}"
    size = _size_of(plan, seed)
    frame, scene = render_with_scene(seed, size=size, profile=plan.profile, classes=None, severity=None)
    name = f"{stem}.{plan.image_format}"
    write_image(folder / plan.split / name, frame.image)
    if plan.masks:
        write_masks(folder / f"{plan.split}_masks" / f"{stem}.png", frame.masks)
    if plan.depth:
        write_depth(folder / f"{plan.split}_depth" / f"{stem}.png", frame.depth)
    water = round(100 * frame.water_level)
    strict = _label_row(name, water, frame.labels.tolist())
    return strict, _label_row(name, water, frame.operator_labels.tolist()), _frame_row(name, plan, seed, size, frame, scene)


def _size_of(plan: SplitPlan, seed: int) -> Size:
    if len(plan.sizes) == 1:
        return plan.sizes[0][0]
    shares = np.cumsum([share for _, share in plan.sizes])
    at = int(np.searchsorted(shares[:-1] / shares[-1], np.random.default_rng([seed, 3]).random(), side="right"))
    return plan.sizes[at][0]


def _label_row(name: str, water: int, labels: list[int]) -> list[object]:
    va, defect = int(water >= _VA_FROM_PERCENT), int(any(labels))
    return [name, water, va, *labels, int(not va and not defect), defect]


def _frame_row(name: str, plan: SplitPlan, seed: int, size: Size, frame: RenderedFrame, scene: Scene) -> list[object]:
    camera, material = frame.camera, scene.materials[0]
    angles = [f"{np.degrees(angle):.2f}" for angle in (camera.pan, camera.tilt, camera.roll)]
    placed = " ".join(f"{p.code}@{p.from_m:.2f}" + (f"-{p.to_m:.2f}" if p.to_m > p.from_m else "") for p in scene.placed)
    pose = [*(f"{v:.4f}" for v in camera.position_m), *angles, f"{camera.focal:.4f}", f"{frame.chainage_m:.3f}"]
    pipe = [round(100 * frame.water_level), material.name, round(2000 * scene.radius_m), int(material.liner), placed]
    return [name, plan.split, seed, size[1], size[0], *pose, " ".join(frame.flags), *pipe]


def _join_tables(pieces: Pieces, plans: Sequence[SplitPlan]) -> None:
    """Put the chunks' lines behind each other; one chunk in memory at a time."""
    with (pieces.folder / "frames.csv").open("w", encoding="utf-8", newline="") as frames:
        frames.write(csv_text([FRAMES_HEADER]))
        for plan in plans:
            paths = (pieces.folder / f"SewerML_{plan.split}{kind}.csv" for kind in ("", "_operator"))
            with next(paths).open("w", encoding="utf-8") as strict, next(paths).open("w", encoding="utf-8") as noted:
                tables = (strict, noted, frames)
                for table in tables[:2]:
                    table.write(csv_text([LABELS_HEADER]))
                for texts in _chunk_texts(pieces, plan):
                    for table, text in zip(tables, texts, strict=True):
                        table.write(text)


def _chunk_texts(pieces: Pieces, plan: SplitPlan) -> Iterator[list[str]]:
    for first in _firsts(plan):
        text = pieces.text(_piece(plan, first))
        assert text is not None, "every chunk is finished"
        parts = text.removesuffix("\n").split("\n\n")
        yield [f"{part}\n" for part in parts]
