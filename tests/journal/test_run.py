"""The journal of a film run: the same record as the run's own, and a report after SIGTERM, SIGKILL or a moved picture (T-COV2)."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk import Bundle, Inspector, Odometer, open_source
from edge_sdk.cli import main
from edge_sdk.errors import OutputError
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.report import report_from_journal
from edge_sdk.journal.run import RunRecorder
from edge_sdk.pictures import write_pictures
from edge_sdk.records import Inspection, inspection_from_json
from tests.journal.cases import pictures_are_right

FPS, SPEED_M_S = 10.0, 0.2
BOX = (16, 24, 64, 72)


def drive(tmp_path: Path, things: dict[tuple[int, int, int], tuple[float, float]], *, metres: list[float] | None = None) -> Path:
    """A film and its odometer: a colour stands in the picture while the camera is between two metres."""
    metres = metres or [i / FPS * SPEED_M_S for i in range(200)]
    frames = []
    for x in metres:
        colour = next((c for c, (a, b) in things.items() if a <= x <= b), None)
        frames.append(tiny.painted(colour, box=BOX) if colour else tiny.painted(tiny.GREY))
    rows = [f"{i / FPS:.3f},{x:.4f}" for i, x in enumerate(metres)]
    (tmp_path / "odometer.csv").write_text("time_s,distance_m\n" + "\n".join(rows))
    return tiny.write_film(tmp_path / "film.mp4", frames, fps=FPS)


def recorded_run(tmp_path: Path, bundle: Bundle, film: Path, *, leave_after: int | None = None) -> Inspection:
    out = tmp_path / "out"
    with Inspector(bundle) as inspector, open_source(film) as source, RunRecorder(out, policy=inspector.policy) as recorder:
        odometer = Odometer.from_csv(tmp_path / "odometer.csv", source)
        run = inspector.run(source, odometer=odometer, out=out, on_frame=recorder.add)
        for i, _ in enumerate(recorder.follow(run), 1):
            if i == leave_after:
                break
        return run.inspection


def test_the_journal_gives_the_record_of_the_run(tmp_path: Path, bundle: Bundle) -> None:
    film = drive(tmp_path, {tiny.RED: (1.0, 1.4), tiny.GREEN: (2.0, 3.4)})

    inspection = recorded_run(tmp_path, bundle, film)

    assert inspection.status == "complete" and len(inspection.observations) == 2
    assert inspection_from_journal(tmp_path / "out") == inspection
    assert pictures_are_right(tmp_path / "out")


def test_driving_over_a_thing_again_keeps_its_first_picture_and_its_newest_revision(tmp_path: Path, bundle: Bundle) -> None:
    there = [i * 0.02 for i in range(100)]
    film = drive(tmp_path, {tiny.RED: (0.8, 1.2)}, metres=there + there[::-1] + there)

    inspection = recorded_run(tmp_path, bundle, film)

    (item,) = inspection.observations
    assert item.revision == 2 and inspection_from_journal(tmp_path / "out") == inspection
    assert pictures_are_right(tmp_path / "out")  # also those of the earlier revisions


def test_a_picture_is_not_written_over_an_earlier_one(tmp_path: Path) -> None:
    image, heat = tiny.painted(tiny.RED), np.ones((8, 8), np.float32)

    first, second = (write_pictures(tmp_path, "0001-RB", image, heat, text="RB") for _ in range(2))

    assert (first.path, second.path) == ("pictures/0001-RB.jpg", "pictures/0001-RB-2.jpg")
    assert cv2.imread(str(tmp_path / first.path)) is not None and not list(tmp_path.rglob("*.part"))


def test_a_run_that_is_left_early_is_interrupted_with_everything_so_far(tmp_path: Path, bundle: Bundle) -> None:
    film = drive(tmp_path, {tiny.RED: (0.5, 0.8), tiny.GREEN: (2.0, 3.4)})

    inspection = recorded_run(tmp_path, bundle, film, leave_after=1)

    assert inspection.status == "interrupted" and len(inspection.observations) == 1
    assert inspection_from_journal(tmp_path / "out") == inspection


def test_a_folder_that_takes_no_journal_ends_the_run_before_its_first_frame(tmp_path: Path, bundle: Bundle) -> None:
    film = drive(tmp_path, {})
    (tmp_path / "out").write_text("a file where the folder should be")

    with pytest.raises(OutputError, match=r"choose another folder|give the folder"):
        recorded_run(tmp_path, bundle, film)


SLOW_RUN = """
import sys, time
from pathlib import Path
from edge_sdk import Bundle, Inspector, Odometer, open_source
from edge_sdk.journal import run as journal_run
from edge_sdk.journal.run import RunRecorder
import signal
folder, bundle, trust = map(Path, sys.argv[1:])
def interrupt(*_): raise KeyboardInterrupt
signal.signal(signal.SIGTERM, interrupt)
journal_run.PROGRESS_EVERY_S = 0.0
with Inspector(Bundle.open(bundle, trust=[trust])) as inspector, open_source(folder / "film.mp4") as source:
    with RunRecorder(folder / "out") as recorder:
        odometer = Odometer.from_csv(folder / "odometer.csv", source)
        def on_frame(result):
            recorder.add(result)
            print(result.frame.seq, flush=True)
            time.sleep(0.02 if result.frame.seq < 140 else 60)  # until the signal, however late it comes
        run = inspector.run(source, odometer=odometer, out=folder / "out", on_frame=on_frame)
        try:
            for _ in recorder.follow(run): pass
        except KeyboardInterrupt:
            sys.exit(130)
"""


def signalled(tmp_path: Path, bundle_path: Path, trust: Path, at_frame: int, number: signal.Signals) -> int:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    child = subprocess.Popen(
        [sys.executable, "-c", SLOW_RUN, str(tmp_path), str(bundle_path), str(trust)], stdout=subprocess.PIPE, env=environment
    )
    assert child.stdout is not None
    for line in child.stdout:
        if int(line) >= at_frame:
            break
    time.sleep(1.0)  # the last commits
    child.send_signal(number)
    child.stdout.read()
    child.stdout.close()
    return child.wait()


def test_after_sigkill_the_report_says_what_was_seen_and_what_was_not(
    tmp_path: Path, bundle_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drive(tmp_path, {tiny.RED: (0.5, 0.8), tiny.GREEN: (1.8, 3.4)})
    assert signalled(tmp_path, bundle_path, trust, 110, signal.SIGKILL) == -signal.SIGKILL

    assert main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "report")]) == 1

    told = capfd.readouterr()
    assert "RB" in told.out and "closed as recovered" in told.err and "the inspection is recovered" in told.err
    assert "Traceback" not in told.err
    report = inspection_from_json((tmp_path / "report" / "report.json").read_bytes())
    (crack,) = report.observations
    assert report.status == "recovered" and crack.class_.code == "RB" and crack.chainage_m == pytest.approx(0.8, abs=0.1)
    assert any(re.search(r"in view when it broke off.*RO from 1\.[78]", reason) for reason in report.status_reasons)
    (gap,) = report.coverage.gaps
    assert gap.reason == "crashed" and gap.from_m == report.coverage.to_m and 2.0 < report.coverage.to_m < 3.9
    assert gap.frames == 200 - report.accounting.received
    assert crack.picture is not None and (tmp_path / "report" / crack.picture.path).is_file()
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Recovered" in page and "The run broke off here" in page


def test_after_sigterm_the_run_is_interrupted_and_everything_is_flushed(tmp_path: Path, bundle_path: Path, trust: Path) -> None:
    drive(tmp_path, {tiny.RED: (0.5, 0.8), tiny.GREEN: (1.8, 3.4)})
    assert signalled(tmp_path, bundle_path, trust, 110, signal.SIGTERM) == 130

    inspection, _, notes = report_from_journal(tmp_path / "out")

    assert inspection.status == "interrupted" and notes == ()
    assert [item.class_.code for item in inspection.observations] == ["RB", "RO"]  # the open one was closed by the stop
    assert inspection.coverage.gaps[-1].reason == "interrupted"
    assert not any(path.name.startswith("journal.") and path.name != "journal.sqlite" for path in (tmp_path / "out").iterdir())


def test_reporting_again_gives_the_same_and_a_changed_picture_is_not_shown(tmp_path: Path, bundle: Bundle) -> None:
    film = drive(tmp_path, {tiny.RED: (1.0, 1.4), tiny.GREEN: (2.0, 3.4)})
    recorded_run(tmp_path, bundle, film)
    first, written, _ = report_from_journal(tmp_path / "out")
    before = written["json"].read_bytes()
    assert report_from_journal(tmp_path / "out")[0] == first and written["json"].read_bytes() == before

    shutil.copy(tmp_path / "out" / first.observations[0].picture.path, tmp_path / "out" / first.observations[1].picture.path)
    changed, _, _ = report_from_journal(tmp_path / "out")
    assert [item.picture is None for item in changed.observations] == [False, True]
    assert "Pictures that are gone from the run's folder, or are not the ones that were recorded: 1." in changed.notices


def test_a_run_that_is_being_written_cannot_be_reported_yet(tmp_path: Path, bundle: Bundle, capfd: pytest.CaptureFixture[str]) -> None:
    film = drive(tmp_path, {tiny.RED: (0.5, 0.8)})
    out = tmp_path / "out"
    with Inspector(bundle) as inspector, open_source(film) as source, RunRecorder(out) as recorder:
        run = inspector.run(source, on_frame=recorder.add)
        next(iter(recorder.follow(run)))
        assert main(["report", str(out)]) == 1

    assert "another process is writing this run" in capfd.readouterr().err.splitlines()[0]


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_a_folder_without_a_run_is_one_line(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()

    assert main(["report", str(tmp_path / name)]) == 1
    error = capfd.readouterr().err
    assert error.count("\n") == 1 and "give the folder of a run" in error
