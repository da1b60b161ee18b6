"""A few steps of a task on one batch, without the loop."""

from pathlib import Path

import torch
from torch import Tensor

from trainer.config import Config
from trainer.data.loader import Batch
from trainer.data.sewer_ml import read_split
from trainer.data.training import eval_batches
from trainer.schedule import Moment, build_optimizer
from trainer.tasks import TASKS


def eight_images(config: Config) -> Batch:
    """The first eight, and as views them and their mirror images."""
    split = read_split(Path(config.data.root), "Train")
    images, targets, index, _ = next(iter(eval_batches(split, config)))
    return Batch(images[:8], targets[:8], index[:8], (images[:8], images[:8].flip(2)))


def run_steps(config: Config, *, num_steps: int) -> list[dict[str, float]]:
    """The task's scalars of each step."""
    torch.manual_seed(0)
    batch = eight_images(config)
    task = TASKS[config.task](config, batch.targets_NC.numpy()).train()
    optimizer = build_optimizer(task, config.optim)
    scalars = []
    for step in range(num_steps):
        at = Moment(step, num_steps, 1)
        outputs: dict[str, Tensor] = task.training_step(batch, at)
        optimizer.zero_grad()
        outputs["loss"].backward()
        task.before_step(at)
        torch.nn.utils.clip_grad_norm_(task.parameters(), config.optim.clip_norm)
        optimizer.step()
        task.after_step(at)
        scalars.append({name: value.item() for name, value in outputs.items()})
    return scalars
