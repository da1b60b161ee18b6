import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import trainer.study.cell
from tests.trainer.folders import random_targets, write_split
from tests.trainer.study.two_cells import DINO, FINETUNE, MACHINE, VIT_TINY, results, run
from trainer.cli import main
from trainer.config import Config, config_from_tree
from trainer.errors import NonFiniteLossError
from trainer.loop import TrainResult, train
from trainer.study import run as study_run
from trainer.study.run import Study, open_study
from trainer.study.scale import Scale, scale_named
from trainer.study.table2 import Cell, cells_of


def reproduce(data: Path, out: Path, *arguments: str, table: str = "table2") -> int:
    return main(["reproduce", table, "--data", str(data), "--out", str(out), "--threads", "1", "--workers", "0", *arguments])


@pytest.fixture
def two_cells(monkeypatch: pytest.MonkeyPatch, micro: Scale) -> None:
    """The command runs the two cells of the micro scale."""
    monkeypatch.setitem(study_run.TABLES, "table2", lambda _: [DINO, FINETUNE])
    monkeypatch.setattr("trainer.study.scale.scale_named", lambda name: micro if name == "tiny" else scale_named(name))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs that were trained."""
    names: list[str] = []

    def counted(config: Config, *, resume: bool = False) -> TrainResult:
        names.append(config.name)
        return train(config, resume=resume)

    monkeypatch.setattr(trainer.study.cell, "train", counted)
    return names


@pytest.fixture
def copied(finished_study: Study, tmp_path: Path) -> Path:
    """The finished study, to be changed."""
    shutil.copytree(finished_study.out, tmp_path / "out", symlinks=True)
    return tmp_path / "out"


def test_each_cell_leaves_its_config_its_run_and_its_result(finished_study: Study) -> None:
    dino, finetune = results(finished_study)
    out = finished_study.out

    assert dino.rankme is not None
    assert (dino.f2_ciw, dino.weights_sha256, dino.num_train) == (None, None, 24)
    assert finetune.f2_ciw is not None
    assert finetune.f2_ciw.low <= finetune.f2_ciw.high
    assert (finetune.rankme, finetune.weights_sha256, finetune.num_train) == (None, dino.model_sha256, 12)
    assert finetune.settings["data.fraction"] == 0.5
    evaluation = json.loads((out / "evaluations" / FINETUNE.name / "evaluation.json").read_text())
    assert evaluation["f2_ciw"]["value"] == finetune.f2_ciw.value
    assert (evaluation["split"], evaluation["num_images"], evaluation["threshold_origin"]) == ("Test", 8, "protocol-0.5")
    recipe = config_from_tree(yaml.safe_load((out / "recipes" / f"{FINETUNE.name}.yaml").read_text()), "recipe")
    assert recipe == finished_study.config(FINETUNE)


@pytest.mark.usefixtures("two_cells")
def test_finished_cells_are_not_trained_again(study_data: Path, copied: Path, calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (copied / "cells").iterdir()}

    assert reproduce(study_data, copied) == 0

    said = capsys.readouterr()
    assert calls == []
    assert {path: path.stat().st_mtime_ns for path in (copied / "cells").iterdir()} == before
    assert "ours on painted" in said.out
    assert "2 of 2 cells done" in said.err
    assert {path.name for path in copied.glob("*.*")} == {
        "study.json", "table2.md", "table2.csv", "table2.json", "table2.html", "label_efficiency.png",
    }  # fmt: skip


def test_removed_cell_is_trained_again_and_no_other(micro: Scale, study_data: Path, copied: Path, calls: list[str]) -> None:
    (copied / "cells" / f"{DINO.name}.json").unlink()
    shutil.rmtree(copied / "runs" / DINO.name)
    study = open_study("table2", "tiny", micro, data_root=study_data, out=copied, machine=MACHINE)

    outcomes = run(study, [DINO, FINETUNE])

    assert calls == [DINO.name]
    assert [outcome.failure for outcome in outcomes] == [None, None]


@pytest.mark.usefixtures("two_cells")
def test_interrupted_cell_goes_on_and_ends_as_an_undisturbed_one(
    finished_study: Study,
    study_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(trainer.study.cell, "train", lambda config, *, resume: train(config, resume=resume, stop_at=2))
    assert reproduce(study_data, tmp_path / "out") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "out" / "cells").exists()
    monkeypatch.undo()
    monkeypatch.setitem(study_run.TABLES, "table2", lambda _: [DINO])
    monkeypatch.setattr("trainer.study.scale.scale_named", lambda _: finished_study.scale)

    assert reproduce(study_data, tmp_path / "out") == 0

    went_on = Study(tmp_path / "out", study_data, finished_study.record, finished_study.scale, 1, MACHINE)
    assert results(went_on, [DINO])[0].model_sha256 == results(finished_study)[0].model_sha256
    assert "steps 2 to 6" in capsys.readouterr().err


@pytest.mark.usefixtures("two_cells")
def test_failing_cell_stands_in_the_table_and_the_rest_goes_on(
    study_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trained: list[str] = []

    def failing(config: Config, *, resume: bool) -> TrainResult:
        trained.append(config.name)
        raise NonFiniteLossError("step 3: the loss is nan")

    random = Cell(VIT_TINY, "finetune", percent=50)
    monkeypatch.setitem(study_run.TABLES, "table2", lambda _: [DINO, FINETUNE, random])
    monkeypatch.setattr(trainer.study.cell, "train", failing)

    assert reproduce(study_data, tmp_path / "out") == 1

    said = capsys.readouterr()
    rows = said.out.splitlines()[-3:]
    assert trained == [DINO.name, random.name]
    assert "failed: step 3: the loss is nan" in rows[0]
    assert f"failed: needs {DINO.name}" in rows[1]
    assert said.err.splitlines()[-1].startswith("error: 3 of 3 cells failed")


def test_cell_whose_weights_have_changed_is_reported(micro: Scale, study_data: Path, copied: Path, calls: list[str]) -> None:
    path = copied / "cells" / f"{DINO.name}.json"
    path.write_text(path.read_text().replace(json.loads(path.read_text())["model_sha256"], "0" * 64))
    study = open_study("table2", "tiny", micro, data_root=study_data, out=copied, machine=MACHINE)

    outcomes = run(study, [DINO, FINETUNE])

    assert calls == []
    assert "started from other weights" in (outcomes[1].failure or "")


def test_cell_measured_with_other_settings_is_reported(micro: Scale, study_data: Path, copied: Path, calls: list[str]) -> None:
    micro.dino["dino.hidden"] = 16
    try:
        study = open_study("table2", "tiny", micro, data_root=study_data, out=copied, machine=MACHINE)
        outcomes = run(study, [DINO])
    finally:
        micro.dino["dino.hidden"] = 32

    assert calls == []
    assert "another dino.hidden" in (outcomes[0].failure or "")


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["nothing", "table9", "tiny"], "table 'table9' is unknown; choose one of table2"),
        (["nothing", "table2", "huge"], "scale 'huge' is unknown; choose one of tiny, small, full"),
        (["no_val", "table2", "tiny"], "SewerML_Val.csv"),
        (["nowhere", "table2", "tiny"], "SewerML_Train.csv"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], named: str, study_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, table, scale = tmp_path / arguments[0], *arguments[1:]
    if arguments[0] != "nowhere":
        shutil.copytree(study_data, data)
        (data / "SewerML_Val.csv").unlink()

    assert reproduce(data, tmp_path / "out", "--scale", scale, table=table) == 1

    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert named in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_folder_of_another_study_is_refused(study_data: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other"
    shutil.copytree(study_data, other)
    shutil.rmtree(other / "Val")
    (other / "SewerML_Val.csv").unlink()
    write_split(other, "Val", np.ones_like(random_targets(8)))
    stray = tmp_path / "stray"
    stray.mkdir()
    (stray / "letter.txt").touch()

    codes = [reproduce(study_data, copied, "--scale", "small"), reproduce(other, copied), reproduce(study_data, stray)]

    errors = capsys.readouterr().err.splitlines()
    assert codes == [1, 1, 1]
    assert len(errors) == 3
    assert all(part in line for part, line in zip(["scale tiny, not small", "other images or labels", "not empty"], errors, strict=True))


def test_rendered_frames_must_not_be_called_sewer_ml(study_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(study_data, tmp_path / "data")
    (tmp_path / "data" / "DATASET.yaml").write_text("name: my Sewer-ML\nkind: rendered\nlicence: none\n")

    assert reproduce(tmp_path / "data", tmp_path / "out") == 1

    assert "must not be called" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["tiny", "small", "full"])
def test_every_cell_of_every_scale_has_a_config(name: str, tmp_path: Path, study_data: Path) -> None:
    scale = scale_named(name)

    study = open_study("table2", name, scale, data_root=study_data, out=tmp_path / "out", machine=MACHINE)

    cells = cells_of(scale)
    assert len({cell.name for cell in cells}) == len(cells) == 2 * (3 + 2 * len(scale.fractions))
    for cell in cells:
        config = study.config(cell)
        assert config.name == cell.name
        assert config.optim.schedule != "steps" or config.optim.step_epochs[-1] < config.loop.epochs
        assert all(cells.index(cell.needs) < cells.index(cell) for cell in cells if cell.needs)
        assert (config.model.weights is None) == (cell.needs is None)
        assert study.workload(cell) > 0
