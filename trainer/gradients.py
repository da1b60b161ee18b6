"""One optimiser step's gradients: a batch in pieces, clipped, and refused if they are not finite."""

import math
from collections.abc import Iterator

import torch
from lightning.fabric import Fabric
from lightning.fabric.wrappers import _FabricModule
from torch import Tensor

from trainer.config import OptimConfig
from trainer.data.loader import Batch
from trainer.data.sewer_ml import Split
from trainer.errors import NonFiniteLossError
from trainer.schedule import Moment, clip_each
from trainer.tasks import Task

NUM_NAMED = 8  # images named in an error


def gradients_of(batch: Batch, module: _FabricModule, fabric: Fabric, at: Moment, *, num_pieces: int) -> dict[str, Tensor]:
    """Work through a batch in pieces, each weighted by its share, and leave the gradients of the whole in the weights.

    Args:
        batch: Of this process.
        module: The task, set up by Fabric.
        fabric: Its Fabric.
        at: The coming step.
        num_pieces: How many, where the batch has as many images; processes exchange gradients after the last.

    Returns:
        The task's scalars for the whole batch, without gradient.
    """
    totals: dict[str, Tensor] = {}
    for share, last, piece in _pieces(batch, num_pieces):
        with fabric.no_backward_sync(module, enabled=not last):
            with fabric.autocast():  # Fabric casts by itself only where it wraps the module for several processes
                outputs = module.training_step(fabric.to_device(piece), at)
            fabric.backward(share * outputs["loss"])
        for name, value in outputs.items():
            totals[name] = totals.get(name, 0.0) + share * value.detach()
    return totals


def clip(task: Task, fabric: Fabric, optimizer: torch.optim.Optimizer, config: OptimConfig) -> float:
    """Clip as `optim.clip` says; the largest norm before it, over all weights or of one tensor."""
    fabric.strategy.precision.unscale_gradients(optimizer)
    if config.clip == "tensor":
        return clip_each(task.clipped_parameters(), config.clip_norm).item()
    return torch.nn.utils.clip_grad_norm_(task.parameters(), config.clip_norm).item()


def refuse_non_finite(loss: float, grad_norm: float, at: Moment, lr: float, batch: Batch, split: Split, *, scaled: bool = False) -> None:
    """Stop before the optimiser makes every weight NaN, and say where to look.

    Args:
        loss: Of this process's batch.
        grad_norm: Before clipping.
        at: The step.
        lr: Its learning rate.
        batch: Its images.
        split: Where they come from.
        scaled: The loss is scaled for fp16: infinite gradients only make the scaler pass over a step and try a smaller scale.

    Raises:
        NonFiniteLossError: If either is NaN or infinite.
    """
    if math.isfinite(loss) and (scaled or math.isfinite(grad_norm)):
        return
    rows = batch.index_N.tolist()
    more = f" and {len(rows) - NUM_NAMED} more" if len(rows) > NUM_NAMED else ""
    raise NonFiniteLossError(
        f"loss {loss:g} with gradient norm {grad_norm:g} at step {at.step}, learning rate {lr:.3g}, images "
        f"{', '.join(split.files[row] for row in rows[:NUM_NAMED])}{more}; lower optim.lr, or look at these images"
    )


def _pieces(batch: Batch, num: int) -> Iterator[tuple[float, bool, Batch]]:
    """(share of the batch, whether it is the last, piece)."""
    num_images = len(batch.index_N)
    num = min(num, num_images)
    if num == 1:
        yield 1.0, True, batch
        return
    for number, rows in enumerate(torch.arange(num_images).tensor_split(num)):
        views = [view[rows] for view in batch.views_NHWC]
        yield len(rows) / num_images, number == num - 1, Batch(batch.images_NHWC[rows], batch.targets_NC[rows], batch.index_N[rows], views)
