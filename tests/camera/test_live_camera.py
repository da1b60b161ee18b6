"""A live camera against a capture process that fails on cue: real processes, pipes, signals and memory."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from camera.watching import PATIENCE_S, children, frames, is_dead, next_frame, nothing_left, scripted, wait_for
from edge_sdk.camera import Frame, FrameSource, LiveCamera, LiveSource, open_source
from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.backoff import Backoff
from live_fakes import keeps_within

GOOD = [["frames", 10000, 64, 48]]
UNHURRIED = [["frames", 10000, 64, 48, 0.5]]  # no frame is lost, however late a busy machine reads it
CLOSE_S = 2.0


def value(frame: Any) -> int:
    """The one value of all pixels; fails on a torn or stale frame."""
    assert frame.image_HWC.min() == frame.image_HWC.max()
    return int(frame.image_HWC[0, 0, 0])


def test_frames_come_in_order_with_monotonic_times_and_nothing_is_left_afterwards(tmp_path: Path) -> None:
    with nothing_left():
        before_ns = time.monotonic_ns()
        with scripted(tmp_path, GOOD, no_frame_timeout_s=30) as camera:
            source: FrameSource = camera
            live: LiveSource = camera
            got = frames(camera, 10)
            assert (live.state, source.kind, camera.reconnects) == ("online", "live", 0)
            assert (camera.width, camera.height, camera.fps) == (64, 48, 25.0)

    seqs, times = [f.seq for f in got], [f.captured_ns for f in got]
    assert all(value(frame) == frame.seq for frame in got) and seqs == sorted(set(seqs))
    assert times == sorted(times) and before_ns < times[0] <= times[-1] < time.monotonic_ns()
    assert (got[0].time_s == 0) == (got[0].seq == 0)  # a busy machine may be too late for the first frames
    assert got[-1].time_s - got[0].time_s == pytest.approx((times[-1] - times[0]) / 1e9)
    assert camera.state == "closed" and camera.read(5) is None


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ([], "the stream ended"),
        ([["raise"]], "the driver said no"),
        ([["hang"]], "no frame for 2 s"),
        ([["SIGSTOP"]], "no frame for 2 s"),
        ([["SIGKILL"]], "the capture process died"),
        ([["SIGSEGV"]], "the capture process died"),
    ],
    ids=["ends", "raises", "hangs", "is stopped", "is killed", "crashes"],
)
def test_a_lost_camera_is_noticed_and_comes_back(tmp_path: Path, fault: list[Any], reason: str) -> None:
    timeout_s = 2.0 if "no frame" in reason else 30.0
    with nothing_left(), scripted(tmp_path, [["frames", 3, 64, 48], *fault], UNHURRIED, no_frame_timeout_s=timeout_s) as camera:
        before = frames(camera, 3)
        wait_for(lambda: camera.state == "offline", "the loss")
        noticed_ns = time.monotonic_ns()
        after = next_frame(camera)
        events = camera.events()

    assert [event.state for event in events] == ["online", "offline", "online"] and camera.reconnects == 1
    assert reason in events[1].reason and "\n" not in events[1].reason
    assert events[1].last_frame_ns == before[-1].captured_ns and events[1].at_ns <= noticed_ns
    assert after.seq >= 3 and value(after) == after.seq - 3 and after.captured_ns > events[1].at_ns


def test_an_absent_camera_is_offline_until_it_appears(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    script = [["refuse"]], [["refuse"]], UNHURRIED
    with caplog.at_level(logging.INFO), scripted(tmp_path, *script, no_frame_timeout_s=30) as camera:
        assert camera.state in ("connecting", "offline") and camera.read(0) is None
        frame = next_frame(camera)

    assert [event.state for event in camera.events()] == ["offline", "online", "closed"]
    assert value(frame) == frame.seq and (frame.time_s == 0) == (frame.seq == 0) and camera.reconnects == 0
    assert len([r for r in caplog.records if "offline" in r.getMessage()]) == 1, "two failed attempts are one loss, said once"


def test_a_camera_that_connects_and_gives_no_frame_is_given_up_after_the_connect_timeout(tmp_path: Path) -> None:
    with scripted(tmp_path, [["hang"]], GOOD, connect_timeout_s=0.7) as camera:
        next_frame(camera)
        assert "no frame for 0.7 s" in camera.events()[0].reason


def test_the_size_may_change_and_no_pixel_of_the_former_one_stays(tmp_path: Path) -> None:
    sizes = [(720, 576), (1920, 1080), (352, 288), (1, 1), (0, 0), (5000, 8), (4096, 64), (720, 576)]
    script = [["frame", width, height, 10 + i, 0.5] for i, (width, height) in enumerate(sizes)]

    with scripted(tmp_path, [*script, ["hang"]], no_frame_timeout_s=30) as camera:
        got = frames(camera, len(sizes))

    shapes = [frame.image_HWC.shape[1::-1] for frame in got if frame.image_HWC is not None]
    assert shapes == [(720, 576), (1920, 1080), (352, 288), (1, 1), (0, 0), (0, 0), (4096, 64), (720, 576)]
    assert [value(frame) for frame in got if frame.image_HWC.size] == [10, 11, 12, 13, 16, 17]
    assert (camera.frames_lost, camera.num_received) == (0, len(sizes))


def test_of_a_burst_the_newest_are_kept_and_the_others_counted(tmp_path: Path) -> None:
    later = [["frame", 320, 240, number % 256, 0.5] for number in range(500, 600)]  # a frame without a slot is counted with the next
    got: list[Frame] = []
    with scripted(tmp_path, [["frames", 500, 320, 240, 0.0], *later], no_frame_timeout_s=30) as camera:
        wait_for(lambda: camera.num_received > 500, "a frame after the burst")

        def everyone_is_read_or_counted() -> bool:
            got.extend(iter(lambda: camera.read(0), None))
            return len(got) + camera.frames_lost == camera.num_received == got[-1].seq + 1

        wait_for(everyone_is_read_or_counted, "a moment between two frames")

    assert all(value(frame) == frame.seq % 256 for frame in got)
    assert [f.seq for f in got] == sorted({f.seq for f in got}) and camera.frames_lost > 0


def test_a_frame_half_written_by_a_killed_process_is_never_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAR", "true")

    with scripted(tmp_path, [["frames", 100, 64, 48]]) as camera:
        got = frames(camera, 6)

    assert [(frame.seq, value(frame)) for frame in got] == [(0, 0), (1, 1), (2, 2), (3, 0), (4, 1), (5, 2)]


@pytest.mark.parametrize("steps", [[["hang"]], [["SIGSTOP"]]], ids=["hangs", "is stopped"])
def test_close_is_quick_whatever_hangs_and_wakes_a_blocked_reader(tmp_path: Path, steps: list[Any]) -> None:
    def closing_s() -> float:
        answers: list[Any] = []
        with nothing_left():
            camera = scripted(tmp_path, steps, no_frame_timeout_s=60, connect_timeout_s=60)
            reader = threading.Thread(target=lambda: answers.append(camera.read(300)))
            reader.start()
            wait_for((tmp_path / "attempts").exists, "the attempt")
            start_s = time.monotonic()
            camera.close()
            took_s = time.monotonic() - start_s
            camera.close()
            reader.join(PATIENCE_S)
        assert answers == [None] and camera.state == "closed"
        return took_s

    assert keeps_within(CLOSE_S, closing_s)


def test_close_during_the_start_or_a_pause_is_quick(tmp_path: Path) -> None:
    def closing_s(until_offline: bool) -> float:
        with scripted(tmp_path, [["refuse"]], reconnect=Backoff([3600.0])) as camera:
            if until_offline:
                wait_for(lambda: camera.state == "offline", "the refusal")
            start_s = time.monotonic()
        return time.monotonic() - start_s

    with nothing_left():
        assert keeps_within(CLOSE_S, lambda: closing_s(False)) and keeps_within(CLOSE_S, lambda: closing_s(True))


def test_the_attempts_follow_the_back_off(tmp_path: Path) -> None:
    asked: list[float] = []

    class Recorded(Backoff):
        def lost(self) -> float:
            asked.append(super().lost())
            return 0.0

    with scripted(tmp_path, [["refuse"]], reconnect=Recorded(jitter=0)) as camera:
        wait_for(lambda: len(asked) >= 4, "four attempts")
        assert camera.state == "offline" and camera.frames_lost == 0
    assert asked[:4] == [1, 1, 1, 1]


def test_the_capture_process_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from camera.watching import scripted, next_frame, children\n"
        "camera = scripted(Path(sys.argv[1]), [['frames', 9, 64, 48], ['SIGSTOP']], no_frame_timeout_s=60); next_frame(camera)\n"
        "print(*children(), flush=True); time.sleep(60)"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, env=env, text=True) as parent:
        assert parent.stdout is not None
        (worker,) = (int(text) for text in parent.stdout.readline().split())
        assert Path(f"/proc/{worker}").exists()
        parent.send_signal(signal.SIGKILL)

    wait_for(lambda: is_dead(worker), "the orphan's death")


def test_a_machine_that_stood_still_has_not_lost_its_camera(tmp_path: Path) -> None:
    """Both processes are stopped for longer than the camera may be silent, and ours goes on first."""
    code = (
        "import sys, time; from pathlib import Path; from camera.watching import scripted, next_frame, children\n"
        "from edge_sdk.camera import live_camera; live_camera.GRACE_S = 30.0\n"
        "camera = scripted(Path(sys.argv[1]), [['frames', 10**6, 64, 48]], no_frame_timeout_s=1.0); next_frame(camera)\n"
        "print(*children(), flush=True); sys.stdin.readline(); since_ns = time.monotonic_ns()\n"
        "while next_frame(camera).captured_ns < since_ns: pass\n"
        "print(*(event.state for event in camera.events()), camera.reconnects, flush=True); camera.close()"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=env, text=True, **pipes) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        worker = int(parent.stdout.readline())
        for pid in (worker, parent.pid):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(1.5)
        parent.send_signal(signal.SIGCONT)
        time.sleep(0.2)
        os.kill(worker, signal.SIGCONT)
        assert parent.communicate("\n", timeout=PATIENCE_S)[0].split() == ["online", "0"]


def test_iterating_ends_with_the_camera_and_says_so(tmp_path: Path) -> None:
    with scripted(tmp_path, [["frames", 3, 64, 48]], no_frame_timeout_s=30, reconnect=Backoff([3600.0])) as camera:
        assert [frame.seq for frame in camera.frames()] == [0, 1, 2]
        assert camera.shortfall == "scripted stopped"


def test_credentials_are_in_nothing_that_is_said_or_shown(caplog: pytest.LogCaptureFixture) -> None:
    uri = "rtsp://admin:hunter2@127.0.0.1:1/stream?token=sesame99&channel=1"

    with caplog.at_level(logging.DEBUG), open_source(uri, reconnect=Backoff([3600.0])) as camera:
        assert isinstance(camera, LiveCamera)
        shown = "".join(Path(f"/proc/{pid}/{name}").read_text(errors="replace") for pid in children() for name in ("cmdline", "environ"))
        wait_for(lambda: camera.state == "offline", "the refusal")
        said = [camera.name, *(event.reason for event in camera.events()), *(r.getMessage() for r in caplog.records), caplog.text]

    text = " ".join([*said, shown, repr(camera), repr(threading.enumerate())])
    for secret in ("hunter2", "sesame99", "YWRtaW46aHVudGVyMg"):
        assert secret not in text
    assert "rtsp://***@127.0.0.1:1/stream?token=***&channel=1" in camera.name and "cannot be opened" in text


def test_a_system_without_a_free_descriptor_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create, refusals = os.memfd_create, iter([True, True])

    def failing(*arguments: Any) -> int:
        if next(refusals, False):
            raise OSError(24, "Too many open files")
        return create(*arguments)

    monkeypatch.setattr(os, "memfd_create", failing)

    with nothing_left(), scripted(tmp_path, GOOD) as camera:
        next_frame(camera)
        assert "no capture process can be started: Too many open files" in camera.events()[0].reason


def test_an_address_travels_to_the_worker_as_it_is() -> None:
    import msgspec

    address = LiveAddress("v4l2", "/dev/video0", "/dev/video0", 25.0, (1280, 720), "MJPG")
    assert msgspec.json.decode(msgspec.json.encode(address), type=LiveAddress) == address
    np.testing.assert_equal(address.size, (1280, 720))
