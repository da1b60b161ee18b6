import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from tests.trainer.folders import random_targets
from trainer.data.sewer_ml import read_split
from trainer.errors import DataError

Rows = list[list[str]]


def edit_csv(root: Path, change: Callable[[Rows], object], split: str = "Train") -> None:
    path = root / f"SewerML_{split}.csv"
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def refused(root: Path) -> str:
    with pytest.raises(DataError) as caught:
        read_split(root, "Train")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_labels_are_read_in_label_order(data_root: Path) -> None:
    split = read_split(data_root, "Train")

    np.testing.assert_array_equal(split.targets_NC, random_targets(12, 0))
    assert split.targets_NC.dtype == np.uint8
    assert split.path(0) == data_root / "Train" / "00000001.png"


def test_columns_count_by_name_not_by_place(data_root: Path) -> None:
    before = read_split(data_root, "Train")

    edit_csv(data_root, lambda rows: [row.reverse() for row in rows])

    np.testing.assert_array_equal(read_split(data_root, "Train").targets_NC, before.targets_NC)


def test_normal_is_none_of_the_classes_whatever_nd_says(data_root: Path) -> None:
    edit_csv(data_root, lambda rows: [row.__setitem__(rows[0].index("ND"), "1") for row in rows[1:]])

    np.testing.assert_array_equal(read_split(data_root, "Train").targets_NC, random_targets(12, 0))


@pytest.mark.parametrize("column", ["Filename", *taxonomy().codes])
def test_missing_column_is_named(data_root: Path, column: str) -> None:
    edit_csv(data_root, lambda rows: [row.pop(rows[0].index(column)) for row in reversed(rows)])

    assert f"column {column} is missing" in refused(data_root)


@pytest.mark.parametrize("value", ["2", "", "1.0", "yes", "-1", "10"])
def test_label_that_is_neither_0_nor_1_is_named_with_its_place(data_root: Path, value: str) -> None:
    edit_csv(data_root, lambda rows: rows[3].__setitem__(rows[0].index("FS"), value))

    assert f"line 4, column FS: label '{value}'" in refused(data_root)


def test_two_wrong_labels_cannot_make_a_right_length(data_root: Path) -> None:
    def change(rows: Rows) -> None:
        rows[1][rows[0].index("RB")] = ""
        rows[1][rows[0].index("OB")] = "01"

    edit_csv(data_root, change)

    assert "line 2, column RB: label ''" in refused(data_root)


def test_missing_image_is_named_with_its_line(data_root: Path) -> None:
    (data_root / "Train" / "00000005.png").unlink()

    message = refused(data_root)

    assert "line 6" in message
    assert "00000005.png" in message


def test_duplicate_file_name_is_refused(data_root: Path) -> None:
    edit_csv(data_root, lambda rows: rows[4].__setitem__(0, rows[3][0]))

    assert "line 5: 00000003.png is listed twice" in refused(data_root)


def test_short_row_is_refused(data_root: Path) -> None:
    edit_csv(data_root, lambda rows: rows[2].pop())

    assert "line 3: 21 values for 22 columns" in refused(data_root)


def test_file_without_rows_is_refused(data_root: Path) -> None:
    edit_csv(data_root, lambda rows: rows.__delitem__(slice(1, None)))

    assert "no rows" in refused(data_root)


def test_empty_file_is_refused(data_root: Path) -> None:
    (data_root / "SewerML_Train.csv").write_text("")

    assert "column Filename is missing" in refused(data_root)


def test_binary_file_is_refused(data_root: Path) -> None:
    (data_root / "SewerML_Train.csv").write_bytes(b"\xff\xfe\x00\x80" * 9)

    assert "not a UTF-8 CSV file" in refused(data_root)


def test_missing_split_and_missing_folder_are_refused(data_root: Path) -> None:
    (data_root / "Train").rename(data_root / "train")
    assert str(data_root / "Train") in refused(data_root)

    (data_root / "SewerML_Train.csv").unlink()
    assert "SewerML_Train.csv" in refused(data_root)


def test_digest_changes_with_labels_and_images_but_not_with_time(data_root: Path) -> None:
    digest = read_split(data_root, "Train").digest
    image = data_root / "Train" / "00000001.png"

    os.utime(image, (0, 0))
    assert read_split(data_root, "Train").digest == digest

    image.write_bytes(image.read_bytes() + b"\0")
    changed = read_split(data_root, "Train").digest
    assert changed != digest

    edit_csv(data_root, lambda rows: rows[1].__setitem__(rows[0].index("RB"), str(1 - int(rows[1][rows[0].index("RB")]))))
    assert read_split(data_root, "Train").digest != changed
