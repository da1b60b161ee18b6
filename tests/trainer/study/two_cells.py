"""The two cells that the tests run, and what they came to."""

from collections.abc import Sequence

import msgspec

from trainer.study.folder import CellResult
from trainer.study.run import CellOutcome, Study, run_cells
from trainer.study.table2 import Cell

VIT_TINY = "vit_tiny_patch16_224"
DINO, FINETUNE = Cell(VIT_TINY, "dino"), Cell(VIT_TINY, "finetune", from_dino=True, percent=50)
MACHINE = {"loop.threads": 1, "data.workers": 0}


def run(study: Study, cells: Sequence[Cell]) -> list[CellOutcome]:
    """All outcomes as last shown."""
    shown: list[list[CellOutcome]] = []
    run_cells(study, cells, say=lambda _: None, show=shown.append)
    return shown[-1]


def results(study: Study, cells: Sequence[Cell] = (DINO, FINETUNE)) -> list[CellResult]:
    return [msgspec.json.decode((study.out / "cells" / f"{cell.name}.json").read_bytes(), type=CellResult) for cell in cells]
