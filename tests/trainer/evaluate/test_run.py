import base64
import csv
import json
import re
import shutil
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge_sdk.contract.metrics import sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from tests.trainer.folders import DATASET, random_targets, write_split
from trainer.cli import main
from trainer.config import config_from_tree
from trainer.evaluate.report import EvaluationReport
from trainer.evaluate.run import evaluate_checkpoint
from trainer.loop import train
from trainer.run_folder import best_checkpoint

RENDERED = "name: painted & <b>odd</b> $et\nkind: rendered\nlicence: Apache-2.0\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` and the checkpoint of a short run on it; training it is the slow part."""
    home = tmp_path_factory.mktemp("trained")
    for seed, (split, num) in enumerate({"Train": 12, "Val": 6, "Test": 4}.items()):
        write_split(home / "data", split, random_targets(num, seed))
    (home / "data" / "DATASET.yaml").write_text(DATASET)
    train(config_from_tree(tree(home / "data", home), "test"))
    return home


@pytest.fixture
def checkpoint(trained: Path) -> Path:
    return best_checkpoint(trained / "runs" / "tiny")


@pytest.fixture
def data_root(trained: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(trained / "data", tmp_path / "data"))


def tree(data: Path, home: Path, **stated: str) -> dict[str, object]:
    return {
        "name": "tiny",
        "out": str(home / "runs"),
        "data": {"root": str(data), "workers": 0, **stated},
        "preprocess": {"height": 32, "width": 32},
        "loop": {"epochs": 1, "batch_size": 4, "precision": "32", "threads": 2},
    }


def evaluate(checkpoint: Path, data_root: Path, out: Path, *arguments: str) -> int:
    command = ["evaluate", "--checkpoint", str(checkpoint), "--data", str(data_root), "--out", str(out), "--workers", "0"]
    return main([*command, "--resamples", "20", *arguments])


def report_of(out: Path) -> EvaluationReport:
    return msgspec.json.decode((out / "evaluation.json").read_bytes(), type=EvaluationReport)


def test_figures_are_the_contracts_on_the_models_scores(checkpoint: Path, data_root: Path, tmp_path: Path) -> None:
    from trainer.checkpoint import load_model
    from trainer.data.sewer_ml import read_split
    from trainer.data.training import eval_batches
    from trainer.evaluate.scores import logits_of

    report = evaluate_checkpoint(checkpoint, data_root, tmp_path / "out", workers=0, num_resamples=20)

    model, _, config = load_model(checkpoint)
    split = read_split(data_root, "Test")
    scores_NC = 1 / (1 + np.exp(-logits_of(model, eval_batches(split, config)).astype(np.float64)))
    metrics = sewer_metrics(scores_NC, split.targets_NC, taxonomy().ciw)
    assert (report.data_name, report.split, report.num_images) == ("random", "Test", 4)
    assert (report.f2_ciw.value, report.f1_normal.value, report.mean_ap.value) == pytest.approx(
        (metrics.f2_ciw, metrics.f1_normal, metrics.mean_ap)
    )
    assert [row.f2.value for row in report.classes] == pytest.approx(metrics.f2_C.tolist())
    assert [row.num_positive for row in report.classes] == metrics.num_positive_C.tolist()
    assert [row.threshold for row in report.classes] == [0.5] * 17
    assert len(report.calibration) == 2
    assert np.shape(report.confusion) == (18, 18)


def test_all_four_files_say_the_same_under_the_data_sets_name(
    checkpoint: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    assert evaluate(checkpoint, data_root, out) == 0

    report, text = report_of(out), (out / "evaluation.txt").read_text(encoding="utf-8")
    assert capsys.readouterr().out == text
    assert text.startswith("random (other frames: these are not Sewer-ML figures)\n")
    f2 = f"{100 * report.f2_ciw.value:.2f} %"
    page = (out / "evaluation.html").read_text(encoding="utf-8")
    assert f2 in text
    assert f2 in page
    with (out / "evaluation.csv").open(newline="") as file:
        rows = {row["class"]: row for row in csv.DictReader(file)}
    assert list(rows) == [*taxonomy().codes, "Normal", "F2_CIW", "mAP"]
    assert float(rows["F2_CIW"]["f2"]) == report.f2_ciw.value
    assert float(rows["Normal"]["f1"]) == report.f1_normal.value
    assert {row["data"] for row in rows.values()} == {"random"}


def test_page_holds_its_plots_and_escapes_what_it_is_told(checkpoint: Path, data_root: Path, tmp_path: Path) -> None:
    (data_root / "DATASET.yaml").write_text(RENDERED)

    assert evaluate(checkpoint, data_root, tmp_path / "out") == 0

    page = (tmp_path / "out" / "evaluation.html").read_text(encoding="utf-8")
    assert "<h1>painted &amp; &lt;b&gt;odd&lt;/b&gt; $et (rendered frames: these are not Sewer-ML figures)</h1>" in page
    assert "<b>" not in page
    assert "trained on random, measured on painted" in page
    plots = [np.frombuffer(base64.b64decode(plot), np.uint8) for plot in re.findall(r"base64,([^\"]+)", page)]
    assert len(plots) == 4
    assert all(cv2.imdecode(plot, cv2.IMREAD_COLOR) is not None for plot in plots)
    assert not re.search(r"(src|href)=\"http", page)


def test_tuned_thresholds_are_named_so(checkpoint: Path, data_root: Path, tmp_path: Path) -> None:
    assert evaluate(checkpoint, data_root, tmp_path / "out", "--thresholds", "tuned") == 0

    assert report_of(tmp_path / "out").threshold_origin == "tuned-on-validation"
    assert "tuned on Val for F2" in (tmp_path / "out" / "evaluation.txt").read_text()
    assert "fixed 0.5" not in (tmp_path / "out" / "evaluation.txt").read_text()


@pytest.mark.parametrize(("split", "remark"), [("Val", "tuned on these very images"), ("Train", "these images were trained on")])
def test_figures_that_flatter_say_so(checkpoint: Path, data_root: Path, tmp_path: Path, split: str, remark: str) -> None:
    assert evaluate(checkpoint, data_root, tmp_path / "out", "--thresholds", "tuned", "--split", split) == 0

    assert any(remark in line for line in report_of(tmp_path / "out").remarks)


def test_without_val_there_is_no_temperature_and_nothing_to_tune_on(
    checkpoint: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_root / "SewerML_Val.csv").unlink()

    assert evaluate(checkpoint, data_root, tmp_path / "out") == 0
    assert [calibration.temperature for calibration in report_of(tmp_path / "out").calibration] == [1.0]
    assert evaluate(checkpoint, data_root, tmp_path / "tuned", "--thresholds", "tuned") == 1
    assert "SewerML_Val.csv" in capsys.readouterr().err
    assert not (tmp_path / "tuned").exists()


def test_rendered_frames_never_stand_under_sewer_mls_name(
    checkpoint: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("Sewer-ML", "my SewerML", "sewer_ml 2"):
        (data_root / "DATASET.yaml").write_text(f"name: {name}\nkind: rendered\nlicence: none\n")

        assert evaluate(checkpoint, data_root, tmp_path / "out") == 1
        assert "must not be called" in capsys.readouterr().err


def test_a_folder_without_a_name_is_taken_only_for_what_was_trained_on(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data_root / "DATASET.yaml").unlink()
    stated = {"name": "Sewer-ML", "kind": "sewer-ml", "licence": "CC BY-NC-SA 4.0"}
    checkpoint = best_checkpoint(train(config_from_tree(tree(data_root, tmp_path, **stated), "test")).run_dir)

    assert evaluate(checkpoint, data_root, tmp_path / "same") == 0
    assert report_of(tmp_path / "same").data_name == "Sewer-ML"

    cv2.imwrite(str(data_root / "Train" / "00000001.png"), np.zeros((40, 40, 3), np.uint8))
    assert evaluate(checkpoint, data_root, tmp_path / "other") == 1
    assert "has no DATASET.yaml" in capsys.readouterr().err


def test_output_in_use_is_refused_before_anything_is_measured(
    checkpoint: Path, data_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(checkpoint, data_root, data_root) == 1
    assert "is not empty" in capsys.readouterr().err


def test_json_has_null_where_no_image_could_tell(checkpoint: Path, data_root: Path, tmp_path: Path) -> None:
    (data_root / "DATASET.yaml").write_text(DATASET)
    assert evaluate(checkpoint, data_root, tmp_path / "out") == 0

    tree = json.loads((tmp_path / "out" / "evaluation.json").read_text())

    absent = [c for c, row in enumerate(tree["classes"]) if row["num_positive"] == 0]
    assert absent
    assert all(tree["confusion"][c][c] is None for c in absent)
