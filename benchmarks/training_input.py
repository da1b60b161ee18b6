"""Does the training wait for its images? A full step with real loading and augmentation against the same step on tensors in memory.

    python -m benchmarks.training_input RECIPE [part.field=value ...] [--steps 20] [--repeats 3]

Three figures: images/s with loading (`data.workers` loader processes beside the training), images/s of the same steps on batches that are
already tensors, and their ratio (1: loading costs nothing; on a CPU, where both share the cores, 0.9 is the aim). Then the loader alone,
in this process, by CPU time: images/s per core, which does not depend on what else the machine does. Both kinds of steps run in turns in
one process, and the best of the repeats counts, because other programs can only make them slower.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import torch
from msgspec.structs import replace

from trainer.config import Config, config_from_yaml
from trainer.data.loader import Batch, StepSampler
from trainer.data.training import TrainingData, batches, read_data
from trainer.device import build_fabric
from trainer.errors import DataError, TrainerError
from trainer.gradients import clip, gradients_of
from trainer.schedule import Moment, build_optimizer
from trainer.tasks import TASKS

PREFETCHED = 4  # batches per loader process that may lie ready and would flatter the first steps (loader.py)
NUM_KEPT = 4  # batches in memory, taken in turns
ENDLESS = 1_000_000  # epochs

Step = Callable[[Batch], None]


class InputFigures(NamedTuple):
    """Images per second: with loading, in memory, and of the loader alone per core."""

    loaded: float
    in_memory: float
    loader_per_core: float

    @property
    def ratio(self) -> float:
        """What is left of the speed in memory."""
        return self.loaded / self.in_memory


def measure(config: Config, *, num_steps: int, repeats: int) -> InputFigures:
    """Run both kinds of steps in turns.

    Raises:
        TrainerError: If config or data cannot be used.
    """
    data = read_data(config)
    step, num_views = _training_step(config, data)
    order = StepSampler(len(data.train), config.loop.batch_size, ENDLESS, config.seed)
    skipped = PREFETCHED * config.data.workers + 2
    with closing(batches(data, order, config, num_views=num_views)) as stream:
        kept = list(islice(stream, NUM_KEPT))
        loaded_s, in_memory_s = [], []
        for _ in range(repeats):
            _timed(step, stream, skipped)
            loaded_s.append(_timed(step, stream, num_steps))
            _timed(step, cycle(kept), 2)
            in_memory_s.append(_timed(step, cycle(kept), num_steps))
    num_images = num_steps * config.loop.batch_size
    alone = _loader_alone(config, data, num_views, num_batches=max(num_steps // 2, 1))
    return InputFigures(num_images / min(loaded_s), num_images / min(in_memory_s), alone)


def _training_step(config: Config, data: TrainingData) -> tuple[Step, int]:
    """The loop's step without its log, and how many views the task wants."""
    fabric = build_fabric(config.loop)
    torch.manual_seed(config.seed)
    task = TASKS[config.task](config, data.train.targets_NC).train()
    module, optimizer = fabric.setup(task, build_optimizer(task, config.optim))
    module.mark_forward_method("training_step")
    at = Moment(0, 1000, 100)

    def step(batch: Batch) -> None:
        loss = gradients_of(batch, module, fabric, at, num_pieces=config.loop.accumulate)["loss"]
        task.before_step(at)
        clip(task, fabric, optimizer.optimizer, config.optim)
        optimizer.step()
        optimizer.zero_grad()
        task.after_step(at)
        loss.item()  # as the loop does: waits for a GPU

    return step, task.num_views


def _timed(step: Step, stream: Iterator[Batch], num: int) -> float:
    start_s = time.perf_counter()
    for batch in islice(stream, num):
        step(batch)
    return time.perf_counter() - start_s


def _loader_alone(config: Config, data: TrainingData, num_views: int, *, num_batches: int) -> float:
    alone = replace(config, data=replace(config.data, workers=0))
    order = StepSampler(len(data.train), config.loop.batch_size, ENDLESS, config.seed + 1)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with closing(batches(data, order, alone, num_views=num_views)) as stream:
        next(stream)
        start_s = time.process_time()
        num_images = sum(len(batch.index_N) for batch in islice(stream, num_batches))
        spent_s = time.process_time() - start_s
    torch.set_num_threads(threads)
    return num_images / spent_s


def report(config: Config, figures: InputFigures, data_name: str) -> str:
    """The figures and what they were measured with."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() and config.loop.device != "cpu" else "CPU"
    return "\n".join(
        [
            f"{config.task} {config.model.backbone}, {config.preprocess.width}x{config.preprocess.height} px, "
            f"batch {config.loop.batch_size}, augment.policy {config.augment.policy}, cache {config.data.cache}, on {data_name}",
            f"{device}, {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), {torch.get_num_threads()} threads of torch, "
            f"{config.data.workers} loader processes, torch {torch.__version__}",
            f"with loading    {figures.loaded:8.1f} images/s",
            f"in memory       {figures.in_memory:8.1f} images/s",
            f"ratio           {figures.ratio:8.3f}",
            f"loader alone    {figures.loader_per_core:8.1f} images/s per core (CPU time)",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training_input", description="Does the training wait for its images?")
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="part.field=value")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of each kind in a repeat (20)")
    parser.add_argument("--repeats", type=int, default=3, help="the best counts (3)")
    args = parser.parse_args(argv)
    try:
        if min(args.steps, args.repeats) < 1:
            raise DataError("give --steps and --repeats at least 1")
        config = config_from_yaml(args.recipe, args.overrides)
        print(report(config, measure(config, num_steps=args.steps, repeats=args.repeats), read_data(config).provenance.name))
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
