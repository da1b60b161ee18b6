"""Live runs that go on: after a stop, after a kill, with the same command as a service manager starts it again."""

import contextlib
import random
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

import tiny
from camera.servers import PERIOD_S, MjpegServer
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.cli import main
from edge_sdk.errors import InputError, OutputError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.inspect_live import inspect_live
from edge_sdk.journal import entries
from edge_sdk.journal.entries import Event, ObservationEntry, Progress, Serving, entry_from_body
from edge_sdk.journal.inspection import inspection_from_journal, rows_of
from edge_sdk.live.result import LiveSettings
from edge_sdk.live_run import ledger
from edge_sdk.records import Inspection, inspection_from_json
from live_fakes import PATIENCE_S, until
from live_scripts import Drive, ScriptedSource, in_real_time, observed, picture, ready
from test_live_inspection_cli import process


@pytest.fixture(scope="module")
def inspector(bundle_path: Path, trust: Path) -> Iterator[Inspector]:
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        yield inspector


def life(inspector: Inspector, out: Path, from_m: float, **options: object) -> Inspection:
    """31 frames over 1.24 m, with a crack from 0.32 to 0.64 m."""
    with LiveInspection(inspector, out=out, resume=True, **options) as live:  # type: ignore[arg-type]
        drive = Drive(ready(live), speed_m_s=1.0)
        drive.at_m = from_m
        drive.go(0.32)
        drive.go(0.32, tiny.RED)
        drive.go(0.6)
        observed(live, 1)
    return live.inspection


def short_life(inspector: Inspector, out: Path) -> Inspection:
    """One frame, a metre from the beginning."""
    with LiveInspection(inspector, out=out, resume=True) as live:
        ready(live).submit(picture(0), distance_m=1.0)
        until(lambda: live.status.accounting.processed)
        until(lambda: live.status.chainage_m)
    return live.inspection


@in_real_time
def test_a_run_that_was_stopped_goes_on_as_one_record(inspector: Inspector, tmp_path: Path) -> None:
    first = life(inspector, tmp_path / "run", 0.0)
    picture_before = {path: path.read_bytes() for path in (tmp_path / "run" / "pictures").iterdir()}
    whole = life(inspector, tmp_path / "run", 5.0)

    assert (whole.run_id, whole.created_utc) == (first.run_id, first.created_utc)
    assert whole.observations[0] == first.observations[0] and len(whole.observations) == 2
    before, after = whole.observations
    assert (before.seq, after.seq) == (0, 1) and before.observation_id != after.observation_id
    assert after.chainage_m == pytest.approx(5.6, abs=0.25) and after.time_s > first.coverage.duration_s
    assert whole.accounting.received == 62 and whole.status == "complete"
    (gap,) = (gap for gap in whole.coverage.gaps if gap.reason == "interrupted")
    assert (gap.from_m, gap.to_m) == (pytest.approx(1.24, abs=0.02), pytest.approx(5.04, abs=0.15))
    assert gap.from_s <= gap.to_s <= after.time_s
    assert any("The run was stopped and went on later: after 1.2" in notice for notice in whole.notices)
    assert all(path.read_bytes() == data for path, data in picture_before.items())


def test_a_third_life_under_other_thresholds_says_what_served_from_there(inspector: Inspector, tmp_path: Path) -> None:
    for number in range(3):
        with LiveInspection(inspector, out=tmp_path / "run", cameras=2, resume=True) as live:
            ready(live)
            if number == 2:
                live.set_thresholds({"RB": 0.25})
            for camera in (0, 1):
                live.submit(picture(number), camera=camera, distance_m=float(number))
            until(lambda live=live: live.status.accounting.processed >= 2)

    told = [entry_from_body(row.body) for row in rows_of(tmp_path / "run")]
    assert [entry.reason for entry in told if isinstance(entry, Serving)] == ["the run goes on"] * 2
    assert live.inspection.accounting.processed == 6 and live.inspection.thresholds["RB"] == 0.25
    assert len(live.inspection.notices) == len(set(live.inspection.notices))


def test_a_folder_with_another_run_or_a_film_is_not_gone_on_with_and_stays_as_it_is(
    inspector: Inspector, bundle: Bundle, tmp_path: Path
) -> None:
    short_life(inspector, tmp_path / "run")
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED)] * 10, fps=10)
    inspect_film(film, bundle=bundle, out=tmp_path / "film", film=False)
    before = {name: rows_of(tmp_path / name) for name in ("run", "film")}

    with pytest.raises(OutputError, match="holds the run of robot, another live source, and cannot go on with rtsp://cam/1; choose"):
        LiveInspection(inspector, out=tmp_path / "run", source=ScriptedSource(), resume=True)
    with pytest.raises(OutputError, match=r"holds the run of film.mp4, a film or folder"):
        LiveInspection(inspector, out=tmp_path / "film", resume=True)
    with pytest.raises(ValueError, match="one of overwrite and resume"):
        LiveInspection(inspector, out=tmp_path / "run", resume=True, overwrite=True)
    with pytest.raises(ValueError, match="5 cameras"):
        LiveInspection(inspector, out=tmp_path / "run", resume=True, cameras=5)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="metrics port"):
        LiveInspection(inspector, out=tmp_path / "run", resume=True, metrics_port=taken.getsockname()[1]).start()

    assert rows_of(tmp_path / "film") == before["film"]
    assert rows_of(tmp_path / "run")[: len(before["run"])] == before["run"]
    assert inspection_from_journal(tmp_path / "run").status == "complete", "a life that never began is none"


@pytest.mark.parametrize("damage", ["garbage", "beginning lost"])
def test_a_journal_that_nothing_can_be_made_of_is_put_aside_and_the_run_begins(inspector: Inspector, tmp_path: Path, damage: str) -> None:
    """Or a service would fail at every start, in a pipe where nobody can help it."""
    run_dir = tmp_path / "run"
    short_life(inspector, run_dir)
    (run_dir / "pictures").mkdir()
    (run_dir / "pictures" / "0001-RB.jpg").write_bytes(b"seen")
    path = run_dir / "journal.sqlite"
    if damage == "garbage":
        path.write_bytes(b"\x5a" * path.stat().st_size)
    else:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("DELETE FROM entry WHERE seq = 1")
    before = path.read_bytes()

    whole = [short_life(inspector, run_dir) for _ in range(2)][-1]

    assert (run_dir / "unreadable-1-pictures" / "0001-RB.jpg").read_bytes() == b"seen", "the new run's have the same names"
    assert (run_dir / "unreadable-1.sqlite").read_bytes() == before and not (run_dir / "unreadable-2.sqlite").exists()
    assert whole.accounting.processed == 2
    assert any("could not be read and lies beside as unreadable-1.sqlite" in notice for notice in whole.notices)


def test_after_a_power_cut_the_wall_clock_says_how_long_it_was_off_and_is_named(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = short_life(inspector, tmp_path / "run")
    monkeypatch.setattr(entries, "boot_id", lambda: "the next boot")  # its monotonic clock counts from anywhere
    whole = short_life(inspector, tmp_path / "run")

    told = [entry_from_body(row.body) for row in rows_of(tmp_path / "run")]
    (said,) = (entry.text for entry in told if isinstance(entry, Event) and entry.name == "resumed")
    assert re.fullmatch(r"the run goes on; nothing was recorded \d+\.\d s by the wall clock: the machine was started anew", said)
    (gap,) = (gap for gap in whole.coverage.gaps if gap.reason == "interrupted" and gap.from_m == 1.0)
    assert first.coverage.duration_s - 0.01 <= gap.from_s <= gap.to_s < first.coverage.duration_s + 60


def test_settings_that_cannot_serve_leave_the_folder_free(inspector: Inspector, tmp_path: Path) -> None:
    short_life(inspector, tmp_path / "run")
    before = rows_of(tmp_path / "run")
    with pytest.raises(ValueError):
        LiveInspection(inspector, out=tmp_path / "run", resume=True, settings=LiveSettings(thresholds=(0.5,)))

    assert rows_of(tmp_path / "run") == before
    assert short_life(inspector, tmp_path / "run").accounting.processed == 2


def test_an_observation_that_is_closed_is_no_more_in_view_should_the_run_break_off(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PROGRESS_S", 3600.0)  # told at the beginning and at the end, and when something is closed
    life(inspector, tmp_path / "run", 0.0)
    told = [entry_from_body(row.body) for row in rows_of(tmp_path / "run")]
    places = [number for number, entry in enumerate(told) if isinstance(entry, Progress)]
    (found,) = (number for number, entry in enumerate(told) if isinstance(entry, ObservationEntry))

    assert len(places) == 3 and places[0] < found < places[1]
    assert told[places[1]].in_view == ()


def test_reports_of_earlier_lives_do_not_lie_beside_a_run_that_goes_on(bundle: Bundle, tmp_path: Path) -> None:
    """Should it break off they would call it complete, without what was found since."""
    report, seen = tmp_path / "run" / "report.json", []
    for _ in range(2):
        inspect_live(
            ["http://127.0.0.1:9/"], bundle=bundle, out=tmp_path / "run", resume=True, threads=1, duration_s=0.6,
            on_status=lambda _: seen.append(report.exists()),
        )  # fmt: skip
        assert report.exists()
    assert len(seen) >= 2 and not any(seen)


def test_a_run_that_is_stopped_on_a_busy_machine_is_not_complete_without_what_it_saw(inspector: Inspector, tmp_path: Path) -> None:
    """Its ledger takes longer than it is given: no end is recorded then, so that the rest counts as not inspected."""
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live), speed_m_s=1.0)
        drive.go(0.2)
        drive.go(0.6, tiny.RED)
        until(lambda: live.latest().result)
        over = threading.Event()
        close = live._run.ledger._close
        live._run.ledger._close = lambda: (over.wait(PATIENCE_S), close())[1]  # type: ignore[method-assign]
        whole = live.stop(flush_s=0.2)
        over.set()

    assert whole.status == "recovered" and whole.coverage.gaps[-1].reason == "crashed"


@pytest.mark.parametrize("where", ["ledger", "scribe"])
def test_what_a_defect_of_ours_loses_makes_the_run_incomplete_also_when_it_goes_on(
    inspector: Inspector, tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("a defect")

    with LiveInspection(inspector, out=tmp_path / "run", resume=True) as live:
        drive = Drive(ready(live), speed_m_s=1.0)
        drive.go(0.2)
        if where == "ledger":
            live._run.ledger._pages[0].tracks.add = broken  # type: ignore[method-assign, assignment]
        else:
            live._run._scribe._record = broken  # type: ignore[method-assign, assignment]
        drive.go(0.4, tiny.RED)
        drive.go(0.6)
    assert live.inspection.observations == () and live.inspection.status == "incomplete"
    assert short_life(inspector, tmp_path / "run").status == "incomplete"
    assert "a defect" in caplog.text, "said in the log, and not to the robot"


def test_chainage_of_earlier_lives_makes_the_missing_of_it_a_gap(inspector: Inspector, tmp_path: Path) -> None:
    short_life(inspector, tmp_path / "run")
    with LiveInspection(inspector, out=tmp_path / "run", resume=True) as live:
        ready(live)
        for number in range(10):
            time.sleep(0.02)
            live.submit(picture(number))
        until(lambda: live.latest().result)

    assert live.inspection.basis == "distance" and "no_chainage" in [gap.reason for gap in live.inspection.coverage.gaps]


# With a kill between


TOLD = re.compile(r"recorded RB .* at (\d+\.\d\d) m")


class Pipe(MjpegServer):
    """A camera before which a crack passes each second."""

    def _pictures(self) -> Iterator[tuple[int, bytes]]:
        for number, _ in super()._pictures():
            image_HWC = picture(number, tiny.RED if number % round(1 / PERIOD_S) < 9 else None)
            yield number, cv2.imencode(".jpg", image_HWC[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()


class Counter:
    """The robot's odometer: another program appends to a file, and goes on doing so whatever becomes of the inspection."""

    def __init__(self, path: Path) -> None:
        self._path, self._over = path, threading.Event()
        path.write_text("time_s,distance_m\n")
        self._began_s = time.monotonic()
        self._thread = threading.Thread(target=self._count, daemon=True)

    @property
    def at_m(self) -> float:
        return time.monotonic() - self._began_s  # 1 m/s

    def __enter__(self) -> "Counter":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self) -> None:
        with self._path.open("a", buffering=1) as file:
            while not self._over.wait(0.04):
                print(f"0,{self.at_m:.3f}", file=file)


def recorded(child: "subprocess.Popen[str]", num: int) -> list[str]:
    """Chainages of observations that the child has told of, once there are so many: each is on the disk."""
    assert child.stderr is not None
    patience = threading.Timer(4 * PATIENCE_S, child.kill)
    patience.start()
    told: list[str] = []
    for line in child.stderr:
        told += re.findall(TOLD, line)
        if len(told) >= num:
            break
    patience.cancel()
    assert len(told) >= num, f"it ended after {told}"
    return told


def the_command(camera: Pipe, bundle_path: Path, trust: Path, folder: Path) -> list[str | Path]:
    command: list[str | Path] = ["-m", "edge_sdk.cli", "run", "--resume", "--out", folder / "run", camera.url]
    return [*command, "--odometer", folder / "counter.csv", "--bundle", bundle_path, "--trust", trust, "--threads", "1"]


@pytest.mark.slow
def test_a_service_goes_on_after_kills_at_any_moment(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    """A dozen starts that are killed after 0.3 to 6 s, some before there is a journal, some as it is opened; the last one is stopped."""
    choose, told = random.Random(20260611), []
    with Pipe() as camera, Counter(tmp_path / "counter.csv"):
        command = the_command(camera, bundle_path, trust, tmp_path)
        for _ in range(12):
            with process(*command) as child:
                time.sleep(choose.uniform(0.3, 6.0))
                child.kill()
                _, said = child.communicate()
            told += TOLD.findall(said)
            assert "error: " not in said and "Traceback" not in said, said
        with process(*command) as child:
            told += recorded(child, 1)
            child.send_signal(signal.SIGINT)
            child.communicate(timeout=60)

    whole = inspection_from_json((tmp_path / "run" / "report.json").read_bytes())
    assert set(told) <= {f"{item.chainage_m:.2f}" for item in whole.observations}
    assert whole.status == ("recovered" if any("in view when" in reason for reason in whole.status_reasons) else "complete")
    crashes = [gap for gap in whole.coverage.gaps if gap.reason == "crashed"]
    assert len(crashes) >= 2 and all(gap.from_m <= gap.to_m for gap in crashes if gap.from_m is not None and gap.to_m is not None)
    times = [item.time_s for item in whole.observations]
    assert times == sorted(times), "the robot drove forwards, and so does the run's time"
    assert not any("lost" in reason for reason in whole.status_reasons)


@in_real_time
def test_a_service_that_is_killed_and_started_again_with_the_same_command_goes_on(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Pipe() as camera, Counter(tmp_path / "counter.csv") as counter:
        command = the_command(camera, bundle_path, trust, tmp_path)
        with process(*command) as child:
            told = recorded(child, 2)
            child.send_signal(signal.SIGKILL)
            told += re.findall(TOLD, child.stderr.read() if child.stderr else "")
            child.wait()
            killed_m = counter.at_m
        report = inspection_from_journal(out)
        with process(*command) as child:
            told += recorded(child, 1)
            child.send_signal(signal.SIGINT)
            _, stderr = child.communicate(timeout=60)

    whole = inspection_from_json((out / "report.json").read_bytes())
    found = {f"{item.chainage_m:.2f}": item for item in whole.observations}
    assert set(told) <= set(found) and len(told) >= 3, "nothing that was told of is lost"
    assert report.status == "recovered" and {item.observation_id for item in report.observations} <= {
        item.observation_id for item in whole.observations
    }
    lacks = any("in view when it broke off" in reason for reason in report.status_reasons)  # by when it was killed
    assert (whole.run_id, whole.status) == (report.run_id, "recovered" if lacks else "complete") and "Traceback" not in stderr
    assert any(" and went on later" in said for said in (whole.status_reasons if lacks else whole.notices))
    (gap,) = (gap for gap in whole.coverage.gaps if gap.reason == "crashed")
    assert gap.from_m is not None and gap.to_m is not None and gap.from_m <= killed_m < gap.to_m
    assert max(item.chainage_m or 0.0 for item in report.observations) <= gap.from_m + 0.5
    assert len({item.observation_id for item in whole.observations}) == len(whole.observations)
    assert all(item.picture is None or (out / item.picture.path).is_file() for item in whole.observations)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "The run broke off here" in page
    assert (child.returncode, "error: the inspection is recovered" in stderr) == ((1, True) if lacks else (0, False))
    assert main(["report", str(out)]) == child.returncode


def test_what_cannot_be_gone_on_with_is_one_line(bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    url, film = "http://127.0.0.1:9/", tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED)] * 3, fps=10)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note.txt").write_text("mine")
    options = ["--bundle", str(bundle_path), "--trust", str(trust)]
    for arguments, said in (
        ([url, *options, "--resume"], "name its folder with --out"),
        ([str(film), *options, "--resume", "--out", str(tmp_path / "run")], "only a live run goes on"),
        ([url, *options, "--out", str(tmp_path / "full")], "go on with its run by --resume"),
    ):
        assert main(["run", *arguments]) == 1
        err = capfd.readouterr().err
        assert err.count("\n") == 1 and said in err and not (tmp_path / "run").exists()
    with pytest.raises(SystemExit, match="2"):
        main(["run", url, "--resume", "--overwrite", "--out", str(tmp_path / "run")])
