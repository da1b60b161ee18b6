"""`train`: whether the training waits for its images; `benchmarks.training_input` as a verb with a record. Needs torch.

python -m benchmarks train RECIPE [part.field=value ...] [--quick] [--out results.jsonl]
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.options import add_out, bare_bench, number_of
from benchmarks.record import Setting
from edge_sdk.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The recipe."""
    parser.add_argument("recipe", type=Path)
    parser.add_argument("overrides", nargs="*", metavar="part.field=value")
    add_out(parser)
    parser.add_argument("--steps", type=int, help="timed steps of each kind in a repeat (20; --quick: 3)")
    parser.add_argument("--repeats", type=int, help="the best counts (3; --quick: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    steps, repeats = number_of(arguments, "steps", full=20, quick=3), number_of(arguments, "repeats", full=3, quick=1)
    if find_spec("torch") is None:
        raise BenchmarkError("train needs torch and the trainer's libraries; install them with 'pip install --group trainer' on a server")
    if not arguments.recipe.is_file():
        raise InputError(f"{arguments.recipe}: no such recipe; those of this checkout lie in trainer/recipes")
    from benchmarks.training_input import measure
    from trainer.config import config_from_yaml
    from trainer.errors import TrainerError

    bench = bare_bench(arguments, "train")
    try:
        config = config_from_yaml(arguments.recipe, arguments.overrides)
        figures = measure(config, num_steps=steps, repeats=repeats)
    except TrainerError as error:
        raise BenchmarkError(str(error)) from error
    settings: dict[str, Setting] = {
        "task": config.task, "backbone": config.model.backbone, "batch": config.loop.batch_size, "workers": config.data.workers,
        "policy": config.augment.policy, "input": f"{config.preprocess.width}x{config.preprocess.height}", "steps": steps,
    }  # fmt: skip
    found = {
        "images_per_s": figures.loaded, "images_per_s_in_memory": figures.in_memory, "ratio": figures.ratio,
        "loader_images_per_s_per_core": figures.loader_per_core,
    }  # fmt: skip
    bench.note("a step with loading against one in memory", figures=found, settings=settings)
    return 0
