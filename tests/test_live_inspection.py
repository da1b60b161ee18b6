"""Live inspections end to end on the tiny model: what is found, what is not seen, and what a robot may do meanwhile."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import tiny
from edge_sdk import Bundle, Inspector, LiveInspection, OdometerFeed
from edge_sdk.contract.golden import GoldenFrame, GoldenSet
from edge_sdk.errors import InferenceError, InputError, OutputError
from edge_sdk.journal import store
from edge_sdk.journal.entries import Event, Progress, Serving, entry_from_body
from edge_sdk.journal.inspection import rows_of
from edge_sdk.live.result import LiveSettings
from edge_sdk.records import Gap, Inspection
from edge_sdk.report import write_reports
from edge_sdk.supervision import read_status
from live_fakes import until
from live_scripts import Drive, ScriptedSource, in_real_time, observed, ready


@pytest.fixture(scope="module")
def inspector(bundle_path: Path, trust: Path) -> Iterator[Inspector]:
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        yield inspector


def gaps(inspection: Inspection) -> list[str]:
    return [gap.reason for gap in inspection.coverage.gaps]


def the_gap(inspection: Inspection, reason: str) -> Gap:
    (gap,) = (gap for gap in inspection.coverage.gaps if gap.reason == reason)
    return gap


@in_real_time
def test_a_robot_gets_its_observation_once_it_is_on_the_disk_and_the_record_is_the_journals(inspector: Inspector, tmp_path: Path) -> None:
    heard = []
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        ready(live)
        live.on_observation(heard.append)
        listed = live.observations()
        drive = Drive(live, speed_m_s=1.0)
        drive.go(0.4)
        drive.go(0.4, tiny.RED)
        drive.go(0.8)
        observed(live, 1)
        status = until(lambda: (tmp_path / "run" / "status.json").exists() and read_status(tmp_path / "run"))
        assert status.model.startswith("tiny") and status.journal is not None and status.cameras[0].name == "camera 0"

    (crack,) = live.inspection.observations
    assert heard == [crack] == list(listed)
    assert crack.class_.code == "RB" and crack.chainage_m == pytest.approx(0.8, abs=0.25), "at 1 m/s, and smoothing takes 0.2 s"
    assert crack.picture is not None and (tmp_path / "run" / crack.picture.path).is_file()
    counts = live.inspection.accounting
    assert counts.received == 40 == counts.processed + sum(counts.dropped.values())
    assert (live.inspection.status, live.inspection.basis, live.inspection.source.kind) == ("complete", "distance", "live")
    assert "camera_lost" not in gaps(live.inspection) and live.inspection.coverage.travelled_m == pytest.approx(1.54, abs=0.06)
    ended = read_status(tmp_path / "run")
    assert ended.state == "FINALIZED" and ended.frames.received == 40


@in_real_time
def test_a_lost_camera_leaves_a_gap_with_chainage_and_comes_back_without_a_restart(inspector: Inspector, tmp_path: Path) -> None:
    source, feed = ScriptedSource("rtsp://robot:secret@10.0.0.7/cam"), OdometerFeed()
    with LiveInspection(inspector, out=tmp_path / "run", source=source, odometer=feed) as live:
        drive = Drive(ready(live))
        until(lambda: live.latest().result)
        drive.blind(0.6)
        lost_m = drive.at_m
        source.lose()
        drive.blind(1.0)
        assert live.status.cameras[0].state == "offline"
        source.find()
        source.colour = tiny.BLUE
        drive.blind(0.8)
        assert live.status.cameras[0].reconnects == 1

    gap = the_gap(live.inspection, "camera_lost")
    assert (gap.from_m, gap.to_m) == (pytest.approx(lost_m, abs=0.05), pytest.approx(lost_m + 0.2, abs=0.08))
    assert [item.class_.code for item in live.inspection.observations] == ["IN"]
    assert any("lost and came back: 1" in notice for notice in live.inspection.notices)
    written = write_reports(live.inspection, tmp_path / "run")
    page = written["html"].read_text(encoding="utf-8")
    assert "The camera gave no pictures" in page and "secret" not in page + written["json"].read_text()
    assert "secret" not in (tmp_path / "run" / "status.json").read_text()


def test_a_camera_that_is_never_there_is_one_gap_and_no_complete_run(inspector: Inspector, tmp_path: Path) -> None:
    source = ScriptedSource()
    source.state = "connecting"
    with LiveInspection(inspector, out=tmp_path / "run", source=source) as live:
        ready(live)

    assert gaps(live.inspection) == ["camera_lost"] and live.inspection.observations == ()
    assert live.inspection.status == "incomplete" and "no frame was inspected" in live.inspection.status_reasons


@in_real_time
def test_a_picture_that_stands_still_is_not_inspected_from_where_it_began(inspector: Inspector, tmp_path: Path) -> None:
    source, feed = ScriptedSource(), OdometerFeed()
    with LiveInspection(inspector, out=tmp_path / "run", source=source, odometer=feed) as live:
        drive = Drive(ready(live), speed_m_s=0.1)
        until(lambda: live.latest().result)
        drive.blind(0.6)
        source.frozen, frozen_m = True, drive.at_m
        drive.blind(2.6)
        assert "frozen" in live.latest().result.quality and live.status.cameras[0].quality == ("frozen",)
        source.frozen, thawed_m = False, drive.at_m
        drive.blind(0.6)

    gap = the_gap(live.inspection, "frozen")
    assert (gap.from_m, gap.to_m) == (pytest.approx(frozen_m, abs=0.03), pytest.approx(thawed_m, abs=0.03))


@in_real_time
def test_two_cameras_have_their_own_observations_and_gaps(inspector: Inspector, tmp_path: Path) -> None:
    sources = [ScriptedSource("front"), ScriptedSource("back")]
    with LiveInspection(inspector, out=tmp_path / "run", source=sources, odometer=OdometerFeed()) as live:
        drive = Drive(ready(live), speed_m_s=0.5)
        until(lambda: live.latest(0).result and live.latest(1).result)
        sources[0].colour = sources[1].colour = tiny.RED
        drive.blind(0.6)
        sources[0].colour = sources[1].colour = None
        sources[1].lose()
        drive.blind(0.6)

    both = live.inspection.observations
    assert sorted((item.class_.code, item.camera) for item in both) == [("RB", 0), ("RB", 1)]
    assert len({item.observation_id for item in both}) == 2 and len({item.picture.path for item in both if item.picture}) == 2
    assert the_gap(live.inspection, "camera_lost").camera == 1
    assert live.inspection.source.name == "front, back"


@in_real_time
def test_a_pause_is_a_gap_and_drops_are_counted(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live))
        drive.go(0.5)
        live.pause()
        drive.go(0.6)
        assert live.status.phase == "paused"
        live.resume()
        drive.go(0.4)

    gap = the_gap(live.inspection, "paused")
    assert gap.to_m - gap.from_m == pytest.approx(0.12, abs=0.05)
    assert live.inspection.accounting.dropped["paused"] in (15, 16)  # one may have waited just then


def test_thresholds_changed_while_running_hold_from_the_next_frame_and_are_recorded(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live), speed_m_s=0.5)
        drive.go(0.3)
        live.set_thresholds({"RB": 0.999})
        drive.go(0.6, tiny.RED)
        with pytest.raises(InputError, match="there is no class XX"):
            live.set_thresholds({"XX": 0.5})
        with pytest.raises(InputError, match="each from 0 to 1"):
            live.set_thresholds([2.0] * 17)
        with pytest.raises(InputError, match="no numbers"):
            live.set_thresholds({"RB": "high"})  # type: ignore[dict-item]

    assert live.inspection.observations == () and live.inspection.thresholds["RB"] == 0.999
    assert live.inspection.model.threshold_origin == "set-during-the-run"
    (serving,) = entries(tmp_path / "run", Serving)
    assert serving.thresholds["RB"] == 0.999 and "thresholds changed" in serving.reason


@in_real_time
def test_the_model_is_exchanged_while_it_runs_and_one_that_fails_its_test_is_not_let_in(
    inspector: Inspector, tmp_path: Path, trust: Path
) -> None:
    other = Bundle.open(tiny.tiny_bundle(tmp_path / "new.bundle", version="2.0.0"), trust=[trust])
    wrong = Bundle.open(wrong_bundle(tmp_path / "wrong.bundle"), trust=[trust])
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live), speed_m_s=0.5, fps=50)
        drive.go(0.3)
        refused = live.swap(wrong)
        drive.go(0.2)
        swapped = live.swap(other)
        drive.go(0.5, tiny.RED)
        until(lambda: live.stream.swaps[-1].outcome == "kept" or drive.go(0.1))

    assert refused.outcome == "refused" and "golden frames differ" in refused.reason
    assert swapped.outcome == "on_probation"
    (serving,) = entries(tmp_path / "run", Serving)
    assert (serving.model.version, live.inspection.model.version) == ("2.0.0", "2.0.0")
    assert {"swap_refused", "swapped", "swap_kept"} <= {event.name for event in entries(tmp_path / "run", Event)}
    assert [item.class_.code for item in live.inspection.observations] == ["RB"]
    assert any("refused (" in notice for notice in live.inspection.notices)


def test_a_disk_that_stalls_holds_up_neither_the_robot_nor_inference_and_nothing_is_acknowledged_meanwhile(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-RT2."""
    gate, append = threading.Event(), store.Store.append
    gate.set()
    monkeypatch.setattr(store.Store, "append", lambda self, entries: (gate.wait(30), append(self, entries))[1])
    heard, slowest_s = [], 0.0
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live), speed_m_s=1.0)
        live.on_observation(heard.append)
        drive.go(0.2)
        gate.clear()
        processed = live.status.accounting.processed
        for colour, seconds in ((tiny.RED, 0.4), (None, 0.9)):
            drive.go(seconds, colour)
            began_s = time.monotonic()
            live.latest(), live.status
            slowest_s = max(slowest_s, time.monotonic() - began_s)
        until(lambda: live._run.ledger.num_observations == 1)
        assert heard == [] and live.status.observations == 0
        assert live.status.accounting.processed - processed > 15 and slowest_s < 0.5
        gate.set()
        observed(live, 1)
        until(lambda: heard)

    assert [item.class_.code for item in live.inspection.observations] == ["RB"]


@pytest.mark.slow
def test_the_end_is_bounded_where_the_disk_takes_nothing(inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, append = threading.Event(), store.Store.append
    live = LiveInspection(inspector, out=tmp_path / "run")
    live.start()
    ready(live)
    Drive(live).go(0.2)
    monkeypatch.setattr(store.Store, "append", lambda self, entries: (gate.wait(30), append(self, entries))[1])
    began_s = time.monotonic()
    inspection = live.stop(flush_s=0.5)

    assert time.monotonic() - began_s < 8 and inspection.status == "recovered"
    gate.set()


def test_a_model_that_fails_for_a_while_leaves_a_gap_and_the_run_goes_on(
    inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, broken = inspector.session.run, threading.Event()

    def sometimes(images_NHWC):
        if broken.is_set():
            raise InferenceError("out of order")
        return run(images_NHWC)

    monkeypatch.setattr(inspector.session, "run", sometimes)
    with LiveInspection(inspector, out=tmp_path / "run", settings=LiveSettings(no_frame_s=60.0)) as live:
        drive = Drive(ready(live))
        drive.go(0.4)
        broken.set()
        drive.go(0.5, tiny.RED)
        drive.go(0.12)
        broken.clear()
        drive.go(0.4)

    gap, dropped = the_gap(live.inspection, "inference_failed"), live.inspection.accounting.dropped["inference_failed"]
    assert 10 <= dropped <= 17 and gap.frames == dropped and gap.to_m - gap.from_m == pytest.approx(0.125, abs=0.05)
    assert live.inspection.observations == ()


@pytest.mark.slow
@in_real_time
def test_a_camera_that_looks_aside_is_no_evidence_that_nothing_is_there(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        drive = Drive(ready(live), speed_m_s=0.5)
        drive.go(0.3)
        drive.go(0.5, pan_deg=80.0)
        drive.go(0.5, tiny.RED, pan_deg=80.0, tilt_deg=-10.0)
        drive.go(0.3, pan_deg=0.0)

    gap = the_gap(live.inspection, "off_axis")
    assert gap.to_m - gap.from_m == pytest.approx(0.5, abs=0.08)
    assert [item.class_.code for item in live.inspection.observations] == ["RB"], "what was seen counts"


def test_one_folder_has_one_run(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        for overwrite in (False, True):
            with pytest.raises(OutputError, match="another process is writing this run"):
                LiveInspection(inspector, out=tmp_path / "run", overwrite=overwrite)
        Drive(ready(live)).go(0.2)
    with pytest.raises(OutputError, match="holds the journal of another run"):
        LiveInspection(inspector, out=tmp_path / "run")
    assert live.inspection.accounting.received == 5


def test_a_metrics_port_in_use_is_one_line_and_leaves_the_folder_as_it_was(inspector: Inspector, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="metrics port"):
        LiveInspection(inspector, out=tmp_path / "run", metrics_port=taken.getsockname()[1]).start()
    until(lambda: not set(threading.enumerate()) - before)

    with LiveInspection(inspector, out=tmp_path / "run") as live:
        ready(live)
    assert live.inspection.accounting.received == 0


@in_real_time
def test_the_way_from_the_last_picture_to_the_end_is_not_forgotten(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run", settings=LiveSettings(no_frame_s=60.0)) as live:
        drive = Drive(ready(live))
        drive.go(0.2)
        drive.blind(1.2)

    gap = the_gap(live.inspection, "camera_lost")
    assert gap.to_m - gap.from_m == pytest.approx(0.24, abs=0.05)


def test_progress_says_where_the_last_look_was_and_not_where_the_robot_is(inspector: Inspector, tmp_path: Path) -> None:
    """A run that breaks off leaves a gap from there on: the way without pictures belongs to it."""
    with LiveInspection(inspector, out=tmp_path / "run", settings=LiveSettings(no_frame_s=60.0)) as live:
        drive = Drive(ready(live))
        drive.go(0.4)
        looked_m = drive.at_m
        drive.blind(2.4)

    *before_the_end, _ = entries(tmp_path / "run", Progress)
    assert before_the_end[-1].chainage_m == pytest.approx(looked_m, abs=0.005)


def test_threads_are_gone_after_the_end(inspector: Inspector, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with LiveInspection(inspector, out=tmp_path / "run", source=ScriptedSource()) as live:
        ready(live)
        live.on_observation(lambda observation: None)
    until(lambda: not {thread for thread in threading.enumerate() if thread.is_alive()} - before)

    with pytest.raises(RuntimeError, match="one life"):
        live.start()


def entries(run_dir: Path, kind: type) -> list:
    return [entry for entry in (entry_from_body(row.body) for row in rows_of(run_dir)) if isinstance(entry, kind)]


def wrong_bundle(path: Path) -> Path:
    """A bundle that is signed, and whose golden frames say something else than its model does."""
    import msgspec

    frame = GoldenFrame("golden-0.png", {"fp32": (0.0,) * 17})
    return tiny.tiny_bundle(path, content=tiny.tiny_content(**{"golden.json": msgspec.json.encode(GoldenSet({"fp32": 0.01}, (frame,)))}))
