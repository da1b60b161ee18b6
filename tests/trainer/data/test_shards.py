import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.folders import random_targets, write_split
from trainer.cli import main
from trainer.config import Config
from trainer.data.loader import StepSampler
from trainer.data.sewer_ml import read_split
from trainer.data.shard_writing import write_shards
from trainer.data.shards import SHARDS, verify
from trainer.data.subset import take
from trainer.data.training import batches, eval_batches, read_data
from trainer.errors import DataError
from trainer.loop import train

SHARD_MB = 0.05  # three of the random pictures


@pytest.fixture
def shards(data_root: Path, tmp_path: Path) -> Path:
    out = tmp_path / "shards"
    list(write_shards(data_root, out, shard_mb=SHARD_MB))
    return out


def test_every_image_and_label_comes_back_in_the_same_order(data_root: Path, shards: Path) -> None:
    for name in ("Train", "Val", "Test"):
        folder, packed = read_split(data_root, name), read_split(shards, name)  # type: ignore[arg-type]

        assert list(packed.files) == list(folder.files)
        np.testing.assert_array_equal(packed.targets_NC, folder.targets_NC)
        assert [packed.read_bytes(row) for row in range(len(packed))] == [folder.read_bytes(row) for row in range(len(folder))]
        assert packed.digest == folder.digest
        assert take(packed, np.array([3, 1])).digest == take(folder, np.array([3, 1])).digest
    assert not (shards / "Train").exists()
    assert len(list(shards.glob("Train-*.tar"))) > 2
    assert (shards / "DATASET.yaml").read_bytes() == (data_root / "DATASET.yaml").read_bytes()


def test_shards_are_plain_tars_with_image_and_codes_side_by_side(data_root: Path, shards: Path) -> None:
    with tarfile.open(shards / "Train-000000.tar") as tar:
        members = tar.getmembers()
        first, codes = (tar.extractfile(member) for member in members[:2])
        assert first is not None and codes is not None
        assert first.read() == (data_root / "Train" / "00000001.png").read_bytes()
        label = json.load(io.BytesIO(codes.read()))["codes"]

    assert [member.name for member in members[:4]] == ["00000001.png", "00000001.json", "00000002.png", "00000002.json"]
    assert len(label) == read_split(data_root, "Train").targets_NC[0].sum()


def test_no_shard_is_much_larger_than_asked_for(shards: Path) -> None:
    assert all(path.stat().st_size <= SHARD_MB * 1e6 + tarfile.RECORDSIZE for path in shards.glob("*.tar"))


def test_a_shard_smaller_than_an_image_holds_one(data_root: Path, tmp_path: Path) -> None:
    written = list(write_shards(data_root, tmp_path / "out", shard_mb=0.0001))

    assert [shard.num_images for shard in written] == [1] * 22


def test_the_same_images_give_the_same_shards(data_root: Path, shards: Path, tmp_path: Path) -> None:
    list(write_shards(data_root, tmp_path / "again", shard_mb=SHARD_MB))

    assert {path.name for path in shards.iterdir()} == {path.name for path in (tmp_path / "again").iterdir()}
    assert all(path.read_bytes() == (tmp_path / "again" / path.name).read_bytes() for path in shards.iterdir())


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_from_shards_equal_those_from_the_folder(tiny: Callable[..., Config], data_root: Path, shards: Path, workers: int) -> None:
    def images(root: Path) -> list[torch.Tensor]:
        config = tiny(data={"root": str(root), "workers": workers, "every_nth": 2})
        data = read_data(config)
        return [*(batch.images_NHWC for batch in batches(data, StepSampler(len(data.train), 2, 2, seed=3), config)),
                *(batch.images_NHWC for batch in eval_batches(data.val, config))]  # fmt: skip

    assert all(torch.equal(one, other) for one, other in zip(images(data_root), images(shards), strict=True))


def test_a_run_on_shards_equals_a_run_on_the_folder_bit_for_bit(tiny: Callable[..., Config], data_root: Path, shards: Path) -> None:
    def run(root: Path, name: str) -> bytes:
        result = train(tiny(name=name, data={"root": str(root), "workers": 0}))
        return (result.run_dir / "checkpoints" / "last" / "model.safetensors").read_bytes()

    assert run(data_root, "folder") == run(shards, "shards")


def test_a_flipped_byte_is_met_when_the_image_is_read(shards: Path) -> None:
    split = read_split(shards, "Train")
    assert split.shards is not None
    flip(shards / "Train-000000.tar", int(split.shards.entries_N[1]["offset"]) + 40)

    assert split.read_bytes(0)
    with pytest.raises(DataError, match=r"Train-000000\.tar: damaged at byte \d+, the image of row 3; copy it again") as caught:
        split.read_bytes(1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["SewerML_Train.csv", "Train.index.npy"])
def test_a_changed_csv_or_index_is_refused_on_opening(shards: Path, name: str) -> None:
    flip(shards / name, 300)

    with pytest.raises(DataError, match=f"{name}: not the file its shards were written with"):
        read_split(shards, "Train")


def test_a_cut_or_missing_shard_is_refused_on_opening(shards: Path) -> None:
    path = shards / "Train-000001.tar"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"Train-000001\.tar: \d+ bytes instead of \d+"):
        read_split(shards, "Train")

    path.unlink()
    with pytest.raises(DataError, match=r"Train-000001\.tar: No such file"):
        read_split(shards, "Train")


def test_verify_names_every_damaged_shard(shards: Path) -> None:
    assert sum(num for _, num in verify(shards)) == 22

    flip(shards / "Train-000000.tar", 1000)
    (shards / "Val-000000.tar").unlink()

    with pytest.raises(DataError, match=r"damaged or missing: Train-000000\.tar, Val-000000\.tar"):
        list(verify(shards))


@pytest.mark.parametrize("text", ["", "{", '{"format": 2, "splits": {}}', '{"format": 1}', "\udcff"])
def test_an_unusable_list_is_one_line(shards: Path, text: str) -> None:
    (shards / SHARDS).write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(DataError, match=SHARDS) as caught:
        read_split(shards, "Train")
    assert "\n" not in str(caught.value)


def test_nothing_is_left_behind_when_an_image_is_missing(data_root: Path, tmp_path: Path) -> None:
    (data_root / "Val" / "00000003.png").unlink()

    with pytest.raises(DataError, match=r"00000003\.png"):
        list(write_shards(data_root, tmp_path / "new" / "out"))

    assert not (tmp_path / "new").exists() or not list((tmp_path / "new").iterdir())


def test_command_writes_and_verifies(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"

    assert main(["shards", "--data", str(data_root), "--out", str(out), "--shard-mb", "1"]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert main(["shards", "--verify", str(out)]) == 0
    assert "3 shards, 22 images" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--data", "x"], ["--out", "x"], ["--data", "x", "--out", "y", "--verify", "z"]])
def test_command_says_what_it_needs(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["shards", *arguments]) == 1
    assert "--verify" in capsys.readouterr().err


def test_command_refuses_a_folder_in_use_and_a_folder_without_data(
    data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["shards", "--data", str(data_root), "--out", str(data_root)]) == 1
    assert "not empty" in capsys.readouterr().err
    assert main(["shards", "--data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 1
    assert "has no SewerML_<Split>.csv" in capsys.readouterr().err


def test_a_test_split_with_withheld_labels_is_left_out(data_root: Path, tmp_path: Path) -> None:
    shutil.rmtree(data_root / "Test")
    (data_root / "SewerML_Test.csv").unlink()
    write_split(data_root, "Test", random_targets(2))
    (data_root / "SewerML_Test.csv").write_text("Filename\n00000001.png\n")

    list(write_shards(data_root, tmp_path / "out"))

    assert not (tmp_path / "out" / "SewerML_Test.csv").exists()


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(bytes(content))
