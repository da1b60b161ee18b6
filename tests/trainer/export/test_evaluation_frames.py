"""Labelled frames in a bundle: the pixels the trainer evaluates on, every class among them, bounded, and said on the card."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.contract.evaluation_frames import (
    INDEX,
    PICTURES,
    evaluation_files,
    evaluation_images,
    evaluation_index_from_json,
    picture_of,
)
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.metrics import sewer_metrics
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import CorruptBundleError
from edge_sdk.runtime.onnx import OnnxSession
from tests.trainer.export.painted_export import painted_data, painted_export
from trainer.cli import main
from trainer.data.images import prepared_image
from trainer.data.sewer_ml import read_split
from trainer.export.evaluation_frames import chosen_rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An export and the data of it."""
    home = tmp_path_factory.mktemp("made")
    data = painted_data(home / "data")
    return painted_export(home / "export", data), data


def packed(made: tuple[Path, Path], out: Path, *more: str) -> Bundle:
    export, data = made
    assert main(["pack", str(export), "--unsigned", "--out", str(out), "--evaluation", str(data), *more]) == 0
    return Bundle.open(out, allow_unsigned=True)


def test_a_bundle_carries_the_pixels_the_trainer_evaluates_on_and_so_the_same_figure(made: tuple[Path, Path], tmp_path: Path) -> None:
    bundle, split = packed(made, tmp_path / "b.bundle", "--evaluation-num", "60"), read_split(made[1], "Test")
    rows = chosen_rows(split.targets_NC, 60)

    index = evaluation_index_from_json(bundle.read(INDEX))
    images_NHWC, targets_NC = evaluation_images(index, bundle.read(PICTURES), bundle.manifest.preprocess)

    expected_NHWC = np.stack([prepared_image(split, row, tiny.SPEC) for row in rows])
    np.testing.assert_array_equal(images_NHWC, expected_NHWC)
    np.testing.assert_array_equal(targets_NC, split.targets_NC[rows])
    assert (index.data_name, index.split, index.licence, len(index.frames)) == ("painted", "Test", "none", 60)
    session = OnnxSession(bundle.read("model.onnx"), threads=1)
    ours, theirs = (
        sewer_metrics(scores_from_logits(session.run(images).logits_NC), targets_NC, taxonomy().ciw, threshold=0.5).f2_ciw
        for images in (images_NHWC, expected_NHWC)
    )
    session.close()
    assert ours == theirs > 0.05


def test_what_goes_in_and_its_licence_are_said_and_stand_on_the_card(
    made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = packed(made, tmp_path / "b.bundle", "--evaluation-split", "Val")

    assert "150 frames of painted Val go into the bundle (0.0 MB), licence: none; pass the bundle on" in capsys.readouterr().err
    card = bundle.read(bundle.manifest.model_card).decode()
    assert "The bundle carries 150 labelled frames of painted Val" in card and "Licence of these pictures: none" in card


def test_without_them_a_bundle_is_as_it_was(made: tuple[Path, Path], tmp_path: Path) -> None:
    assert main(["pack", str(made[0]), "--unsigned", "--out", str(tmp_path / "b.bundle")]) == 0

    bundle = Bundle.open(tmp_path / "b.bundle", allow_unsigned=True)
    assert not {INDEX, PICTURES} & {entry.name for entry in bundle.manifest.files}
    assert "Evaluation frames" not in bundle.read(bundle.manifest.model_card).decode()


def test_every_class_gets_its_quota_before_chance_decides() -> None:
    rng = np.random.default_rng(0)
    rare_C = np.array([2, 5, *[300] * 15])
    targets_NC = np.zeros((6000, 17), np.uint8)
    for code, num in enumerate(rare_C):
        targets_NC[rng.choice(6000, num, replace=False), code] = 1

    rows = chosen_rows(targets_NC, 180)

    positives_C = targets_NC[rows].sum(axis=0)
    assert len(rows) == len(set(rows)) == 180 and rows == sorted(rows)
    assert positives_C[0] == 2 and positives_C[1] == 5 and (positives_C[2:] >= 10).all()
    assert (~targets_NC[rows].any(axis=1)).sum() >= 10
    assert rows == chosen_rows(targets_NC, 180)
    assert chosen_rows(targets_NC[:7], 180) == list(range(7)) and len(chosen_rows(targets_NC, 3)) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--evaluation", "none"], "none: no such folder; --evaluation names one"),
        (["--evaluation-split", "Train"], "SewerML_Train.csv"),
    ],
)
def test_data_that_cannot_be_read_leave_no_bundle(
    made: tuple[Path, Path], tmp_path: Path, given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "b.bundle"

    assert main(["pack", str(made[0]), "--unsigned", "--out", str(out), "--evaluation", str(made[1]), *given]) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error and not out.exists()


def test_data_of_which_nobody_says_what_they_are_leave_no_bundle(
    made: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Path(shutil.copytree(made[1], tmp_path / "data"))
    (data / "DATASET.yaml").unlink()

    assert main(["pack", str(made[0]), "--unsigned", "--out", str(tmp_path / "b"), "--evaluation", str(data)]) == 1
    assert "has no DATASET.yaml that states" in capsys.readouterr().err and not (tmp_path / "b").exists()


def test_more_than_a_bundle_should_weigh_is_refused(
    made: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("trainer.export.evaluation_frames.MAX_PICTURE_BYTES", 2000)

    assert main(["pack", str(made[0]), "--unsigned", "--out", str(tmp_path / "b"), "--evaluation", str(made[1])]) == 1
    assert "give a smaller --evaluation-num" in capsys.readouterr().err and not (tmp_path / "b").exists()


def test_frames_that_are_not_what_the_index_says_are_corrupt() -> None:
    picture = picture_of(tiny.painted(tiny.RED, height=64, width=64))

    def read(*, picture: bytes = picture, code: str = "RB", spec: PreprocessSpec = tiny.SPEC, more: bytes = b"") -> None:
        files = evaluation_files([picture], [(code,)], data_name="painted", split="Test", licence="none")
        evaluation_images(evaluation_index_from_json(files[INDEX]), files[PICTURES] + more, spec)

    read()
    with pytest.raises(CorruptBundleError, match="no picture of 64x64"):
        read(picture=b"no picture")
    with pytest.raises(CorruptBundleError, match="no picture of 32x32"):
        read(spec=PreprocessSpec(32, 32))
    with pytest.raises(CorruptBundleError, match="unknown class ZZ"):
        read(code="ZZ")
    with pytest.raises(CorruptBundleError, match="pack the bundle again"):
        read(more=b"x")
    with pytest.raises(CorruptBundleError, match=r"evaluation\.json"):
        evaluation_index_from_json(b"{}")
