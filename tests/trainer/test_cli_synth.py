"""Rendering from the command line: what is written, and one clear line for what cannot be."""

from pathlib import Path

import pytest

from trainer.cli import main
from trainer.synth import benchmark_set


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["frames"], "--num"),
        (["frames", "--num", "0"], "--num"),
        (["frames", "--num", "-2"], "-2"),
        (["frames", "--num", "2", "--train", "3"], "either --num"),
        (["frames", "--train", "2", "--val", "-1"], "Val -1"),
        (["frames", "--num", "2", "--seed", "-1"], "seed -1"),
        (["frames", "--num", "2", "--size", "4x4"], "(4, 4)"),
        (["frames", "--num", "2", "--size", "9000x9000"], "9000"),
        (["frames", "--num", "2", "--profile", "even"], "balanced, natural"),
        (["frames", "--num", "2", "--format", "bmp"], "not png or jpg"),
        (["frames", "--num", "2", "--workers", "0"], "workers 0"),
        (["drive", "--length", "0"], "length_m"),
        (["drive", "--length", "nan"], "length_m"),
        (["drive", "--fps", "0"], "fps"),
        (["drive", "--fps", "1e-9"], "fps"),
        (["drive", "--fps", "99.123"], "fps 99.123 cannot be stored in a film"),
        (["drive", "--fps", "inf"], "fps"),
        (["drive", "--defects", "81"], "0 to 80"),
        (["drive", "--speed-m-s", "0"], "speed_m_s 0.0 must"),
        (["drive", "--counter", "wheel"], "counter"),
        (["drive", "--seed", "-3"], "seed -3"),
        (["benchmark", "--workers", "0"], "workers 0"),
    ],
)
def test_bad_arguments_are_one_line_and_leave_nothing(
    arguments: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["synth", *arguments, "--out", str(tmp_path / "out")]) == 1

    err = capsys.readouterr().err
    assert err.startswith("error: ") and named in err and len(err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", ["352", "x", "-3x20", "²x²"])
def test_what_is_no_size_is_wrong_usage(size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["synth", "frames", "--num", "1", "--out", str(tmp_path / "out"), f"--size={size}"])

    assert stopped.value.code == 2 and "write it as WIDTHxHEIGHT" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [["frames", "--num", "2"], ["drive"], ["benchmark"]])
def test_folder_in_use_is_left_alone(kind: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("mine")

    assert main(["synth", *kind, "--out", str(tmp_path)]) == 1

    assert "not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_frames_go_into_one_split_by_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "frames"
    options = ["--profile", "natural", "--seed", "7", "--size", "60x48", "--workers", "1", "--masks", "--depth"]

    assert main(["synth", "frames", "--out", str(out), "--num", "3", *options]) == 0

    assert capsys.readouterr().out == f"{out}\n"
    assert {path.name for path in out.iterdir()} == {
        *("Train", "Train_masks", "Train_depth", "SewerML_Train.csv", "SewerML_Train_operator.csv"),
        *("frames.csv", "DATASET.yaml"),
    }


def test_drive_takes_its_length_by_either_name(tmp_path: Path) -> None:
    options = ["--seed", "3", "--fps", "4", "--size", "60x48"]
    assert main(["synth", "drive", "--out", str(tmp_path / "a"), "--length", "1", *options]) == 0
    assert main(["synth", "drive", "--out", str(tmp_path / "b"), "--length-m", "1", *options]) == 0

    assert (tmp_path / "a" / "truth.csv").read_bytes() == (tmp_path / "b" / "truth.csv").read_bytes()


def test_benchmark_names_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = tmp_path / "tiny.yaml"
    definition.write_text(
        "name: tiny-v1\nrenderer: rendered-1\nimage_format: jpg\nsizes: {60x48: 1.0}\n"
        "splits: {Train: {num: 2, seed: 1, profile: balanced}}\n"
        "drives: {num: 1, first_seed: 5, length_m: [1.0, 1.0], fps: 4, size: 60x48, counter: robot}\n"
    )
    monkeypatch.setattr(benchmark_set.read_definition, "__defaults__", (definition,))

    assert main(["synth", "benchmark", "--out", str(tmp_path / "set"), "--workers", "1"]) == 0

    assert "name: tiny-v1" in (tmp_path / "set" / "DATASET.yaml").read_text()
    assert (tmp_path / "set" / "drives" / "drive-01" / "drive.mp4").stat().st_size > 0
