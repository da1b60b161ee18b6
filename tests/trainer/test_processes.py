"""Several processes under torchrun, with gloo on the CPU: the same figures as one, and as many after one of them was killed."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from trainer.run_folder import metrics_lines

ROOT = Path(__file__).parents[2]
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
PARTS = {
    "finetune": {},
    "dino": {"dino": {"hidden": 32, "bottleneck": 16, "prototypes": 32}},
    "hybrid": {"dino": {"hidden": 32, "bottleneck": 16, "prototypes": 32}},
    "distill": {"distill": {"feature_weight": 0.5}},
}

pytestmark = pytest.mark.slow


@pytest.fixture
def recipe(data_root: Path, tmp_path: Path) -> Path:
    tree = {
        "name": "tiny",
        "out": str(tmp_path / "runs"),
        "data": {"root": str(data_root), "workers": 0},
        "preprocess": {"height": 32, "width": 32},
        "model": {"backbone": "vit_tiny_patch16_224"},
        "optim": {"lr": 1e-4},  # Adam makes steps of this size out of rounding where a gradient is nearly zero
        "loop": {"epochs": 7, "batch_size": 4, "precision": "32", "threads": 1, "log_every_steps": 1, "device": "cpu", "plots": False},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def run(*command: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stderr


def figures(folder: Path, part: str) -> list[dict[str, Any]]:
    return [line for line in metrics_lines(folder) if line["part"] == part]


@pytest.mark.parametrize("task", PARTS)
def test_two_processes_have_the_losses_of_one(recipe: Path, tmp_path: Path, teacher: Path, task: str) -> None:
    tree = yaml.safe_load(recipe.read_text()) | PARTS[task] | {"task": task}
    tree["distill"] = tree.get("distill", {}) | {"teacher": str(teacher)}
    recipe.write_text(yaml.safe_dump(tree))
    verb = task if task in ("finetune", "distill") else "pretrain"

    run(sys.executable, "-m", "trainer.cli", verb, str(recipe), "name=one")
    run(*TORCHRUN, "-m", "trainer.cli", verb, str(recipe), "name=two", "loop.accumulate=2")  # images one by one: the mean is the same

    one, two = (tmp_path / "runs" / name for name in ("one", "two"))
    losses = [[line["loss"] for line in figures(folder, "train")] for folder in (one, two)]
    assert len(losses[0]) == 21
    np.testing.assert_allclose(losses[1], losses[0], rtol=0, atol=1e-5)
    for mine, other in zip(figures(one, "val"), figures(two, "val"), strict=True):
        assert mine.keys() == other.keys()
        np.testing.assert_allclose([mine[key] for key in mine if key != "part"], [other[key] for key in mine if key != "part"], atol=1e-3)


def test_run_whose_worker_was_killed_ends_with_the_figures_of_an_undisturbed_one(recipe: Path, tmp_path: Path) -> None:
    run(*TORCHRUN, "-m", "trainer.cli", "finetune", str(recipe), "name=calm")
    talk = run(*TORCHRUN, "--max-restarts", "1", str(Path(__file__).with_name("dying_worker.py")), "finetune", str(recipe), "name=shaken")

    assert "steps 6 to 21" in talk
    assert metrics_lines(tmp_path / "runs" / "calm") == metrics_lines(tmp_path / "runs" / "shaken")


def test_batch_that_processes_cannot_share_is_refused(recipe: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [*TORCHRUN, "-m", "trainer.cli", "finetune", str(recipe), "loop.batch_size=3"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, env=environment)

    assert result.returncode != 0
    assert "error: key 'loop.batch_size': 3 images cannot be shared equally by 2 processes" in result.stderr
