"""Table 2 of Otero & Mateus (DINO on Sewer-ML) as data: its cells, and the config of each.

Each backbone is pretrained by DINO without labels; a linear classifier and fine-tuning on shares of the labels start from that; the same
fine-tuning from random weights is what to compare with; the hybrid learns from images and labels at once.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainer.config import Config, config_from_yaml
from trainer.study.scale import Overrides, Scale

Task = Literal["dino", "linear", "hybrid", "finetune"]

RECIPES = Path(__file__).parents[1] / "recipes"
RECIPE_OF: dict[Task, str] = {
    "dino": "dino_vit_tiny.yaml",
    "linear": "linear_vit_tiny.yaml",
    "hybrid": "hybrid_vit_tiny.yaml",
    "finetune": "finetune_from_dino.yaml",
}
BACKBONES = {"vit_tiny_patch16_224": ("vit-tiny", "ViT-T/16"), "vit_small_patch16_224": ("vit-small", "ViT-S/16")}
TITLES = {"dino": "DINO pretraining", "linear": "linear on DINO", "hybrid": "hybrid"}


@dataclass(frozen=True)
class Cell:
    """One training of the study: `from_dino` says whether it starts from the backbone's DINO cell, `percent` of the labels it reads."""

    backbone: str
    task: Task
    from_dino: bool = False
    percent: int = 100

    @property
    def key(self) -> str:
        """Which cell of a backbone: `dino`, `linear`, `hybrid`, `dino-10`, `random-10`."""
        return f"{'dino' if self.from_dino else 'random'}-{self.percent}" if self.task == "finetune" else self.task

    @property
    def name(self) -> str:
        """Name of the run: `vit-tiny-dino-10`."""
        return f"{BACKBONES[self.backbone][0]}-{self.key}"

    @property
    def backbone_title(self) -> str:
        """As the paper names it."""
        return BACKBONES[self.backbone][1]

    @property
    def title(self) -> str:
        """What is done."""
        return TITLES.get(self.task) or f"fine-tuning from {'DINO' if self.from_dino else 'random weights'}"

    @property
    def needs(self) -> "Cell | None":
        """The cell whose weights it starts from."""
        return Cell(self.backbone, "dino") if self.from_dino else None


def cells_of(scale: Scale) -> list[Cell]:
    """All cells, each after the one it needs."""
    cells = []
    for backbone in scale.backbones:
        cells += [Cell(backbone, "dino"), Cell(backbone, "linear", from_dino=True)]
        cells += [Cell(backbone, "finetune", from_dino, percent) for percent in sorted(scale.fractions) for from_dino in (True, False)]
        cells.append(Cell(backbone, "hybrid"))
    return cells


def config_of(cell: Cell, scale: Scale, *, runs: Path, data_root: Path, every_nth: int, machine: Overrides) -> Config:
    """The cell's whole config.

    Args:
        cell: Which.
        scale: How large.
        runs: Folder of all the study's runs.
        data_root: The data folder.
        every_nth: Which training rows.
        machine: Overrides that change no figure, such as threads.

    Raises:
        ConfigError: If an override of the scale does not fit the config.
    """
    own: Overrides = {
        "name": cell.name,
        "out": str(runs),
        "task": cell.task,
        "data.root": str(data_root),
        "data.every_nth": every_nth,
        "data.fraction": cell.percent / 100,
        "model.backbone": cell.backbone,
        "model.weights": str(runs / cell.needs.name) if cell.needs else None,
    }
    fraction = scale.fractions.get(cell.percent, {}) if cell.task == "finetune" else {}
    merged = {**scale.all, **_of_task(scale, cell.task), **fraction, **machine, **own}
    return config_from_yaml(RECIPES / RECIPE_OF[cell.task], [f"{key}={json.dumps(value)}" for key, value in merged.items()])


def _of_task(scale: Scale, task: Task) -> Overrides:
    return {"dino": scale.dino, "linear": scale.linear, "hybrid": scale.hybrid, "finetune": scale.finetune}[task]
