"""Rendered data on disk: Sewer-ML layout, independence of workers, refusals, nothing half-written."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SynthError, write_drive, write_frames

TINY = (48, 60)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_layout_is_that_of_sewer_ml(tmp_path: Path) -> None:
    done: list[int] = []
    write_frames(tmp_path / "set", 20, seed=3, size=TINY, masks=True, split="Val", progress=done.append)

    with (tmp_path / "set" / "SewerML_Val.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"]
    assert [r["Filename"] for r in rows] == [f"{i:08d}.png" for i in range(1, 21)]
    for row in rows:
        shown = [c for c in taxonomy().codes if row[c] == "1"]
        assert row["Defect"] == str(int(bool(shown)))
        assert row["ND"] == str(int(not shown and row["VA"] == "0"))
        assert 0 <= float(row["WaterLevel"]) <= 100
        assert cv2.imread(str(tmp_path / "set" / "Val" / row["Filename"])).shape == (*TINY, 3)
    assert done[-1] == 20
    _check_masks(tmp_path / "set" / "Val_masks", rows)


def _check_masks(folder: Path, rows: list[dict[str, str]]) -> None:
    for row in rows:
        image = cv2.imread(str(folder / row["Filename"])).astype(np.uint32)
        bits = image[..., 0] + 256 * image[..., 1] + 65536 * image[..., 2]
        for k, code in enumerate(taxonomy().codes):
            if row[code] == "1":
                assert ((bits >> k) & 1).any()


def test_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    write_frames(tmp_path / "one", 18, seed=5, size=TINY, image_format="jpg")
    write_frames(tmp_path / "two", 18, seed=5, size=TINY, image_format="jpg", workers=2)

    assert _files(tmp_path / "one") == _files(tmp_path / "two")


@pytest.mark.parametrize(
    "arguments",
    [
        {"num": 0},
        {"num": -3},
        {"seed": -1},
        {"profile": "x"},
        {"size": (4, 4)},
        {"image_format": "bmp"},
        {"workers": 0},
        {"split": "../up"},
    ],
)
def test_wrong_arguments_are_refused_and_leave_nothing(tmp_path: Path, arguments: dict[str, object]) -> None:
    given: dict[str, object] = {"num": 2, "seed": 0, "size": TINY, **arguments}

    with pytest.raises(SynthError):
        write_frames(tmp_path / "set", given.pop("num"), **given)  # type: ignore[arg-type]

    assert list(tmp_path.iterdir()) == []


def test_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")

    with pytest.raises(SynthError, match="not empty"):
        write_frames(tmp_path, 2, seed=0, size=TINY)
    with pytest.raises(SynthError, match="not empty"):
        write_drive(tmp_path, seed=0, length_m=1.0, size=TINY)

    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


def test_interrupted_write_leaves_nothing(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "set", 4, seed=0, size=TINY, progress=stop)

    assert list(tmp_path.iterdir()) == []


def test_drive_on_disk_has_a_row_per_frame(tmp_path: Path) -> None:
    write_drive(tmp_path / "drive", seed=2, length_m=1.5, fps=5, size=(64, 80))

    with (tmp_path / "drive" / "odometer.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    film = cv2.VideoCapture(str(tmp_path / "drive" / "drive.mp4"))
    frames = 0
    while film.read()[0]:
        frames += 1
    assert set(rows[0]) == {"time_s", "distance_m"}
    assert frames == len(rows)
    assert {p.name for p in (tmp_path / "drive").iterdir()} == {"drive.mp4", "odometer.csv", "observations.csv", "labels.csv"}
