from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.data.augment_sheet import NUM_COLUMNS, NUM_ROWS, main


@pytest.mark.parametrize("task", ["pretrain", "finetune"])
def test_sheet_shows_each_frame_plain_and_changed(task: str, data_root: Path, tmp_path: Path) -> None:
    out = tmp_path / "docs" / "sheet.png"

    assert main(["--data", str(data_root), "--out", str(out), "--task", task, "--side", "32"]) == 0

    sheet = cv2.imread(str(out))
    assert sheet.shape == (36 * NUM_ROWS - 4, 36 * (NUM_COLUMNS + 1) - 4, 3)
    tiles = [sheet[:32, left : left + 32] for left in range(0, sheet.shape[1], 36)]
    assert all(not np.array_equal(tiles[0], tile) for tile in tiles[1:])


def test_folder_without_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "sheet.jpg")]) == 1
    assert capsys.readouterr().err.startswith("error: ")
