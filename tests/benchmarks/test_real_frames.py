from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from benchmarks.real_frames import auroc, main, read_frames
from edge_sdk.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name, colour in (("red", tiny.RED), ("green", tiny.GREEN), ("grey", tiny.GREY)):
        cv2.imwrite(str(tmp_path / "images" / f"{name}.png"), tiny.painted(colour)[..., ::-1])
    (tmp_path / "labels.csv").write_text("file,known\nred.png,RB\ngreen.png,IN|RO\nred.png,RB;RO\ngrey.png,normal\n")
    return tmp_path


def test_recall_is_by_known_class_and_alternatives_count_once(
    folder: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder), "--bundle", str(bundle_path), "--trust", str(trust)]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert "AUROC any defect against normal    1.000" in lines
    assert {tuple(line.split()[:3]) for line in lines[lines.index("known     frames  recall") + 1 :]} == {
        ("RB", "2", "100%"),
        ("IN|RO", "1", "100%"),
        ("RO", "1", "0%"),
    }
    assert "normal frames without false alarm  100.0%" in lines


def test_auroc_counts_ties_half() -> None:
    assert auroc(np.array([1.0, 0.5]), np.array([0.5, 0.0])) == 0.875


@pytest.mark.parametrize("text", ["file,what\na,b\n", "file,known\na.png,XX\n", "file,known\n"])
def test_other_tables_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(InputError, match=r"labels\.csv"):
        read_frames(tmp_path)
