"""Contact sheets: small, whole, and complained of in one line."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from trainer.synth import contact_sheets
from trainer.synth.contact_sheets import MAX_BYTES, main, sheet_bytes, sheet_of


def test_sheet_is_a_small_webp_of_24_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_sheets, "RENDER", (65, 80))

    assert main(["--out", str(tmp_path), "RO", "natural"]) == 0

    assert sorted(path.name for path in tmp_path.iterdir()) == ["RO.webp", "natural.webp"]
    for path in tmp_path.iterdir():
        assert path.stat().st_size < MAX_BYTES
        assert cv2.imread(str(path)).shape == (3 * 133 - 3, 8 * 163 - 3, 3)


def test_noisy_sheet_is_stored_coarser_until_it_is_small() -> None:
    noise = np.random.default_rng(0).normal(128, 30, (24, 130, 160, 3))
    sheet = sheet_of(cv2.GaussianBlur(frame, (0, 0), 0.7).astype(np.uint8) for frame in noise)
    at_first = cv2.imencode(".webp", sheet, [cv2.IMWRITE_WEBP_QUALITY, 72])[1]

    assert len(sheet_bytes(sheet)) < MAX_BYTES < len(at_first)


def test_unknown_sheet_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / "sheets"), "XX"]) == 1

    assert capsys.readouterr().err.startswith("error: no sheet XX")
    assert not (tmp_path / "sheets").exists()
