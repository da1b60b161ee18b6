"""Real network streams through FFmpeg: servers of the standard library, and ffmpeg's own where it is installed."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import tiny
from camera.servers import HEIGHT, WIDTH, MjpegServer, RtspServer, Server, certificate
from camera.watching import frames, next_frame, nothing_left, wait_for
from edge_sdk.camera import Backoff, Frame, LiveCamera, open_live
from edge_sdk.camera.address import LiveAddress, live_address
from edge_sdk.camera.grabbers import GST_LAUNCH, opencv_has_gstreamer


def opened(url: str) -> LiveCamera:
    return open_live(url, no_frame_timeout_s=0.8, reconnect=Backoff([0.2], jitter=0))


def is_the_film(frame: Frame) -> bool:
    """The servers' picture: its size, and blue the largest channel of the background."""
    assert frame.image_HWC is not None
    background = np.median(frame.image_HWC.reshape(-1, 3), axis=0)
    return frame.image_HWC.shape == (HEIGHT, WIDTH, 3) and bool(np.abs(background - (30, 60, 90)).max() <= 6)


@pytest.mark.parametrize("kind", [MjpegServer, RtspServer])
def test_a_stream_that_stalls_and_one_that_breaks_come_back(kind: type[Server]) -> None:
    with nothing_left(), kind(login="crew:hunter2") as server, opened(server.url.replace("://", "://crew:hunter2@")) as camera:
        assert all(is_the_film(frame) for frame in frames(camera, 10))

        server.stall()
        wait_for(lambda: camera.state == "offline", "the stall to be noticed")
        server.resume()
        _flush(camera)
        assert is_the_film(next_frame(camera))

        server.stop()
        wait_for(lambda: camera.state == "offline", "the break to be noticed")
        server.start()
        _flush(camera)
        assert is_the_film(next_frame(camera)) and camera.reconnects == 2
        events = camera.events()

    assert [event.state for event in events] == ["online", "offline"] * 2 + ["online"]
    assert "no frame for 0.8 s" in events[1].reason
    assert "hunter2" not in str(events) + camera.name


@pytest.mark.parametrize("kind", [MjpegServer, RtspServer])
def test_an_encrypted_stream_is_read_and_its_wrong_password_is_not_repeated(kind: type[Server], tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    with nothing_left(), kind(login="crew:hunter2", tls=tls) as server:
        assert server.url.startswith(("https://", "rtsps://"))
        with opened(server.url.replace("://", "://crew:hunter2@")) as camera:
            assert all(is_the_film(frame) for frame in frames(camera, 5))
        with opened(server.url.replace("://", "://crew:wrong-word@")) as camera:
            wait_for(lambda: camera.state == "offline", "the refusal")
            (event, *_) = camera.events()
    assert "401" in event.reason and "wrong-word" not in event.reason + camera.name


def test_a_wrong_password_is_said_without_it() -> None:
    with MjpegServer(login="crew:hunter2") as server, opened(server.url.replace("://", "://crew:wrong-word@")) as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
        (event,) = camera.events()

    assert event.reason == "cannot be opened (HTTP error 401 Unauthorized)"


def test_a_playlist_on_a_server_does_not_lead_to_this_machines_files(tmp_path: Path) -> None:
    film = tiny.write_film(tmp_path / "f.mp4", [np.full((96, 128, 3), 90, np.uint8)] * 50)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{film}\n#EXT-X-ENDLIST\n".encode()
    header = b"HTTP/1.0 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: %d\r\n\r\n" % len(playlist)

    class Playlist(Server):
        def _talk(self, client: socket.socket) -> None:
            client.recv(4096)
            client.sendall(header + playlist)

    with Playlist() as server, LiveCamera(_address(f"http://127.0.0.1:{server.port}/x.m3u8"), connect_timeout_s=1.5) as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
        assert camera.num_received == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_an_ffmpeg_that_is_stopped_killed_and_started_again_is_followed() -> None:
    port = _free_port()
    with nothing_left():
        sender = _ffmpeg(port)
        try:
            with opened(f"http://127.0.0.1:{port}/") as camera:
                frames(camera, 10)
                sender.send_signal(signal.SIGSTOP)
                stopped_s = time.monotonic()
                wait_for(lambda: camera.state == "offline", "the stop to be noticed")
                assert time.monotonic() - stopped_s < 0.8 + 1.0
                _end(sender)

                sender = _ffmpeg(port)
                _flush(camera)
                frames(camera, 10)
                sender.kill()
                wait_for(lambda: camera.state == "offline", "the kill to be noticed")
                _end(sender)

                sender = _ffmpeg(port)
                _flush(camera)
                frames(camera, 10)
                assert camera.reconnects == 2
        finally:
            _end(sender)


@pytest.mark.skipif(opencv_has_gstreamer() or shutil.which(GST_LAUNCH) is None, reason="the fallback needs gst-launch-1.0")
@pytest.mark.parametrize(
    "caps", ["width=128,height=96", "width=1280,height=720", "width=1280,height=720,format=NV12", "width=128,height=96,colorimetry=1:4:0:0"]
)
def test_a_gstreamer_pipeline_runs_without_an_opencv_that_has_gstreamer(caps: str) -> None:
    """GStreamer's own choice of colours differs with the size, and a camera's with the camera."""
    pipeline = f"videotestsrc pattern=solid-color foreground-color=0xffc86432 is-live=true ! video/x-raw,{caps},framerate=25/1 ! appsink"
    with nothing_left(), open_live(f"gst:{pipeline}") as camera:
        got = frames(camera, 5)

    for frame in got:
        assert frame.order == "i420" and frame.image_HWC is not None
        height, width = frame.size_hw or (0, 0)
        assert f"width={width},height={height}" in caps
        assert np.abs(np.median(frame.image_HWC.reshape(-1, 3), axis=0) - (200, 100, 50)).max() <= 4


@pytest.mark.skipif(opencv_has_gstreamer() or shutil.which(GST_LAUNCH) is None, reason="the fallback needs gst-launch-1.0")
def test_a_pipeline_that_cannot_run_is_offline_with_gstreamers_reason() -> None:
    with nothing_left(), open_live("gst:nosuchelement ! appsink", reconnect=Backoff([3600.0])) as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
        (event,) = camera.events()
    assert "the pipeline gave no frame" in event.reason and "nosuchelement" in event.reason


@pytest.mark.slow
def test_many_reconnects_leave_nothing_behind() -> None:
    with nothing_left(), MjpegServer() as server, opened(server.url) as camera:
        for _ in range(20):
            frames(camera, 3)
            server.stop()
            wait_for(lambda: camera.state == "offline", "the loss")
            server.start()
            _flush(camera)
        next_frame(camera)
        assert camera.reconnects == 20


def test_a_device_that_is_not_there_is_offline() -> None:
    with open_live("/dev/video97", reconnect=Backoff([3600.0])) as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
    assert camera.events()[0].reason.startswith("cannot be opened")


def _address(url: str) -> LiveAddress:
    address = live_address(url)
    assert address is not None
    return address


def _flush(camera: LiveCamera) -> None:
    while camera.read(0) is not None:
        pass


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _ffmpeg(port: int) -> "subprocess.Popen[bytes]":
    film = ["-re", "-f", "lavfi", "-i", f"testsrc=size={WIDTH}x{HEIGHT}:rate=25", "-f", "mpjpeg"]
    return subprocess.Popen(["ffmpeg", "-loglevel", "quiet", *film, "-listen", "1", f"http://127.0.0.1:{port}/"], stdin=subprocess.DEVNULL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()
