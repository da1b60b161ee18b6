"""The training loop, to be read from top to bottom.

It knows batches, a task that returns a loss, an optimiser and a folder; not what is learnt. A run is a fixed number of steps: step
number and seed decide the data, the learning rate, the augmentation and every random number drawn in a step, so that a resumed run
equals an uninterrupted one bit for bit on a CPU. Under torchrun each process runs it over its share of every batch; the first one writes.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from lightning.fabric import Fabric

from edge_sdk.contract.manifest import Ancestor
from trainer.ancestry import ancestors_from, without_repeats
from trainer.config import Config
from trainer.data.loader import Batch, StepSampler
from trainer.data.repeats import warn_of_repeats
from trainer.data.training import TrainingData, batches, crops_stored_frames, read_data
from trainer.device import build_fabric, synchronise_batch_statistics
from trainer.errors import ConfigError, DataError
from trainer.evaluate.plots import write_plots
from trainer.gradients import clip, gradients_of, refuse_non_finite
from trainer.interrupt import StopRequest
from trainer.models.pretrained import LoadReport, read_weights
from trainer.processes import any_of_all, mean_of_all
from trainer.progress import progress_for
from trainer.run_folder import CHECKPOINTS, MetricsLog, claim, write_record
from trainer.run_state import RunState
from trainer.schedule import AveragedWeights, Moment, build_optimizer, scheduled_rate
from trainer.tasks import TASKS, Task
from trainer.validation import collapse_warning, validate


@dataclass(frozen=True)
class TrainResult:
    """How a run ended: the step reached of `num_steps`, the best validation F2_CIW (-1: none validated), and whether before its end."""

    run_dir: Path
    step: int
    num_steps: int
    best_f2_ciw: float
    interrupted: bool
    stopped_early: bool = False


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
    if not resume:
        warn_of_repeats(data.train, data.val)
    fabric = build_fabric(config.loop)
    torch.manual_seed(config.seed)
    task = TASKS[config.task](config, data.train.targets_NC).train()
    _check(config, task, fabric)
    report = None if resume else _start(task, config)
    if config.loop.compile:
        task.compile_backbones()
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        synchronise_batch_statistics(task)
    optimizer = build_optimizer(task, config.optim)
    folder = claim(config, resume=resume, fixed=("data.cache",) if crops_stored_frames(config, task.num_views) else ())
    ancestors = _ancestors(task, report)
    if fabric.is_global_zero and not resume:
        write_record(folder, config, provenance=data.provenance, data_digest=data.digest, weights=report, ancestors=ancestors)

    module, fabric_optimizer = fabric.setup(task, optimizer)
    module.mark_forward_method("training_step")
    average = AveragedWeights(task.kept_model(), config.optim.ema_decay if task.model_to_validate() else 0.0)
    state = RunState(task, optimizer, average, fabric.strategy.precision, ancestors=ancestors)
    if resume:
        state.restore(folder / CHECKPOINTS / "last", data)
    order = StepSampler(
        len(data.train), config.loop.batch_size, config.loop.epochs, config.seed, state.step, fabric.global_rank, fabric.world_size
    )

    with (
        MetricsLog(folder, state.step, quiet=not fabric.is_global_zero) as log,
        progress_for(order.num_steps, quiet=not fabric.is_global_zero) as progress,
        StopRequest() as stop,
        closing(batches(data, order, config, num_views=task.num_views)) as stream,
    ):
        progress.say(_opening(config, data, fabric, order))
        if report:
            progress.say(str(report))
        for batch in () if _out_of_patience(state, order, config) else _kept_on_error(stream, state, order, folder, config, data):
            at = Moment(state.step, order.num_steps, order.steps_per_epoch)
            lr = _set_learning_rate(optimizer, scheduled_rate(at, config.optim, batch_size=config.loop.batch_size))
            _seed_step(config.seed, at.step, fabric.global_rank)

            scalars = gradients_of(batch, module, fabric, at, num_pieces=config.loop.accumulate)
            task.before_step(at)
            grad_norm = clip(task, fabric, optimizer, config.optim)
            loss = scalars["loss"].item()
            refuse_non_finite(loss, grad_norm, at, lr, batch, data.train, scaled=config.loop.precision == "fp16")
            fabric_optimizer.step()
            fabric_optimizer.zero_grad()
            task.after_step(at)
            state.average.update(state.step)
            state.step += 1

            progress.advance(state.step, f"loss {loss:.4f}{state.headline()}")
            if state.step % config.loop.log_every_steps == 0:
                log.write("train", state.step, mean_of_all(fabric, scalars) | {"lr": lr, "grad_norm": grad_norm})
            if state.step % order.steps_per_epoch == 0:
                figures, f2_by_class = validate(state, fabric, data, config)
                best = state.take(figures)
                log.write("val", state.step, figures)
                log.write("val_f2", state.step, f2_by_class)
                state.keep(folder, config, data, best=best, write=fabric.is_global_zero)
                progress.say(f"epoch {at.epoch + 1}/{config.loop.epochs}: loss {loss:.4f}{state.summary()}")
                progress.say(collapse_warning(figures | {name: value.item() for name, value in scalars.items()}, config.dino))
            elif config.loop.save_every_steps and state.step % config.loop.save_every_steps == 0:
                state.keep(folder, config, data, best=False, write=fabric.is_global_zero)
            if any_of_all(fabric, stop.asked) or state.step == stop_at or _out_of_patience(state, order, config):
                break
        if state.step != state.kept_step:
            state.keep(folder, config, data, best=False, write=fabric.is_global_zero)

    early = _out_of_patience(state, order, config)
    ended = early or state.step == order.num_steps
    if ended and config.loop.plots and fabric.is_global_zero:
        write_plots(folder)
    fabric.barrier()
    return TrainResult(folder, state.step, order.num_steps, state.best_f2_ciw, interrupted=not ended, stopped_early=early)


def _check(config: Config, task: Task, fabric: Fabric) -> None:
    """What only config, task and processes together can tell."""
    if config.loop.batch_size % fabric.world_size:
        raise ConfigError(
            f"key 'loop.batch_size': {config.loop.batch_size} images cannot be shared equally by {fabric.world_size} processes"
        )
    if config.loop.patience_epochs and task.model_to_validate() is None:
        raise ConfigError(f"key 'loop.patience_epochs': task {config.task} has no F2_CIW to wait for; leave it at 0")


def _start(task: Task, config: Config) -> LoadReport | None:
    if config.model.weights is None:
        return None
    return task.start_from(read_weights(Path(config.model.weights)), keep_classifier=config.model.keep_classifier)


def _ancestors(task: Task, report: LoadReport | None) -> tuple[Ancestor, ...]:
    began = ancestors_from(Path(report.source), sha256=report.sha256) if report else ()
    return without_repeats((*began, *task.ancestors()))


def _kept_on_error(
    stream: Iterator[Batch], state: RunState, order: StepSampler, folder: Path, config: Config, data: TrainingData
) -> Iterator[Batch]:
    """The stream; if a batch cannot be read, the steps before it are kept first, so that the run goes on there when it was mended.

    The process that meets the error writes, whichever it is: the others stand at the same step and know nothing of it.
    """
    try:
        yield from stream
    except DataError as error:
        if not state.step:
            raise
        whole = replace(order, start=state.step, rank=0, world_size=1)
        state.keep(folder, config, data, best=False, doubted_rows=[draw.row for draw in next(iter(whole))])
        raise DataError(f"{error}; step {state.step} is kept: with the file mended, go on with --resume") from error


def _set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> float:
    for group in optimizer.param_groups:
        group["lr"] = lr
    return lr


def _seed_step(seed: int, step: int, rank: int) -> None:
    """Random numbers of a step (stochastic depth) follow from its number: no generator's state needs to be kept."""
    torch.manual_seed(int(np.random.SeedSequence((seed, step, rank)).generate_state(1, np.uint64)[0]) >> 1)


def _out_of_patience(state: RunState, order: StepSampler, config: Config) -> bool:
    patience = config.loop.patience_epochs
    return bool(patience) and state.step - state.best_step >= patience * order.steps_per_epoch


def _opening(config: Config, data: TrainingData, fabric: Fabric, order: StepSampler) -> str:
    processes = f", {fabric.world_size} processes" if fabric.world_size > 1 else ""
    return (
        f"{config.task} {config.model.backbone} at {config.preprocess.width}x{config.preprocess.height} px on {data.provenance.name} "
        f"({data.provenance.kind}, {len(data.train)} train, {len(data.val)} val), "
        f"{fabric.device.type} {fabric.strategy.precision.precision}{processes}, steps {order.start} to {order.num_steps}"
    )
