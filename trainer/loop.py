"""The training loop, to be read from top to bottom.

It knows batches, a task that returns a loss, an optimiser and a folder; not what is learnt. A run is a fixed number of steps: step
number and seed decide the data, the learning rate and the augmentation, so that a resumed run equals an uninterrupted one bit for bit on
a CPU.
"""

import copy
import math
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import Tensor

from trainer.config import Config
from trainer.data.loader import Batch, StepSampler
from trainer.data.sewer_ml import Split
from trainer.data.training import TrainingData, batches, eval_batches, read_data
from trainer.device import build_fabric
from trainer.errors import NonFiniteLossError
from trainer.evaluate.scores import headline, logits_of, metrics_of
from trainer.interrupt import StopRequest
from trainer.progress import progress_for
from trainer.run_folder import CHECKPOINTS, MetricsLog, claim, write_record
from trainer.run_state import RunState
from trainer.schedule import AveragedWeights, build_optimizer, learning_rate
from trainer.tasks import TASKS

NUM_NAMED = 8  # images named in an error


@dataclass(frozen=True)
class TrainResult:
    """How a run ended: the step reached of `num_steps`, the best validation F2_CIW, and whether it stopped before its end."""

    run_dir: Path
    step: int
    num_steps: int
    best_f2_ciw: float
    interrupted: bool


def train(config: Config, *, resume: bool = False, stop_at: int | None = None) -> TrainResult:
    """Run a recipe to its end, or go on from its last checkpoint.

    Args:
        config: The resolved recipe.
        resume: Go on with the run of the same name.
        stop_at: Behave at this step as if asked to stop.

    Raises:
        TrainerError: If config or data cannot be used, or the loss is not finite.
    """
    data = read_data(config)
    fabric = build_fabric(config.loop)
    torch.manual_seed(config.seed)
    task = TASKS[config.task](config, data.train.targets_NC)
    optimizer = build_optimizer(task, config.optim)
    folder = claim(config, resume=resume)
    if not resume:
        write_record(folder, config, provenance=data.provenance, data_digest=data.digest)

    module, fabric_optimizer = fabric.setup(task, optimizer)
    state = RunState(task, optimizer, AveragedWeights(task.model, config.optim.ema_decay))
    if resume:
        state.restore(folder / CHECKPOINTS / "last", data)
    order = StepSampler(
        len(data.train), config.loop.batch_size, config.loop.epochs, config.seed, state.step, fabric.global_rank, fabric.world_size
    )

    with (
        MetricsLog(folder) as log,
        progress_for(order.num_steps) as progress,
        StopRequest() as stop,
        closing(batches(data, order, config)) as stream,
    ):
        progress.say(_opening(config, data, fabric, order))
        for batch in stream:
            lr = _set_learning_rate(optimizer, learning_rate(state.step, order.num_steps, config.optim))

            loss = module(fabric.to_device(batch))["loss"]
            fabric.backward(loss)
            grad_norm = fabric.clip_gradients(module, fabric_optimizer, max_norm=config.optim.clip_norm, error_if_nonfinite=False)
            _refuse_non_finite(loss, grad_norm, state.step, lr, batch, data.train)
            fabric_optimizer.step()
            fabric_optimizer.zero_grad()
            state.average.update(state.step)
            state.step += 1

            progress.advance(state.step, f"loss {loss.item():.4f}, val F2_CIW {100 * max(state.best_f2_ciw, 0.0):.2f} %")
            if state.step % config.loop.log_every_steps == 0:
                log.write("train", state.step, {"loss": loss.item(), "lr": lr, "grad_norm": float(grad_norm or 0.0)})
            if state.step % order.steps_per_epoch == 0:
                state.metrics = validate(state, fabric, data, config)
                log.write("val", state.step, state.metrics)
                best = state.metrics["f2_ciw"] > state.best_f2_ciw
                state.best_f2_ciw = max(state.metrics["f2_ciw"], state.best_f2_ciw)
                state.keep(folder, config, data, best=best)
                progress.say(_closing(state.step // order.steps_per_epoch, config, loss, state, best=best))
            if stop.asked or state.step == stop_at:
                break
        if state.step % order.steps_per_epoch:
            state.keep(folder, config, data, best=False)
    return TrainResult(folder, state.step, order.num_steps, state.best_f2_ciw, interrupted=state.step < order.num_steps)


def validate(state: RunState, fabric: Fabric, data: TrainingData, config: Config) -> dict[str, float]:
    """Headline figures of the averaged weights on the validation split, threshold 0.5."""
    model = copy.deepcopy(state.task.model)
    model.load_state_dict(state.average.state())
    with fabric.autocast():
        logits_NC = logits_of(model.eval(), eval_batches(data.val, config))
    return headline(metrics_of(logits_NC, data.val.targets_NC))


def _set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr


def _refuse_non_finite(loss: Tensor, grad_norm: Tensor | None, step: int, lr: float, batch: Batch, split: Split) -> None:
    """Stop before the optimiser makes every weight NaN, and say where to look."""
    norm = 0.0 if grad_norm is None else float(grad_norm)
    if math.isfinite(loss.item()) and math.isfinite(norm):
        return
    rows = batch.index_N.tolist()
    more = f" and {len(rows) - NUM_NAMED} more" if len(rows) > NUM_NAMED else ""
    raise NonFiniteLossError(
        f"loss {loss.item():g} with gradient norm {norm:g} at step {step}, learning rate {lr:.3g}, images "
        f"{', '.join(split.files[row] for row in rows[:NUM_NAMED])}{more}; lower optim.lr, or look at these images"
    )


def _opening(config: Config, data: TrainingData, fabric: Fabric, order: StepSampler) -> str:
    return (
        f"{config.task} {config.model.backbone} at {config.preprocess.width}x{config.preprocess.height} px on {data.provenance.name} "
        f"({data.provenance.kind}, {len(data.train)} train, {len(data.val)} val), "
        f"{fabric.device.type} {fabric.strategy.precision.precision}, steps {order.start} to {order.num_steps}"
    )


def _closing(epoch: int, config: Config, loss: Tensor, state: RunState, *, best: bool) -> str:
    figures = state.metrics
    return (
        f"epoch {epoch}/{config.loop.epochs}: loss {loss.item():.4f}, val F2_CIW {100 * figures['f2_ciw']:.2f} %, "
        f"F1_Normal {100 * figures['f1_normal']:.2f} %, mAP {100 * figures['mean_ap']:.2f} %{' (best)' if best else ''}"
    )
