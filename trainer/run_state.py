"""Everything that changes from step to step, and how it goes into a checkpoint and comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from lightning.fabric.plugins.precision import Precision

from edge_sdk.contract.manifest import Ancestor, class_list_ref
from trainer.checkpoint import Contract, load_state, load_weights, point, read_contract, save_checkpoint
from trainer.config import Config
from trainer.data.training import TrainingData
from trainer.errors import CheckpointError, DataError
from trainer.run_folder import CHECKPOINTS, git_revision
from trainer.schedule import AveragedWeights
from trainer.tasks import Task


@dataclass
class RunState:
    """Task, optimiser, averaged weights, precision (a loss scale with fp16); steps done and kept; best and latest validation.

    `ancestors` are the weights the run learnt from, which do not change.
    """

    task: Task
    optimizer: torch.optim.Optimizer
    average: AveragedWeights
    precision: Precision
    step: int = 0
    kept_step: int = 0
    best_step: int = 0
    best_f2_ciw: float = -1.0
    metrics: dict[str, float] = field(default_factory=dict)
    ancestors: tuple[Ancestor, ...] = ()

    def take(self, figures: dict[str, float]) -> bool:
        """Remember a validation; whether it is the best so far. Without a classifier the latest is the best."""
        self.metrics = figures
        best = figures.get("f2_ciw", self.best_f2_ciw) > self.best_f2_ciw or "f2_ciw" not in figures
        if best:
            self.best_step, self.best_f2_ciw = self.step, figures.get("f2_ciw", self.best_f2_ciw)
        return best

    def headline(self) -> str:
        """The best or latest figure, for the progress bar."""
        if self.best_f2_ciw >= 0:
            return f", val F2_CIW {100 * self.best_f2_ciw:.2f} %"
        return f", RankMe {self.metrics['rankme']:.2f}" if "rankme" in self.metrics else ""

    def summary(self) -> str:
        """The figures of the latest validation, and whether they are the best."""
        shown = {"f2_ciw": "val F2_CIW", "f1_normal": "F1_Normal", "mean_ap": "mAP"}
        parts = [f", {title} {100 * self.metrics[name]:.2f} %" for name, title in shown.items() if name in self.metrics]
        if "rankme" in self.metrics:
            parts.append(f", RankMe {self.metrics['rankme']:.2f}")
        return "".join(parts) + (" (best)" if self.best_step == self.step and self.best_f2_ciw >= 0 else "")

    def keep(
        self, folder: Path, config: Config, data: TrainingData, *, best: bool, write: bool = True, doubted_rows: Sequence[int] = ()
    ) -> None:
        """Write a checkpoint and move `last`, and `best` if it is, onto it; only remember the step where another process writes.

        The images of `doubted_rows` may be mended before the run goes on.
        """
        self.kept_step = self.step
        if not write:
            return
        checkpoint = folder / CHECKPOINTS / f"step-{self.step:07d}"
        contract = Contract(
            config=msgspec.to_builtins(config),
            classes=class_list_ref(),
            provenance=data.provenance,
            data_digest=data.digest,
            num_images=len(data.train),
            git_revision=git_revision(),
            step=self.step,
            best_f2_ciw=self.best_f2_ciw,
            best_step=self.best_step,
            metrics=self.metrics,
            ancestors=self.ancestors,
            doubted_rows=tuple(doubted_rows),
            digest_without_doubted=data.digest_without(doubted_rows) if doubted_rows else None,
        )
        save_checkpoint(checkpoint, contract=contract, weights=self.average.state(), state=self._state())
        for link in ("last", "best") if best else ("last",):
            point(checkpoint.parent / link, checkpoint)

    def restore(self, checkpoint: Path, data: TrainingData) -> None:
        """Go on from a checkpoint of the same run.

        Raises:
            CheckpointError: If it cannot be read, or was written by another version.
            DataError: If the data folder has changed since.
        """
        contract, _ = read_contract(checkpoint)
        if contract.data_digest != data.digest and not _mended(contract, data):
            raise DataError(f"{data.train.csv_path.parent} has changed since {checkpoint} was written; restore it or start a new run")
        state = load_state(checkpoint)
        try:
            self.task.load_state_dict(state["task"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.precision.load_state_dict(state["precision"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise CheckpointError(f"{checkpoint}: written by another version of the trainer ({error}); start a new run from it") from error
        self.average.load(load_weights(checkpoint))
        self.step = self.kept_step = contract.step
        self.ancestors = contract.ancestors
        self.best_step, self.best_f2_ciw, self.metrics = contract.best_step, contract.best_f2_ciw, contract.metrics

    def _state(self) -> dict[str, Any]:
        return {
            "task": self.task.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision.state_dict(),
        }


def _mended(contract: Contract, data: TrainingData) -> bool:
    """Whether nothing has changed but images of the batch that could not be read."""
    return bool(contract.doubted_rows) and contract.digest_without_doubted == data.digest_without(contract.doubted_rows)
