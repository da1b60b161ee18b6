import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import run_golden
from edge_sdk.errors import UntrustedBundleError
from edge_sdk.runtime.onnx import OnnxSession
from trainer.cli import build_parser, main


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
        (["synth", "frames", "--out", "out"], "--train"),
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

    assert list(verbs.choices or ()) == ["synth", "finetune", "export", "pack", "keygen"]


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
        "SewerML_Val.csv",
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
