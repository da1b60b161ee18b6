"""A study from its first cell to its table. What is done stays done; the same command goes on where it was stopped."""

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from edge_sdk.errors import EdgeSdkError
from trainer.config import Config, DataConfig, yaml_from_config
from trainer.data.provenance import provenance_of
from trainer.data.sewer_ml import has_split, read_split
from trainer.errors import ConfigError, DataError, TrainerError
from trainer.evaluate.run import CLAIMS_SEWER_ML, Say
from trainer.study.cell import complete, finished
from trainer.study.folder import RECIPES, RUNS, CellResult, StudyRecord, claim_study, result_of
from trainer.study.scale import Overrides, Scale
from trainer.study.table2 import Cell, cells_of, config_of
from trainer.study.workload import seconds_left, workload

logger = logging.getLogger(__name__)

TABLES = {"table2": cells_of}
# torch reports a full GPU as a RuntimeError
CELL_FAILURES = (TrainerError, EdgeSdkError, OSError, RuntimeError)


@dataclass(frozen=True)
class Study:
    """A claimed folder, and what its cells have in common."""

    out: Path
    data_root: Path
    record: StudyRecord
    scale: Scale
    every_nth: int
    machine: Overrides

    def config(self, cell: Cell) -> Config:
        """A cell's whole config."""
        runs = self.out.resolve() / RUNS  # a cell must not depend on where the command was given
        return config_of(cell, self.scale, runs=runs, data_root=self.data_root.resolve(), every_nth=self.every_nth, machine=self.machine)

    def workload(self, cell: Cell) -> float:
        """How much work a cell is."""
        num_train = -(-self.record.num_train // self.every_nth)
        return workload(self.config(cell), num_train=num_train, num_val=self.record.num_val, num_measured=self.record.num_measured)


@dataclass(frozen=True)
class CellOutcome:
    """A cell's result, or why it has none; with neither it is still to come."""

    cell: Cell
    result: CellResult | None = None
    failure: str | None = None


def open_study(table: str, scale_name: str, scale: Scale, *, data_root: Path, out: Path, machine: Overrides) -> Study:
    """Check data and settings, claim the folder and write the recipes of all cells.

    Raises:
        ConfigError: If the table is unknown, or a setting does not fit.
        DataError: If the data cannot be used, or the folder is another study's.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(f"reproduce is one process; give torchrun single cells of {out / RECIPES}, the study takes them from there")
    if table not in TABLES:
        raise ConfigError(f"table '{table}' is unknown; choose one of {', '.join(TABLES)}")
    record = _record(table, scale_name, data_root)
    every_nth = -(-record.num_train // scale.train_images) if scale.train_images else 1
    study = Study(out, data_root, record, scale, every_nth, machine)
    configs = [study.config(cell) for cell in TABLES[table](scale)]
    claim_study(out, record)
    (out / RECIPES).mkdir(exist_ok=True)
    for config in configs:
        (out / RECIPES / f"{config.name}.yaml").write_text(yaml_from_config(config), encoding="utf-8")
    return study


def run_cells(study: Study, cells: Sequence[Cell], *, say: Say, show: Callable[[list[CellOutcome]], None], strict: bool = False) -> None:
    """Bring every cell to its result; a failing one is noted and the rest goes on.

    Args:
        study: From `open_study`.
        cells: In an order in which each comes after the one it needs.
        say: Told of each cell and how much is left.
        show: Given all outcomes after each cell.
        strict: Let a failing cell end the study.

    Raises:
        CellInterruptedError: If a cell was asked to stop.
        DataError: If a result that is there cannot be read.
    """
    outcomes = {cell: CellOutcome(cell) for cell in cells}
    pace: list[tuple[float, float]] = []
    for number, cell in enumerate(cells):
        left = sum(study.workload(other) for other in cells[number:])
        say(f"{number + 1} of {len(cells)}, {cell.name}: {cell.title}, {len(cells) - number} left{_minutes(seconds_left(pace, left))}")
        start, was_done = time.monotonic(), result_of(study.out, cell.name) is not None
        outcomes[cell] = _outcome(study, cell, outcomes, say=say, strict=strict)
        result = outcomes[cell].result
        if result:
            pace.append((study.workload(cell), result.seconds if was_done else time.monotonic() - start))
        if not was_done or number == len(cells) - 1:
            show(list(outcomes.values()))
    minutes = sum(outcome.result.seconds for outcome in outcomes.values() if outcome.result) / 60
    say(f"{sum(outcome.result is not None for outcome in outcomes.values())} of {len(cells)} cells done, {minutes:.1f} min of training")


def machine_overrides(*, threads: int | None = None, workers: int | None = None) -> Overrides:
    """Threads and loader processes, unless given: one process, and threads on the other cores; with a GPU up to 8 processes."""
    num_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    spare = num_cores - 1
    usual = (0, min(8, spare)) if torch.cuda.is_available() else (max(spare, 1), min(spare, 1))
    return {"loop.threads": usual[0] if threads is None else threads, "data.workers": usual[1] if workers is None else workers}


def _outcome(study: Study, cell: Cell, outcomes: dict[Cell, CellOutcome], *, say: Say, strict: bool) -> CellOutcome:
    config, weights = study.config(cell), None
    if cell.needs:
        needed = outcomes[cell.needs].result
        if needed is None:
            return CellOutcome(cell, failure=f"needs {cell.needs.name}, which failed")
        weights = needed.model_sha256
    digest = study.record.digest
    try:
        result = finished(study.out, config, digest=digest, weights_sha256=weights)
        if result:
            say(f"{cell.name}: done already")
            return CellOutcome(cell, result)
        result = complete(
            study.out,
            config,
            digest=digest,
            weights_sha256=weights,
            split=study.record.split,
            num_resamples=study.scale.resamples,
            say=say,
        )
    except CELL_FAILURES as error:
        if strict:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        logger.warning("%s failed: %s", cell.name, reason)
        return CellOutcome(cell, failure=reason)
    return CellOutcome(cell, result)


def _record(table: str, scale_name: str, root: Path) -> StudyRecord:
    train, val = read_split(root, "Train"), read_split(root, "Val")
    test = read_split(root, "Test") if has_split(root, "Test") else None
    provenance = provenance_of(DataConfig(root=str(root)))
    if provenance.kind != "sewer-ml" and CLAIMS_SEWER_ML.search(provenance.name):
        raise DataError(f"{root}: a data set of kind {provenance.kind} must not be called '{provenance.name}'; name it in DATASET.yaml")
    digests = " ".join(split.digest for split in (train, val, test) if split)
    return StudyRecord(
        table=table,
        scale=scale_name,
        data=provenance,
        digest=hashlib.sha256(digests.encode()).hexdigest(),
        split="Test" if test else "Val",
        num_train=len(train),
        num_val=len(val),
        num_measured=len(test or val),
    )


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {seconds / 3600:.1f} h to go" if seconds > 7200 else f", about {seconds / 60:.0f} min to go"
