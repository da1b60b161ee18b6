"""The supervisor on a real live stream and a real notification socket: ready, degraded, stuck, ended; and what breaks around it."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveModel, LiveSettings
from edge_sdk.supervision import (
    CameraSnapshot,
    Counts,
    Limits,
    Metrics,
    Notifier,
    Snapshot,
    Supervisor,
    TimedSession,
    Transition,
    read_status,
)
from edge_sdk.supervision.status_file import FILE, judge
from live_fakes import GREY, HANG_S, FakeSession, FakeSource, keeps_within, live_model, until


@pytest.fixture(autouse=True)
def no_thread_is_left_behind():
    yield
    until(lambda: not [thread for thread in threading.enumerate() if thread.name in ("supervisor", "metrics-endpoint")])


def look_at(stream: LiveStream, model: LiveModel) -> Callable[[], Snapshot]:
    """As a program fills the snapshot."""

    def look() -> Snapshot:
        status = stream.status
        cameras = (
            CameraSnapshot(f"camera {i}", c.source_state, c.frame_age_ms, c.reconnects, c.frames_lost) for i, c in enumerate(status.cameras)
        )
        return Snapshot(
            phase=status.state, self_test_passed=True, model=status.model, provider=status.provider, precision=model.session.precision,
            accounting=Counts(*status.accounting), working_s=status.working_s, results_lost=status.results_lost, cameras=tuple(cameras),
        )  # fmt: skip

    return look


def watched(manager, monkeypatch: pytest.MonkeyPatch, usec: int = 400_000) -> Notifier:
    monkeypatch.setenv("WATCHDOG_USEC", str(usec))
    return Notifier(manager.address)


def pings(manager, seconds: float) -> int:
    """WATCHDOG messages within so long."""
    manager.all_heard()
    time.sleep(seconds)
    return manager.all_heard().count("WATCHDOG=1")


def test_a_live_stream_from_start_to_end(tmp_path: Path, manager, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Transition] = []
    metrics, notifier = Metrics(), watched(manager, monkeypatch)
    model = live_model(TimedSession(FakeSession(), metrics.observe_inference))
    stream = LiveStream(model, LiveSettings(no_frame_s=60.0))
    with Supervisor(
        look_at(stream, model), run_dir=tmp_path, notifier=notifier, metrics=metrics, metrics_port=0, on_transition=told.append
    ) as supervisor, stream:  # fmt: skip
        stream.on_result(lambda result: supervisor.frame_done(age_s=result.age_ms / 1e3))
        until(lambda: stream.submit(GREY) > 20 and supervisor.state == "ACTIVE" and metrics.text().count("frames_processed_total 0") == 0)
        assert until(lambda: pings(manager, 0.5))
        status = until(lambda: (read := read_status(tmp_path)).frames.processed and read)
        assert judge(status).ended is False and status.model == "first" and status.result_age_s is not None
        connection = HTTPConnection("127.0.0.1", supervisor.endpoint.port, timeout=30)
        connection.request("GET", "/healthz")
        response = connection.getresponse()
        health = json.loads(response.read())
        connection.close()
        assert health["state"] in ("ACTIVE", "DEGRADED") and response.status == (200 if health["alive"] else 503)
        manager.all_heard()
        with supervisor.reloading():
            stream.swap(live_model(FakeSession(2.0), "second"))
        heard = manager.all_heard()
        assert [word.split("\n")[0] for word in heard if word.startswith(("RELOADING", "READY"))] == ["RELOADING=1", "READY=1"]

    until(lambda: read_status(tmp_path).state == "FINALIZED" == supervisor.state)
    steps = [(change.before, change.after) for change in told if change.before != change.after]
    assert steps[:2] == [("UNCONFIGURED", "INACTIVE"), ("INACTIVE", "ACTIVE")] and steps[-1][1] == "FINALIZED"
    assert any(word.startswith("STOPPING=1") for word in manager.all_heard())
    text = metrics.text()
    assert "edge_sdk_inference_duration_seconds_count 0" not in text and "edge_sdk_result_age_seconds_count 0" not in text
    assert f"edge_sdk_frames_received_total {stream.accounting.received}\n" in text
    notifier.close()


def test_ready_is_said_only_after_the_self_test_and_the_warm_up(running: Snapshot, manager) -> None:
    snapshots = [replace(running, phase="running", self_test_passed=False)]
    notifier = Notifier(manager.address)
    with Supervisor(lambda: snapshots[-1], notifier=notifier) as supervisor:
        until(lambda: supervisor.level == "OK")
        snapshots.append(replace(running, phase="loading"))
        until(lambda: supervisor.state == "INACTIVE")
        assert not [word for word in manager.all_heard() if word.startswith("READY")]
        snapshots.append(running)
        until(lambda: supervisor.state == "ACTIVE")
        assert until(lambda: "READY=1" in manager.all_heard())
        snapshots += [replace(running, phase="paused"), running]
        until(lambda: supervisor.state == "ACTIVE")
    assert "READY=1" not in manager.all_heard()
    notifier.close()


def test_a_hung_worker_ends_the_pings(manager, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    gate.set()
    model, notifier = live_model(FakeSession(gate=gate)), watched(manager, monkeypatch)
    stream = LiveStream(model, LiveSettings(batch=1, stuck_s=60.0))
    with stream, Supervisor(look_at(stream, model), notifier=notifier) as supervisor:
        stream.on_result(lambda result: supervisor.frame_done(age_s=result.age_ms / 1e3))
        until(lambda: stream.submit(GREY) and stream.accounting.processed and supervisor.state == "ACTIVE")
        gate.clear()
        until(lambda: stream.submit(GREY) and stream.status.working_s > 0.8)
        manager.all_heard()
        for _ in range(8):  # the camera films on; that is no proof of anything
            stream.submit(GREY)
            time.sleep(0.1)
        assert "WATCHDOG=1" not in manager.all_heard()
        stream.configure(LiveSettings(batch=1, stuck_s=0.3))
        until(lambda: "inference_stuck" in supervisor.lifecycle.reasons)
        until(lambda: (supervisor.state, supervisor.level) == ("DEGRADED", "ERROR"))
        gate.set()
        assert until(lambda: stream.submit(GREY) and supervisor.state == "ACTIVE")
        assert until(lambda: pings(manager, 0.5))
    notifier.close()


def test_an_unplugged_camera_alone_keeps_pinging(tmp_path: Path, manager, monkeypatch: pytest.MonkeyPatch) -> None:
    source, model, notifier = FakeSource([GREY]), live_model(FakeSession()), watched(manager, monkeypatch)
    stream = LiveStream(model)
    with stream, Supervisor(look_at(stream, model), run_dir=tmp_path, notifier=notifier) as supervisor:
        stream.attach(source)
        until(lambda: stream.accounting.processed and supervisor.state == "ACTIVE")
        source.state = "offline"
        until(lambda: supervisor.state == "DEGRADED")
        assert list(supervisor.lifecycle.reasons) == ["camera_offline"]
        for _ in range(3):
            assert until(lambda: pings(manager, 0.5))
        assert until(lambda: supervisor._health()[0])
        source.state = "online"
        until(lambda: supervisor.state == "ACTIVE")
    notifier.close()


def test_a_run_that_cannot_be_looked_at_shows_as_stale_and_supervision_goes_on(
    running: Snapshot, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = False

    def look() -> Snapshot:
        if broken:
            raise ZeroDivisionError("a defect of the robot's own")
        return running

    with Supervisor(look, run_dir=tmp_path) as supervisor:
        until(lambda: supervisor.level == "OK")
        broken = True
        until(lambda: supervisor.level == "STALE")
        until(lambda: judge(read_status(tmp_path)).stale)
        assert not supervisor._health()[0]
        broken = False
        until(lambda: supervisor.level == "OK")
        broken = True
    until(lambda: read_status(tmp_path).state == "FINALIZED")  # from the last look that could be had
    assert caplog.text.count("could not be looked at") <= 2


def test_a_defect_in_what_is_told_ends_nothing(running: Snapshot) -> None:
    def told(change: Transition) -> None:
        raise RuntimeError("a defect of the robot's own")

    with Supervisor(lambda: running, on_transition=told) as supervisor:
        until(lambda: supervisor.level == "OK" and supervisor.state == "ACTIVE")


def test_stopping_a_supervisor_that_hangs_takes_two_seconds(running: Snapshot) -> None:
    def stopping_s() -> float:
        gate, looks = threading.Event(), []

        def look() -> Snapshot:
            looks.append(1)
            if len(looks) > 1:
                gate.wait(HANG_S)
            return running

        supervisor = Supervisor(look)
        supervisor.start()
        until(lambda: len(looks) > 1)
        begin = time.monotonic()
        assert not supervisor.stop()
        took_s = time.monotonic() - begin
        gate.set()
        assert until(supervisor.stop)
        return took_s

    assert keeps_within(3.0, stopping_s)


def test_the_disk_that_fills_up_and_the_folder_that_goes_away(running: Snapshot, tmp_path: Path) -> None:
    with Supervisor(lambda: running, run_dir=tmp_path, limits=Limits(disk_bytes=1 << 60)) as supervisor:
        until(lambda: list(supervisor.lifecycle.reasons) == ["disk_low"])
        (tmp_path / FILE).unlink(missing_ok=True)
        until(lambda: (tmp_path / FILE).exists())
    until(lambda: supervisor.state == "FINALIZED")


def test_stop_is_harmless_before_the_start_and_twice(running: Snapshot) -> None:
    supervisor = Supervisor(lambda: running)
    assert supervisor.stop() and supervisor.stop()
