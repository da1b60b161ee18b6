from pathlib import Path

import numpy as np
import pytest

from benchmarks.label_file import measure, write_labels
from benchmarks.training_input import main
from tests.trainer.folders import DATASET, random_targets, write_split
from trainer.data.sewer_ml import read_split


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for split, num in {"Train": 8, "Val": 2}.items():
        write_split(tmp_path / "data", split, random_targets(num))
    (tmp_path / "data" / "DATASET.yaml").write_text(DATASET)
    path = tmp_path / "tiny.yaml"
    path.write_text(
        f"name: tiny\ndata: {{root: '{tmp_path / 'data'}', workers: 0}}\npreprocess: {{height: 32, width: 32}}\n"
        "loop: {batch_size: 4, threads: 1, precision: '32', device: cpu}\n"
    )
    return path


@pytest.mark.parametrize("overrides", [[], ["task=dino", "dino.prototypes=64", "dino.hidden=32", "augment.policy=paper"]])
def test_report_names_the_data_and_every_figure(recipe: Path, overrides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(recipe), *overrides, "--steps", "1", "--repeats", "1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith("on random")
    loaded, in_memory, ratio, alone = (float(line.split()[2]) if "ratio" not in line else float(line.split()[1]) for line in lines[2:])
    assert min(loaded, in_memory, alone) > 0
    half = 0.05  # of the last digit: a slow machine has few images a second
    assert (loaded - half) / (in_memory + half) - 0.001 <= ratio <= (loaded + half) / (in_memory - half) + 0.001


def test_unusable_recipe_is_one_line(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(recipe), "loop.batch_size=9"]) == 1
    assert main([str(recipe), "--steps", "0"]) == 1
    assert [line[:7] for line in capsys.readouterr().err.splitlines()] == ["error: "] * 2


def test_generated_label_file_is_read_whole(tmp_path: Path) -> None:
    write_labels(tmp_path, 300)

    figures = measure(tmp_path)

    targets_NC = read_split(tmp_path, "Train").targets_NC
    assert figures["rows"] == len(targets_NC) == 300
    assert figures["peak_mb"] >= figures["import_mb"] > 0
    assert 0 < np.count_nonzero(targets_NC) < targets_NC.size / 2
