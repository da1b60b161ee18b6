"""Everything that changes from step to step, and how it goes into a checkpoint and comes back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch

from edge_sdk.contract.manifest import class_list_ref
from trainer.checkpoint import Contract, load_state, load_weights, point, read_contract, save_checkpoint
from trainer.config import Config
from trainer.data.training import TrainingData
from trainer.errors import DataError
from trainer.run_folder import CHECKPOINTS, git_revision
from trainer.schedule import AveragedWeights
from trainer.tasks import Finetune


@dataclass
class RunState:
    """Task, optimiser, averaged weights; steps done; best and latest validation."""

    task: Finetune
    optimizer: torch.optim.Optimizer
    average: AveragedWeights
    step: int = 0
    best_f2_ciw: float = -1.0
    metrics: dict[str, float] = field(default_factory=dict)

    def keep(self, folder: Path, config: Config, data: TrainingData, *, best: bool) -> None:
        """Write a checkpoint and move `last`, and `best` if it is, onto it."""
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
            metrics=self.metrics,
        )
        save_checkpoint(checkpoint, contract=contract, weights=self.average.state(), state=self._state())
        for link in ("last", "best") if best else ("last",):
            point(checkpoint.parent / link, checkpoint)

    def restore(self, checkpoint: Path, data: TrainingData) -> None:
        """Go on from a checkpoint of the same run.

        Raises:
            CheckpointError: If it cannot be read.
            DataError: If the data folder has changed since.
        """
        contract, _ = read_contract(checkpoint)
        if contract.data_digest != data.digest:
            raise DataError(f"{data.train.csv_path.parent} has changed since {checkpoint} was written; restore it or start a new run")
        state = load_state(checkpoint)
        self.task.model.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load(load_weights(checkpoint))
        self.step, self.best_f2_ciw, self.metrics = contract.step, contract.best_f2_ciw, contract.metrics
        torch.set_rng_state(state["rng"])
        if torch.cuda.is_available() and state["rng_cuda"]:
            torch.cuda.set_rng_state_all(state["rng_cuda"])

    def _state(self) -> dict[str, Any]:
        return {
            "weights": self.task.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "rng": torch.get_rng_state(),
            "rng_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
