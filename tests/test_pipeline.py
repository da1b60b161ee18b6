"""The whole way: rendered frames, smoke recipe, ONNX, signed bundle, inspection, report - through the commands a user types."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.cli import main as sewer_edge
from edge_sdk.records import inspection_from_json
from trainer.cli import main as trainer

ROOT = Path(__file__).parents[1]


def test_smoke_recipe_to_report(tmp_path: Path) -> None:
    """A short walk: two epochs of few frames teach nothing, but every file must come out and fit the next step."""
    data, key = tmp_path / "data", tmp_path / "smoke.key"
    frames = ["--train", "64", "--val", "32", "--test", "16", "--size", "176x144", "--workers", "2"]
    recipe = [str(ROOT / "trainer/recipes/smoke.yaml"), f"data.root={data}", f"out={tmp_path / 'runs'}", "loop.epochs=2", "data.workers=0"]

    assert trainer(["synth", "frames", "--out", str(data), *frames]) == 0
    assert trainer(["finetune", *recipe]) == 0
    assert trainer(["export", str(tmp_path / "runs" / "smoke"), "--out", str(tmp_path / "export")]) == 0
    assert trainer(["keygen", str(key)]) == 0
    assert trainer(["pack", str(tmp_path / "export"), "--key", str(key), "--out", str(tmp_path / "smoke.bundle")]) == 0
    assert trainer(["synth", "drive", "--out", str(tmp_path / "drive"), "--length-m", "1.5", "--fps", "5", "--size", "176x144"]) == 0
    assert sewer_edge(["selftest", str(tmp_path / "smoke.bundle"), "--trust", f"{key}.pub"]) == 0

    drive = ["run", str(tmp_path / "drive" / "drive.mp4"), "--odometer", str(tmp_path / "drive" / "odometer.csv")]
    model = ["--bundle", str(tmp_path / "smoke.bundle"), "--trust", f"{key}.pub", "--out", str(tmp_path / "out")]
    assert sewer_edge([*drive, *model]) == 0

    inspection = inspection_from_json((tmp_path / "out" / "report.json").read_bytes())
    assert inspection.model.data_kind == "rendered" and inspection.coverage.to_m == pytest.approx(1.5, abs=0.1)
    assert "rendered" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_pipeline_script_walks_the_whole_way_in_five_minutes(tmp_path: Path) -> None:
    bin_dir = Path(sys.executable).parent
    env = {**os.environ, "PYTHON": sys.executable, "SEWER_EDGE": str(bin_dir / "sewer-edge")}

    subprocess.run([ROOT / "deploy" / "pipeline.sh", tmp_path / "out"], cwd=ROOT, env=env, check=True, timeout=300)

    inspection = inspection_from_json((tmp_path / "out" / "inspection" / "report.json").read_bytes())
    assert inspection.status == "complete"
    assert inspection.model.f1_normal is not None and inspection.model.f1_normal > 0.5
