"""How a live run ends (T-COV2): by a word of somebody who knows that it is over, by a signal that says nothing of it, or never begun."""

import contextlib
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.cli import main
from edge_sdk.errors import InputError
from edge_sdk.inspect_live import inspect_live
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.live_run.stopping import StopSignals
from edge_sdk.records import Inspection, inspection_from_json
from live_fakes import until
from live_scripts import picture, ready
from test_live_inspection_cli import process
from test_live_inspection_resume import Counter, Pipe, recorded, short_life, the_command

BY_SIGTERM = "stopped by SIGTERM while its cameras were live"


@pytest.fixture(scope="module")
def inspector(bundle_path: Path, trust: Path) -> Iterator[Inspector]:
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        yield inspector


def ended_by(number: signal.Signals, command: list[str | Path], out: Path) -> tuple[int, str, Inspection]:
    """Run it until it has found something, end it, and read its report."""
    with process(*command) as child:
        recorded(child, 1)
        child.send_signal(number)
        _, said = child.communicate(timeout=60)
    assert "Traceback" not in said, said
    return child.returncode, said, inspection_from_json((out / "report.json").read_bytes())


def test_sigterm_interrupts_a_live_run_which_goes_on_and_is_complete_when_the_operator_says_so(
    bundle_path: Path, trust: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with Pipe() as camera, Counter(tmp_path / "counter.csv"):
        command = the_command(camera, bundle_path, trust, tmp_path)
        code, said, cut = ended_by(signal.SIGTERM, command, out)
        page, flushed = (out / "report.html").read_text(encoding="utf-8"), inspection_from_journal(out)
        code_after, said_after, whole = ended_by(signal.SIGINT, command, out)

    assert (code, cut.status, cut.status_reasons) == (130, "interrupted", (BY_SIGTERM,)), said
    assert f"the inspection is interrupted: {BY_SIGTERM}" in said and "error: " not in said
    counts = cut.accounting
    assert cut == flushed and cut.observations and counts.received == counts.processed + sum(counts.dropped.values())
    beyond = cut.coverage.gaps[-1]
    assert (beyond.reason, beyond.to_m) == ("interrupted", None) and beyond.from_s == pytest.approx(cut.coverage.duration_s, abs=0.01)
    assert "nobody had said that the inspection was over" in page and f"beyond {beyond.from_m:.2f}" in page

    assert (code_after, whole.status, whole.status_reasons) == (0, "complete", ()), said_after
    (between,) = (gap for gap in whole.coverage.gaps if gap.reason == "interrupted")
    assert (between.from_m, between.from_s) == (beyond.from_m, beyond.from_s) and (between.to_m or 0.0) >= (between.from_m or 0.0)
    assert whole.run_id == cut.run_id and {item.observation_id for item in cut.observations} <= {
        item.observation_id for item in whole.observations
    }
    assert any("stopped and went on later" in notice for notice in whole.notices)


@pytest.mark.parametrize(
    ("signals", "said"),
    [((), None), ((signal.SIGINT, signal.SIGTERM), None), ((signal.SIGTERM, signal.SIGINT), BY_SIGTERM)],
)
def test_of_two_signals_the_first_says_how_a_run_ended(signals: tuple[signal.Signals, ...], said: str | None) -> None:
    """A service manager that has told the run to end goes on to end the process."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with StopSignals() as stopping:
        for number in signals:
            os.kill(os.getpid(), number)
        assert (stopping.came, stopping.interrupted_by) == (bool(signals), said)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_program_that_ends_the_run_completes_it_also_from_another_thread(bundle: Bundle, tmp_path: Path) -> None:
    ended, done = threading.Event(), []
    run = {"bundle": bundle, "out": tmp_path / "run", "threads": 1, "ended": ended, "on_status": lambda _: ended.set()}
    thread = threading.Thread(target=lambda: done.append(inspect_live(["http://127.0.0.1:9/"], **run)[0]))
    thread.start()
    thread.join(60)

    (inspection,) = done
    assert (inspection.status, inspection.status_reasons) == ("incomplete", ("no frame was inspected",))
    assert [gap.reason for gap in inspection.coverage.gaps] == ["camera_lost"]


def test_a_program_that_breaks_off_has_not_said_that_the_inspection_was_over(inspector: Inspector, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), LiveInspection(inspector, out=tmp_path / "run") as live:
        ready(live).submit(picture(0), distance_m=1.0)
        until(lambda: live.status.accounting.processed)
        1 / 0  # noqa: B018 - the robot's own defect

    assert live.inspection == inspection_from_journal(tmp_path / "run") and live.inspection.status == "interrupted"
    assert live.inspection.status_reasons == ("the program that drives the inspection broke off (ZeroDivisionError)",)


def test_what_an_interrupted_life_lost_by_a_defect_is_lost_for_ever_and_that_it_was_stopped_is_not(
    inspector: Inspector, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    live = LiveInspection(inspector, out=tmp_path / "run", resume=True)
    live.start()
    ready(live).submit(picture(0), distance_m=0.5)
    until(lambda: live.status.accounting.processed)
    live._run.ledger.defects = 1
    first = live.stop(interrupted_by=BY_SIGTERM)
    whole = short_life(inspector, tmp_path / "run")

    (lost, by_sigterm), (still_lost,) = first.status_reasons, whole.status_reasons
    assert "defect of the software" in lost and by_sigterm == BY_SIGTERM and (first.status, whole.status) == ("interrupted", "incomplete")
    assert still_lost.endswith(lost) and still_lost.startswith("up to ")


def test_what_a_life_that_broke_off_lost_by_a_defect_is_lost_for_ever(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run", resume=True) as live:
        ready(live).submit(picture(0), distance_m=0.5)
        until(lambda: live.status.accounting.processed)
        live._run.ledger.defects = 1
    without_its_end(tmp_path / "run")
    broke_off, whole = inspection_from_journal(tmp_path / "run"), short_life(inspector, tmp_path / "run")

    for record, status in ((broke_off, "recovered"), (whole, "incomplete")):
        assert record.status == status
        assert [reason for reason in record.status_reasons if "up to 0.50 m: results" in reason and reason.endswith(": 1")]


# Never begun


def test_an_inspection_that_was_never_started_leaves_nothing(inspector: Inspector, tmp_path: Path) -> None:
    """Nor does it say that the run broke off, which never was."""
    live = LiveInspection(inspector, out=tmp_path / "run")
    first, again = live.stop(), live.stop(interrupted_by=BY_SIGTERM)

    assert first == again == live.inspection and first.coverage.gaps == ()
    assert (first.status, first.status_reasons) == ("incomplete", ("the run was never started", "no frame was inspected"))
    assert not (tmp_path / "run").exists()
    with pytest.raises(RuntimeError, match="one life"):
        live.start()


def test_a_start_that_fails_and_a_folder_that_was_there_are_left_as_they_were(inspector: Inspector, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "robot.log").write_text("mine")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        live = LiveInspection(inspector, out=tmp_path / "run", metrics_port=taken.getsockname()[1])
        with pytest.raises(InputError, match="metrics port"):
            live.start()

    assert live.stop().status_reasons[0] == "the run was never started"
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["robot.log"]


def test_a_run_whose_next_life_was_never_started_stays_as_it_was(inspector: Inspector, tmp_path: Path) -> None:
    before = short_life(inspector, tmp_path / "run")

    assert LiveInspection(inspector, out=tmp_path / "run", resume=True).stop() == before
    assert main(["report", str(tmp_path / "run")]) == 0


# Several lives


def test_counter_readings_are_those_of_all_lives_and_a_picture_of_another_size_is_told_of(inspector: Inspector, tmp_path: Path) -> None:
    """Of a life that broke off, too: the second one, whose end is taken away."""
    for number, (readings, height) in enumerate(((4, 96), (6, 192), (9, 96))):
        with LiveInspection(inspector, out=tmp_path / "run", resume=True) as live:
            drive(live, float(number), readings, height)
        if number == 1:
            without_its_end(tmp_path / "run")
            broke_off = inspection_from_journal(tmp_path / "run")

    whole = live.inspection
    assert broke_off.odometer is not None and (broke_off.odometer.samples, broke_off.odometer.jumps) == (4 + 6 + 2, 2)
    assert (broke_off.source.width, broke_off.source.height) == (128, 192) and broke_off.source.fps > 0
    assert whole.odometer is not None and (whole.odometer.samples, whole.odometer.jumps) == (4 + 6 + 9 + 3, 3)
    assert (whole.source.width, whole.source.height, whole.accounting.received) == (128, 96, 3)
    assert [notice for notice in whole.notices if "the picture was" in notice] == ["Up to 1.00 m: the picture was 128x192 pixels."]
    assert whole.source.fps == pytest.approx(3 / whole.coverage.duration_s, abs=0.02)


def drive(live: LiveInspection, from_m: float, readings: int, height: int) -> None:
    """A frame, the counter, and a jump of it."""
    ready(live).submit(picture(0).repeat(height // 96, axis=0), distance_m=from_m)
    until(lambda: live.status.accounting.processed)
    for number in range(1, readings):
        live.odometer.push(from_m + number * 0.001)
    live.odometer.push(50.0)
    until(lambda: live.status.chainage_m == 50.0)


def without_its_end(run_dir: Path) -> None:
    """As if it had been killed a moment before."""
    with contextlib.closing(sqlite3.connect(run_dir / "journal.sqlite", isolation_level=None)) as connection:
        newest = "seq = (SELECT max(seq) FROM entry)"
        assert '"kind":"end"' in connection.execute(f"SELECT body FROM entry WHERE {newest}").fetchone()[0]
        connection.execute(f"DELETE FROM entry WHERE {newest}")


def test_a_run_that_broke_off_with_nothing_in_view_may_be_complete_with_a_gap(inspector: Inspector, tmp_path: Path) -> None:
    """As after a lost camera: the stretch is in the gaps. `recovered` is for what may be missing from a stretch that counts as seen."""
    short_life(inspector, tmp_path / "run")
    without_its_end(tmp_path / "run")
    assert inspection_from_journal(tmp_path / "run").status == "recovered"
    whole = short_life(inspector, tmp_path / "run")

    assert (whole.status, whole.status_reasons) == ("complete", ()) and "crashed" in [gap.reason for gap in whole.coverage.gaps]
    assert "The run broke off (power loss or kill) and went on later: after 1.00 m." in whole.notices
    assert main(["report", str(tmp_path / "run")]) == 0
