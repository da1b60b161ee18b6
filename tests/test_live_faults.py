"""What a live run is given wrongly: addresses, passwords, frames and folders. One clear line, or it goes on; never a wrong result."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import tiny
from camera.servers import MjpegServer, RtspServer
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.camera.grabbers import GST_LAUNCH, opencv_has_gstreamer
from edge_sdk.cli import main
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import FrameShapeError, InputError, OutputError
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.records import inspection_from_json
from edge_sdk.supervision import read_status
from live_fakes import until
from live_scripts import picture, ready

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
SECRET = re.compile(r"hunter2|h%75nter2|Y3Jldzpodw|aHVudGVyMg")  # plain, half encoded, as basic authentication sends it


@pytest.fixture(scope="module")
def inspector(bundle_path: Path, trust: Path) -> Iterator[Inspector]:
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        yield inspector


@pytest.fixture
def options(bundle_path: Path, trust: Path, tmp_path: Path) -> list[str]:
    return ["--bundle", str(bundle_path), "--trust", str(trust), "--out", str(tmp_path / "run"), "--threads", "1"]


def run(*arguments: str, before: tuple[str, ...] = (), **environment: str) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "edge_sdk.cli", "run", *arguments]
    return subprocess.run(command, env=ENVIRONMENT | environment, capture_output=True, text=True, timeout=120)


def errors(said: str) -> list[str]:
    assert "Traceback" not in said and not SECRET.search(said), said
    return [line for line in said.splitlines() if line.startswith("error: ")]


def nothing_written_has_a_password(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert not path.is_file() or not SECRET.search(path.read_bytes().decode("latin-1")), path


# Addresses


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://", "rtsp:///cam", "rtsp://crew:hunter2@", "rtsp://crew:hunter2@cam:99999/1", "rtsp://crew:hunter2@[::1/1", "rtsp://crew:hunter2@cam:0/1",
        "rtsps://crew:hunter2@cam:port/1", "rtsps://crew:hunter2@ cam/1", "http://", "http://crew:hunter2@/", "https://crew:hunter2@:443/", "https://",
        "rtmp://crew:hunter2@cam/live", "srt://crew:hunter2@cam", "file:///etc/passwd", "ftp://crew:hunter2@cam/film.mp4",
        "rtsp://cam/1\n2", "http://cam/?password=hunter2" + "x" * 5000,
        "v4l2:///etc/passwd", "v4l2://video0", "v4l2:///dev/video0?width=640", "v4l2:///dev/video0?fps=hunter2", "/dev/video1234", "256",
        "csi://left", "csi://0?flip=9", "csi://0?sensor=1", "gst:", "gst:videotestsrc", "gst:rtspsrc user-pw=hunter2 ! fakesink",
        "rtsp:/crew:hunter2@cam/1", "rtsp:crew:hunter2@cam/1", "crew:hunter2@10.0.0.7/stream", "csi://crew:hunter2@0", "crew:hunter2://cam",
        "absent.mp4", "absent/", "",
    ],
)  # fmt: skip
def test_what_can_be_known_at_once_is_one_line_and_leaves_no_folder(
    uri: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    code = main(["run", *options, "--", uri])

    out, err = capfd.readouterr()
    (line,) = errors(err)
    assert code == 1 and out == "" and len(err.splitlines()) == 1 and len(line) < 600, err
    assert line.count("\x00") == 0 and "None" not in line
    assert not (tmp_path / "run").exists() and list(tmp_path.glob("live-*")) == []


def run_until(condition: Callable[[], object], *arguments: str) -> tuple[int, str]:
    """Start a run, stop it as an operator does once something holds; its exit code and all that it said."""
    command = [sys.executable, "-m", "edge_sdk.cli", "run", *arguments]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        try:
            until(condition)
            time.sleep(0.4)  # the next attempts, which begin at once where one has failed, are under way
            child.send_signal(signal.SIGINT)
            said, _ = child.communicate(timeout=60)
        finally:
            child.kill()
    return child.returncode, said


def states(out: Path) -> set[str]:
    return {camera.state for camera in read_status(out).cameras} if (out / "status.json").exists() else set()


@pytest.mark.slow
def test_cameras_that_may_come_later_are_asked_again_and_the_run_says_it_saw_nothing(options: list[str], tmp_path: Path) -> None:
    """Four at once: nobody listens, no TLS on the other side, no such device, nobody listens with TLS either."""
    out = tmp_path / "run"
    with MjpegServer() as plain:
        https, rest = f"https://crew:hunter2@127.0.0.1:{plain.port}/", ("/dev/video97", "rtsps://crew:hunter2@127.0.0.1:9/")
        code, said = run_until(lambda: states(out) == {"offline"}, "rtsp://crew:hunter2@127.0.0.1:9/cam", https, *rest, *options)

    (line,) = errors(said)
    assert code == 1 and "the inspection is incomplete: no frame was inspected" in line, said
    for name in ("rtsp://***@127.0.0.1:9/cam", f"https://***@127.0.0.1:{plain.port}/", "/dev/video97", "rtsps://***@127.0.0.1:9/"):
        assert len([line for line in said.splitlines() if f"{name} is offline: cannot be opened" in line]) == 1, f"{name}:\n{said}"
    inspection = inspection_from_json((out / "report.json").read_bytes())
    assert {(gap.reason, gap.camera) for gap in inspection.coverage.gaps} == {("camera_lost", camera) for camera in range(4)}
    nothing_written_has_a_password(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [MjpegServer, RtspServer])
def test_a_wrong_password_is_said_once_and_asked_again(
    kind: type[MjpegServer] | type[RtspServer], options: list[str], tmp_path: Path
) -> None:
    with kind(login="crew:right-word") as server:
        url = server.url.replace("://", "://crew:hunter2@")
        code, said = run_until(lambda: server.refused >= 3, url, *options)  # the password may be put right at the camera

    assert code == 1 and len(errors(said)) == 1
    (line,) = (line for line in said.splitlines() if "is offline: cannot be opened" in line)
    assert "401" in line and "***@127.0.0.1" in line
    nothing_written_has_a_password(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(opencv_has_gstreamer() or shutil.which(GST_LAUNCH) is None, reason="needs gst-launch-1.0")
def test_a_broken_pipeline_says_gstreamers_reason_and_is_tried_again(options: list[str], tmp_path: Path) -> None:
    broken = ("gst:videotestsrc ! nosuchelement ! appsink", "csi://0")
    code, said = run_until(lambda: states(tmp_path / "run") == {"offline"}, *broken, *options)

    assert code == 1 and "no frame was inspected" in errors(said)[0]
    assert 'no element "nosuchelement"' in said and 'no element "nvarguscamerasrc"' in said, said


def test_a_camera_that_was_absent_at_the_start_is_found_without_a_restart(inspector: Inspector, tmp_path: Path) -> None:
    from edge_sdk.camera import Backoff, open_live

    server = MjpegServer()
    server.stop()
    with (
        open_live(server.url, reconnect=Backoff([0.2], jitter=0)) as camera,
        LiveInspection(inspector, out=tmp_path / "run", source=camera) as live,
    ):
        until(lambda: live.latest().source_state == "offline")
        assert live.latest().result is None and live.status.phase in ("loading", "running")
        server.start()
        until(lambda: live.stream.accounting.processed > 3)
    server.stop()

    (gap,) = live.inspection.coverage.gaps[:1]
    assert gap.reason == "camera_lost" and gap.from_s == 0 and live.inspection.status == "complete"


# Frames (T-CAM6)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((96, 128), np.uint8), np.zeros((96, 128, 1), np.uint8), np.zeros((96, 128, 4), np.uint8),
        np.zeros((3, 96, 128), np.uint8), np.zeros((2, 96, 128, 3), np.uint8), np.zeros((96, 128, 3), np.float32),
        np.full((96, 128, 3), np.nan), np.zeros((96, 128, 3), np.uint16), np.zeros((96, 128, 3), np.int8),
        np.zeros((96, 128, 3), bool), np.zeros((96, 128, 3), object), [[[0, 0, 0]]], b"frame", None,
    ],
)  # fmt: skip
def test_a_frame_of_another_kind_is_our_error_and_the_run_goes_on(frame: object, inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        ready(live)
        with pytest.raises(FrameShapeError, match=r"\(H, W, 3\) and type uint8") as caught:
            live.submit(frame, distance_m=1.0)  # type: ignore[arg-type]
        assert "\n" not in str(caught.value)
        assert live.odometer.flags == {}, "a frame that was refused brings no reading"
        live.submit(picture(1))
        until(lambda: live.latest().result)

    assert live.inspection.accounting.received == live.inspection.accounting.processed == 1


def locked(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = image.copy()
    image.flags.writeable = False
    return image


LAYOUTS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    "read-only": locked,
    "upside down in memory": lambda image: image[::-1].copy()[::-1],
    "mirrored in memory": lambda image: image[:, ::-1].copy()[:, ::-1],
    "channels reversed in memory": lambda image: image[..., ::-1].copy()[..., ::-1],
    "cut out of a larger one": lambda image: np.pad(image, ((8, 8), (16, 16), (0, 0)))[8:-8, 16:-16],
    "planes": lambda image: np.ascontiguousarray(image.transpose(2, 0, 1)).transpose(1, 2, 0),
    "Fortran order": np.asfortranarray,
    "broadcast from one pixel row": lambda image: np.broadcast_to(image[:1], image.shape),
}


@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_frames_of_any_layout_score_what_the_picture_must(order: str, inspector: Inspector, tmp_path: Path) -> None:
    """Held against scores computed from the colours without the SDK, and changed by their owner at once after they were handed in."""
    codes = taxonomy().codes
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        ready(live)
        for colour in (tiny.RED, tiny.BLUE):
            image = tiny.painted(colour)
            for name, layout in LAYOUTS.items():
                given = layout(image if order == "rgb" else np.ascontiguousarray(image[..., ::-1]))
                number = live.submit(given, order=order)  # type: ignore[arg-type]
                if given.flags.writeable:
                    given[:] = 255 - given
                result = until(lambda seq=number: (newest := live.latest().result) and newest.seq == seq and newest)
                np.testing.assert_allclose(result.scores_C, tiny.expected_scores(image), atol=1e-3, err_msg=name)
                assert result.scores_C[codes.index(tiny.CLASS_OF_COLOUR[colour])] > 0.9
        assert live.stream.accounting == (2 * len(LAYOUTS), 2 * len(LAYOUTS), {}, 0)


def test_another_clock_camera_or_order_is_our_error(inspector: Inspector, tmp_path: Path) -> None:
    with LiveInspection(inspector, out=tmp_path / "run") as live:
        for wrong in ({"time_ns": time.time_ns()}, {"camera": 1}, {"camera": -1}, {"order": "yuv"}):
            with pytest.raises(InputError):
                live.submit(picture(1), **wrong)  # type: ignore[arg-type]
        assert live.stream.accounting.received == 0


# Folders (T-LOG5)


def test_a_second_process_on_the_folder_is_refused_and_the_first_goes_on(
    options: list[str], bundle_path: Path, trust: Path, tmp_path: Path, inspector: Inspector
) -> None:
    command = [sys.executable, str(ROOT / "tests" / "live_child.py"), str(bundle_path), str(trust), str(tmp_path / "run")]
    with subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        try:
            told = [first.stdout.readline().strip()]
            second = run("rtsp://crew:hunter2@127.0.0.1:9/cam", *options, "--overwrite", "--duration", "1")
            with pytest.raises(OutputError, match="another process is writing this run"):
                LiveInspection(inspector, out=tmp_path / "run", overwrite=True)
            told += [first.stdout.readline().strip() for _ in range(2)]
        finally:
            first.kill()
        told += first.stdout.read().split()
    (line,) = errors(second.stdout + second.stderr)
    assert second.returncode == 1 and "another process is writing this run" in line
    assert set(filter(None, told)) <= {item.observation_id for item in inspection_from_journal(tmp_path / "run").observations}


@pytest.mark.parametrize("where", ["locked/run", "locked", "file", "file/run"])
def test_a_folder_that_cannot_be_written_is_one_line_and_is_left_as_it_was(where: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir()
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "locked").chmod(0o555)
    out = tmp_path / where

    options = [*options[:-4], "--out", str(out), "--duration", "1"]
    done = run("rtsp://crew:hunter2@127.0.0.1:9/cam", *options, before=as_owner())

    (tmp_path / "locked").chmod(0o755)
    (line,) = errors(done.stdout + done.stderr)
    assert done.returncode == 1 and str(out) in line, done.stderr
    assert list((tmp_path / "locked").iterdir()) == [] and (tmp_path / "file").read_text() == "not a folder"


def as_owner() -> tuple[str, ...]:
    """Root may write anywhere: without that capability it is an owner like any other."""
    if os.geteuid() != 0:
        return ()
    give_up = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    try:
        if subprocess.run([*give_up, "true"], capture_output=True).returncode:
            pytest.skip("root cannot give its rights up here")
    except FileNotFoundError:
        pytest.skip("root cannot give its rights up here: no setpriv")
    return give_up
