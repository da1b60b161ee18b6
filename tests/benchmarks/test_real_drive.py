from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from benchmarks.real_drive import main, read_codes
from edge_sdk.errors import InputError


@pytest.fixture
def drive(tmp_path: Path) -> Path:
    """Forty frames, a foot apart; red is in view from 9 to 11 ft."""
    folder = tmp_path / "drive"
    (folder / "frames").mkdir(parents=True)
    rows = ["file,time_s,counter_ft"]
    for second in range(40):
        image = tiny.painted(tiny.RED if 9 <= second <= 11 else tiny.GREY)
        noise = np.random.default_rng(second).integers(0, 3, image.shape, dtype=np.uint8)
        cv2.imwrite(str(folder / "frames" / f"t{second:03d}.png"), (image + noise)[..., ::-1])
        rows.append(f"t{second:03d}.png,{second},{second}")
    (folder / "odometer.csv").write_text("\n".join(rows) + "\n")
    (folder / "observations.csv").write_text("counter_ft,text,sewer_ml_class\n10,CRACK,RB\n30,SEAL,IS\n35,WATER LEVEL,\n", encoding="utf-8")
    return folder


def test_codes_are_looked_for_at_their_place(drive: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(drive), "--bundle", str(bundle_path), "--trust", str(trust)]) == 0

    found, missed = capsys.readouterr().out.splitlines()[-2:]
    assert found.split()[:4] == ["3.05", "m", "RB", "found"]
    assert missed.split()[:5] == ["9.14", "m", "IS", "NOT", "found"] and "nothing" in missed


@pytest.mark.parametrize("text", ["counter_ft,text\n1,a\n", "counter_ft,text,sewer_ml_class\n1,a,\n"])
def test_a_table_without_classes_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "observations.csv").write_text(text)
    with pytest.raises(InputError, match=r"observations\.csv"):
        read_codes(tmp_path)
