import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainer.folders import random_targets, write_split
from trainer.config import Config
from trainer.data import repeats
from trainer.data.repeats import num_repeated, warn_of_repeats
from trainer.data.sewer_ml import read_split
from trainer.errors import DataError
from trainer.loop import train


def repeat(root: Path, num: int, *, renamed: bool) -> None:
    """Copy training pictures over validation pictures."""
    for row in range(1, num + 1):
        source = num + 1 - row if renamed else row
        shutil.copy(root / "Train" / f"{source:08d}.png", root / "Val" / f"{row:08d}.png")


def repeated(root: Path) -> int:
    return num_repeated(read_split(root, "Train"), read_split(root, "Val"))


@pytest.mark.parametrize("renamed", [False, True])
@pytest.mark.parametrize("num", [0, 1, 4])
def test_copies_are_found_whatever_they_are_called(data_root: Path, num: int, renamed: bool) -> None:
    repeat(data_root, num, renamed=renamed)

    assert repeated(data_root) == num


@pytest.mark.parametrize("sample", [2, 256])
@pytest.mark.parametrize("num", [0, 3, 6])
def test_in_large_sets_copies_of_the_same_name_are_found(data_root: Path, monkeypatch: pytest.MonkeyPatch, num: int, sample: int) -> None:
    """These noisy pictures are all of one length, so only their bytes tell them apart."""
    monkeypatch.setattr(repeats, "SMALL", 10)
    monkeypatch.setattr(repeats, "SAMPLE", sample)
    repeat(data_root, num, renamed=False)
    assert repeated(data_root) == num

    repeat(data_root, 6, renamed=True)
    assert repeated(data_root) == 0


def test_same_name_and_length_is_no_repeat_if_the_bytes_differ(data_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repeat(data_root, 2, renamed=False)
    path = data_root / "Val" / "00000001.png"
    path.write_bytes(path.read_bytes()[:-1] + b"?")

    assert repeated(data_root) == 1
    monkeypatch.setattr(repeats, "SMALL", 10)
    assert repeated(data_root) == 1


def test_run_is_warned_once_and_refused_where_all_is_repeated(
    tiny: Callable[..., Config], data_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    repeat(data_root, 2, renamed=False)
    train(tiny(name="warned"), stop_at=1)
    train(tiny(name="warned"), resume=True, stop_at=2)
    assert [record.getMessage() for record in caplog.records if "training images too" in record.getMessage()] == [
        "2 of 6 validation images are training images too: figures flatter; split by pipe or video"
    ]

    repeat(data_root, 6, renamed=True)
    with pytest.raises(DataError, match="every image is also a training image"):
        train(tiny(name="refused"))
    assert not tiny(name="refused").run_dir.exists()


def test_part_of_a_split_is_compared_as_it_is_trained(tiny: Callable[..., Config], data_root: Path) -> None:
    from trainer.data.training import read_data

    repeat(data_root, 2, renamed=False)
    config = tiny(data={"root": str(data_root), "workers": 0, "every_nth": 2})
    data = read_data(config)

    assert num_repeated(data.train, data.val) == 1


def test_nothing_is_said_of_a_sound_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for split, num in {"Train": 5, "Val": 3}.items():
        write_split(tmp_path, split, random_targets(num))

    warn_of_repeats(read_split(tmp_path, "Train"), read_split(tmp_path, "Val"))

    assert caplog.records == []
