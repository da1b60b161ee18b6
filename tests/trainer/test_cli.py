import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import run_golden
from edge_sdk.errors import UntrustedBundleError
from edge_sdk.runtime.onnx import OnnxSession
from trainer.cli import build_parser, main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def recipe(data_root: Path, tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"name: tiny\nout: {tmp_path / 'runs'}\ndata: {{root: {data_root}, workers: 0}}\npreprocess: {{height: 32, width: 32}}\n"
        "loop: {epochs: 1, batch_size: 6, precision: '32', threads: 2}\n"
    )
    return path


def test_recipe_becomes_a_bundle_that_opens_and_passes_its_golden_frames(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, export, key, bundle_path = tmp_path / "runs" / "tiny", tmp_path / "export", tmp_path / "signing", tmp_path / "tiny.bundle"

    assert main(["finetune", str(recipe)]) == 0
    assert main(["export", str(run), "--out", str(export), "--stored-as", "int8", "--threads", "1"]) == 0
    assert main(["keygen", str(key)]) == 0
    assert main(["pack", str(export), "--key", str(key), "--out", str(bundle_path), "--name", "trial", "--version", "1.2.3"]) == 0

    assert capsys.readouterr().out.splitlines() == [str(run), str(export), f"{key}.pub", str(bundle_path)]
    bundle = Bundle.open(bundle_path, trust=[Path(f"{key}.pub")])
    manifest = bundle.manifest
    assert (manifest.name, manifest.version, manifest.graphs[0].stored_as) == ("trial", "1.2.3", "int8")
    assert [(e.split, e.num_images, e.thresholds) for e in manifest.evaluation] == [
        ("Val", 6, "protocol-0.5"),
        ("Test", 4, "protocol-0.5"),
        ("Val", 6, "tuned-on-validation"),
        ("Test", 4, "tuned-on-validation"),
    ]
    assert manifest.training.data_name == "random"
    assert "Licence of the data: none" in bundle.read(manifest.model_card).decode()
    session = OnnxSession(bundle.read(manifest.graphs[0].file), threads=1)
    assert run_golden(bundle.golden(), bundle.read, session.run, spec=manifest.preprocess, precision="fp32").max_abs_dp < 1e-3
    with pytest.raises(UntrustedBundleError):
        Bundle.open(bundle_path)


def test_export_on_changed_data_is_refused(recipe: Path, data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["finetune", str(recipe)]) == 0
    (data_root / "Val" / "00000001.png").write_bytes(b"another")

    assert main(["export", str(tmp_path / "runs" / "tiny"), "--out", str(tmp_path / "export")]) == 1

    assert "is not what" in capsys.readouterr().err
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["finetune", "nowhere.yaml"], "nowhere.yaml"),
        (["export", "nowhere", "--out", "out"], "nowhere"),
        (["pack", "nowhere", "--unsigned", "--out", "out"], "nowhere"),
        (["synth", "frames", "--out", "out"], "--num"),
    ],
)
def test_error_is_one_line_and_exit_code_1(
    arguments: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 1

    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert named in err
    assert len(err.splitlines()) == 1


def test_usage_error_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["dance"])

    assert caught.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_verbs_are_frozen() -> None:
    verbs = next(action for action in build_parser()._actions if action.dest == "verb")

    training = ["pretrain", "linear", "finetune", "distill"]
    frozen = ["synth", *training, "export", "parity", "quantize", "pack", "evaluate", "shards", "reproduce", "keygen"]
    assert list(verbs.choices or ()) == frozen


def test_rendering_from_the_command_line_needs_no_torch(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "from trainer.cli import main\n"
        f"sys.exit(main(['synth', 'frames', '--out', {str(tmp_path / 'frames')!r}, '--train', '2', '--val', '1', "
        "'--size', '96x64', '--workers', '1']))"
    )

    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[2])

    assert {item.name for item in (tmp_path / "frames").iterdir()} == {
        "DATASET.yaml",
        "SewerML_Train.csv",
        "SewerML_Train_operator.csv",
        "SewerML_Val.csv",
        "SewerML_Val_operator.csv",
        "frames.csv",
        "Train",
        "Val",
    }
    assert "kind: rendered" in (tmp_path / "frames" / "DATASET.yaml").read_text()


def test_export_record_states_every_figure(recipe: Path, tmp_path: Path) -> None:
    main(["finetune", str(recipe)])
    main(["export", str(tmp_path / "runs" / "tiny"), "--out", str(tmp_path / "export")])

    record = json.loads((tmp_path / "export" / "export.json").read_text())

    assert record["parity"]["max_abs_dp"] < 1e-4
    assert len(record["evaluation"][0]["classes"]) == 17
    assert record["graph"]["threshold_origin"] == "tuned-on-validation"


def test_a_corrupt_image_met_by_a_worker_ends_the_run_with_one_line(recipe: Path, tmp_path: Path) -> None:
    """As a program of its own: workers that outlive an error would keep it from ending."""
    text = recipe.read_text(encoding="utf-8")
    root = Path(yaml.safe_load(text)["data"]["root"])
    victim = sorted((root / "Train").iterdir())[0]
    victim.write_bytes(b"no picture")

    command = [sys.executable, "-m", "trainer.cli", "finetune", str(recipe), "data.workers=1", "data.cache=false"]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    errors = [line for line in first.stderr.splitlines() if line.startswith("error: ")]
    assert first.returncode == 1 and "Traceback" not in first.stderr, first.stderr
    assert len(errors) == 1 and victim.name in errors[0] and "not a picture" in errors[0]


def test_an_output_path_that_cannot_be_is_one_line(recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()

    assert main(["finetune", str(recipe), f"out={tmp_path / 'file' / 'runs'}"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")


def test_pretraining_linear_evaluation_and_fine_tuning_follow_one_another(
    recipe: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    head = ["dino.hidden=16", "dino.bottleneck=8", "dino.prototypes=16", "loop.plots=false"]
    weights = f"model.weights={runs / 'pretrained'}"

    assert main(["pretrain", str(recipe), "name=pretrained", "task=dino", *head]) == 0
    assert main(["linear", str(recipe), "name=linear", "task=linear", weights, "loop.plots=false"]) == 0
    assert main(["finetune", str(recipe), "name=tuned", weights, "loop.plots=false"]) == 0

    assert capsys.readouterr().out.splitlines() == [str(runs / name) for name in ("pretrained", "linear", "tuned")]


def test_verb_refuses_the_recipe_of_another(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["linear", str(recipe)]) == 1
    assert "key 'task' is finetune; 'linear' runs linear" in capsys.readouterr().err


def test_job_queue_starts_and_goes_on_with_the_same_command(recipe: Path, tmp_path: Path) -> None:
    command = ["finetune", str(recipe), "loop.plots=false", "--resume-if-exists"]

    assert main(command) == 0
    first = (tmp_path / "runs" / "tiny" / "metrics.jsonl").read_text()
    assert main(command) == 0

    assert (tmp_path / "runs" / "tiny" / "metrics.jsonl").read_text() == first
