"""Network streams as PyAV gives them: what crosses to our process, what a bad stream costs, and what is said about it."""

import importlib.util
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import av.logging
import numpy as np
import pytest

from camera.film_servers import HEIGHT, PACKET, WIDTH, HttpFilmServer, deviation, stream
from camera.servers import MjpegServer, Server
from camera.watching import frames, next_frame, nothing_left, wait_for
from edge_sdk.camera import Backoff, LiveCamera, grabbers, open_live
from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.pyav_grabber import PyavGrabber
from edge_sdk.contract.yuv import YuvColours
from edge_sdk.errors import SourceError

NEVER = Backoff([3600.0], jitter=0)
MAX_DEVIATION = 4.0  # grey levels


def opened(url: str) -> LiveCamera:
    return open_live(url, no_frame_timeout_s=30, reconnect=NEVER)


def network(url: str) -> LiveAddress:
    return LiveAddress("network", "camera", url)


@pytest.mark.parametrize(
    ("pixels", "colours", "order", "meant"),
    [
        ("yuv420p", (1, 1), "i420", YuvColours("bt709", False)),
        ("yuv420p", (5, 2), "i420", YuvColours("bt601", True)),
        ("yuv422p", (5, 1), "bgr", YuvColours()),
    ],
)
def test_a_frame_crosses_as_it_was_decoded_and_keeps_what_its_numbers_mean(
    pixels: str, colours: tuple[int, int], order: str, meant: YuvColours, tmp_path: Path
) -> None:
    with HttpFilmServer(stream(tmp_path / "f.ts", pixels=pixels, colours=colours)) as server, opened(server.url) as camera:
        got = frames(camera, 3)

    for frame in got:
        assert (frame.order, frame.colours, frame.size_hw) == (order, meant, (HEIGHT, WIDTH))
        assert frame.image_HWC is not None and deviation(frame.image_HWC) < MAX_DEVIATION
    assert 0 <= camera.fps <= 50


def test_the_size_may_change_within_a_stream(tmp_path: Path) -> None:
    first, second = stream(tmp_path / "1.ts"), stream(tmp_path / "2.ts", size=(176, 144))
    sizes = []

    with HttpFilmServer(first, second) as server, opened(server.url) as camera:
        while (144, 176) not in sizes:
            frame = next_frame(camera)
            sizes.append(frame.size_hw)
        assert frame.image_HWC is not None and deviation(frame.image_HWC) < 3 * MAX_DEVIATION
        assert camera.reconnects == 0 and set(sizes) == {(HEIGHT, WIDTH), (144, 176)}


def test_a_picture_that_cannot_be_decoded_costs_itself() -> None:
    class Damaged(MjpegServer):
        def _pictures(self) -> Iterator[tuple[int, bytes]]:
            for number, data in super()._pictures():
                yield number, data if number % 3 else data[:2] + bytes(200)

    with Damaged() as server, opened(server.url) as camera:
        frames(camera, 8)
        assert [event.state for event in camera.events()] == ["online"]


def test_damaged_h264_is_followed_until_it_is_whole_again(tmp_path: Path) -> None:
    whole = stream(tmp_path / "f.ts")
    damaged, rng = bytearray(whole), np.random.default_rng(0)
    for start in range(40 * PACKET, len(whole), 9 * PACKET):  # the head of each packet stays, and so the stream
        damaged[start + 8 : start + PACKET] = rng.bytes(PACKET - 8)

    with HttpFilmServer(bytes(damaged), whole) as server, opened(server.url) as camera:
        wait_for(lambda: deviation(next_frame(camera).image_HWC) < MAX_DEVIATION, "a whole frame")  # type: ignore[arg-type]
        assert [event.state for event in camera.events()] == ["online"]


def test_a_stream_that_ends_is_offline_and_says_so(tmp_path: Path) -> None:
    with nothing_left(), HttpFilmServer(stream(tmp_path / "f.ts"), again=False) as server, opened(server.url) as camera:
        frames(camera, 1)
        wait_for(lambda: camera.state == "offline", "the end")
        events = camera.events()

    assert [event.state for event in events] == ["online", "offline"]
    assert events[1].reason.startswith(("the stream ended", "the stream broke off"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", "cannot be opened (HTTP error 404 Not Found)"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"<html>no camera</html>" * 200, "cannot be opened (Invalid data found"),
        (b"", "cannot be opened ("),
    ],
    ids=["404", "a page", "nothing"],
)
def test_the_reason_is_ffmpegs_in_one_line_without_the_password(answer: bytes, words: str) -> None:
    class Answer(Server):
        def _talk(self, client: socket.socket) -> None:
            client.recv(4096)
            client.sendall(answer)

    with nothing_left(), Answer() as server, opened(f"http://crew:hunter2@127.0.0.1:{server.port}/a?token=sesame99") as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
        (event,) = camera.events()

    assert event.reason.startswith(words) and event.reason.count("(") == 1
    assert "hunter2" not in event.reason and "sesame99" not in event.reason and " @ 0x" not in event.reason


def test_nobody_who_listens_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with opened(f"rtsp://crew:hunter2@127.0.0.1:{port}/cam") as camera:
        wait_for(lambda: camera.state == "offline", "the refusal")
        assert camera.events()[0].reason.endswith("failed: Connection refused)")


def test_an_error_of_the_grabber_names_no_url() -> None:
    try:
        with pytest.raises(SourceError, match=r"^cannot be opened$"):
            PyavGrabber(network("rtsp://crew:hunter2@127.0.0.1:1/cam"))
    finally:
        av.logging.set_level(None)  # it speaks on stderr, as a capture process shall


def test_without_pyav_opencv_reads_the_network_where_it_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge_sdk.camera.pyav_grabber", None)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "av" else find(name, *rest))
    address = network("rtsp://127.0.0.1/cam")

    monkeypatch.setattr(grabbers, "opencv_reads_interlaced", lambda: True)
    grabbers.check_can_open(address)
    assert grabbers.grabber_for(address) is grabbers.OpenCVGrabber

    monkeypatch.setattr(grabbers, "opencv_reads_interlaced", lambda: False)
    for refuse in (grabbers.check_can_open, grabbers.grabber_for):
        with pytest.raises(SourceError, match="reads interlaced pictures as noise; pip install 'av<20'"):
            refuse(address)
    assert grabbers.grabber_for(LiveAddress("v4l2", "/dev/video0", "/dev/video0")) is grabbers.OpenCVGrabber


def test_the_one_that_stands_in_for_pyav_reads_a_stream_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # What the grabber sets for its process shall not be left to this one: its films are files, which the protocols leave out.
    monkeypatch.setenv("OPENCV_FFMPEG_CAPTURE_OPTIONS", "")
    monkeypatch.delenv("OPENCV_FFMPEG_CAPTURE_OPTIONS")
    with MjpegServer() as server:
        grabbed = grabbers.OpenCVGrabber(network(server.url)).read()

    assert grabbed is not None and (grabbed.height, grabbed.width, grabbed.order) == (240, 320, "bgr")
    assert np.abs(np.median(grabbed.planes[0].reshape(-1, 3), axis=0) - (90, 60, 30)).max() <= 6
