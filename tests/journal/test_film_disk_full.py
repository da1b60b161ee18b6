"""A disk that fills up under a film run: the run ends with one line, and what was found until then is kept."""

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from edge_sdk.annotate import AnnotatedFilm
from edge_sdk.bundle import Bundle
from edge_sdk.camera import Frame
from edge_sdk.cli import main
from edge_sdk.errors import OutputError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.journal import Journal
from edge_sdk.journal import run as journal_run
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.odometer import Chainage
from edge_sdk.records import inspection_from_json
from edge_sdk.stream import FrameResult
from edge_sdk.terminal import ProgressLine
from live_fakes import until
from tests.journal.test_disk_full import fill

ROOT = Path(__file__).parents[2]
FULL_AT = 60
CRACKS = 12  # one each 20 frames


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 6 MB, too small for the journal's reserve, which only root may mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)], capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def cracks(tmp_path: Path) -> tuple[Path, Path]:
    """A film of cracks, and its odometer."""
    frames = [tiny.painted(tiny.RED if i % 20 < 5 else tiny.GREY) for i in range(20 * CRACKS)]
    rows = [f"{i / 10:.3f},{i * 0.05:.3f}" for i in range(len(frames))]
    (tmp_path / "odometer.csv").write_text("time_s,distance_m\n" + "\n".join(rows))
    return tiny.write_film(tmp_path / "film.mp4", frames, fps=10), tmp_path / "odometer.csv"


class Filling(ProgressLine):
    """Another program takes what is left of the disk at a frame of the run."""

    def __init__(self, disk: Path, log: Path) -> None:
        super().__init__()
        self._disk, self._log, self._seen = disk, log, 0

    def add(self, result: Any) -> None:
        self._seen += 1
        if self._seen == FULL_AT:
            until(lambda: self._log.read_bytes().count(b'"kind":"observation"') >= 2)  # the film runs a hundred times as fast as a robot
            fill(self._disk)
        super().add(result)


def test_what_was_found_before_the_disk_was_full_is_kept_and_the_error_is_one_line(
    disk: Path, tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(journal_run, "END_TIMEOUT_S", 0.5)
    monkeypatch.setattr(Journal.close, "__defaults__", (0.5,))
    film, odometer = cracks(tmp_path)
    out = disk / "run"

    with pytest.raises(OutputError) as failure:
        inspect_film(film, bundle=bundle, odometer=odometer, out=out, film=False, progress=Filling(disk, out / "journal.sqlite-wal"))

    said = str(failure.value)
    assert "\n" not in said and str(out) in said and "check the folder and its free space" in said
    assert "No space left on device" in said or "disk is full" in said
    (disk / "other-data").unlink()
    assert main(["report", str(out)]) == 1
    assert "Traceback" not in capfd.readouterr().err
    report = inspection_from_json((out / "report.json").read_bytes())
    assert report == inspection_from_journal(out) and report.status in ("recovered", "interrupted", "incomplete")
    assert 2 <= len(report.observations) < CRACKS, "the cracks before the sixtieth frame, and not those that were never looked at"
    assert all((out / item.picture.path).stat().st_size for item in report.observations[:2] if item.picture)
    gap = report.coverage.gaps[-1]
    assert gap.reason in ("crashed", "interrupted") and gap.from_m is not None and gap.from_m < CRACKS - 1


def test_an_annotated_film_that_the_disk_did_not_take_is_an_error_and_not_left_there_unplayable(
    disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    film = AnnotatedFilm(disk / "annotated.mp4", fps=10, thresholds=(0.5,) * 17, caption="AI proposal")
    (disk / "other-data").write_bytes(bytes(6 * 2**20 - 2**18))
    for i in range(100):
        film.add(FrameResult(Frame(i, i / 10, 0, np.roll(noise, i, 1)), i / 10, Chainage(None, "none"), "cpu", 0, None, np.zeros(17)))

    with pytest.raises(OutputError, match="the film could not be written; check the folder and its free space, or give --no-film"):
        film.close()

    assert not (disk / "annotated.mp4").exists() and capfd.readouterr().err == ""
    film.close()  # a second time does nothing


def test_a_limit_on_the_size_of_files_is_one_line_too(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    """What anybody may try: RLIMIT_FSIZE stands for a disk that takes no more, also of the reserve."""
    film, odometer = cracks(tmp_path)
    command = [sys.executable, "-m", "edge_sdk.cli", "run", str(film), "--odometer", str(odometer), "--no-film", "--out", "run"]
    command += ["--bundle", str(bundle_path), "--trust", str(trust)]

    child = subprocess.run(
        command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (9_000, 9_000)),
    )  # fmt: skip

    errors = [line for line in child.stderr.splitlines() if line.startswith("error: ")]
    assert child.returncode == 1 and len(errors) == 1 and "Traceback" not in child.stderr, child.stderr
    assert "File too large" in errors[0] or "disk is full" in errors[0] or "disk I/O error" in errors[0], errors
