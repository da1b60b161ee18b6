import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from benchmarks.shortcuts import ABLATIONS, main, only_borders, only_colours, text_blurred
from edge_sdk.contract.taxonomy import taxonomy

SIDE = 96


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Frames whose class is a red field in the middle, and one whose class is red in a corner."""
    folder = tmp_path / "data"
    (folder / "Test").mkdir(parents=True)
    middle, corner, plain = (np.full((SIDE, SIDE, 3), tiny.GREY, np.uint8) for _ in range(3))
    middle[36:60, 36:60] = tiny.RED
    corner[:12, :12] = tiny.RED
    images = {"middle.png": middle, "corner.png": corner, "plain.png": plain}
    for name, image in images.items():
        cv2.imwrite(str(folder / "Test" / name), image[..., ::-1])
    with (folder / "SewerML_Test.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"])
        for name in images:
            shows = int(name != "plain.png")
            writer.writerow([name, 0, 0, *(int(code == "RB") * shows for code in taxonomy().codes), 1 - shows, shows])
    return folder


def test_a_class_known_by_its_corner_stays_where_only_borders_are_left(
    data: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(data), "--bundle", str(bundle_path), "--trust", str(trust)]) == 0

    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("RB n=2"))
    by_name = dict(zip(ABLATIONS, map(float, row.removeprefix("RB n=2").replace("%", "").split()), strict=True))
    assert by_name["as it is"] == 100.0
    assert 0 < by_name["only borders"] < 100.0
    assert by_name["only colours"] == 0.0


def test_ablations_leave_what_they_say(data: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (120, 200, 3), dtype=np.uint8)
    rows = round(0.15 * 120)

    np.testing.assert_array_equal(text_blurred(image)[rows:-rows], image[rows:-rows])
    assert text_blurred(image)[:rows].std() < 0.3 * image[:rows].std()
    np.testing.assert_array_equal(only_borders(image)[0], image[0])
    assert np.ptp(only_borders(image)[40:80, 60:140]) <= np.ptp(image.mean(axis=(0, 1)).astype(np.uint8))
    assert only_colours(image).shape == image.shape


def test_a_folder_that_is_no_data_set_is_one_line(
    tmp_path: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--bundle", str(bundle_path), "--trust", str(trust)]) == 1
    assert capsys.readouterr().err.startswith("error: ")
