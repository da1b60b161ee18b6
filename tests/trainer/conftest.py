"""Tiny data folders in Sewer-ML's layout, and a config that trains on one in a second."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.trainer.folders import DATASET, random_targets, write_split
from trainer.config import Config, config_from_tree
from trainer.loop import train


@pytest.fixture(autouse=True)
def _few_threads_and_one_seed() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)  # or a test's numbers would depend on which ran before it


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    """12 training, 6 validation and 4 test images."""
    root = tmp_path / "data"
    for seed, (split, num) in enumerate({"Train": 12, "Val": 6, "Test": 4}.items()):
        write_split(root, split, random_targets(num, seed))
    (root / "DATASET.yaml").write_text(DATASET)
    return root


@pytest.fixture
def tiny(data_root: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Config]:
    """Configs of a run of 5 steps an epoch at 32 px, task distill with a teacher; keyword arguments replace whole parts."""

    def build(**parts: object) -> Config:
        tree: dict[str, object] = {
            "name": "tiny",
            "out": str(tmp_path / "runs"),
            "data": {"root": str(data_root), "workers": 0},
            "preprocess": {"height": 32, "width": 32},
            "loop": {"epochs": 2, "batch_size": 2, "precision": "32", "threads": 2, "log_every_steps": 2, "plots": False},
        }
        if parts.get("task") == "distill":
            tree["distill"] = {"teacher": str(request.getfixturevalue("teacher"))}
        return config_from_tree(tree | parts, "test")

    return build


@pytest.fixture(scope="session")
def _teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("teacher")
    for seed, (split, num) in enumerate({"Train": 12, "Val": 6}.items()):
        write_split(folder / "data", split, random_targets(num, seed))
    (folder / "data" / "DATASET.yaml").write_text(DATASET)
    tree = {
        "name": "teacher",
        "out": str(folder),
        "data": {"root": str(folder / "data"), "workers": 0},
        "preprocess": {"height": 32, "width": 32},
        "loop": {"epochs": 2, "batch_size": 4, "precision": "32", "threads": 2, "plots": False},
    }
    return train(config_from_tree(tree, "test")).run_dir


@pytest.fixture
def teacher(_teacher: Path, tmp_path: Path) -> Path:
    """A run's folder with a ResNet-18 at 32 px, trained for a few steps, that a test may change."""
    folder = tmp_path / "teacher"
    shutil.copytree(_teacher, folder, symlinks=True, ignore=shutil.ignore_patterns("state.pt", "tensorboard"))
    return folder
