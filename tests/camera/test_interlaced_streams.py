"""Interlaced streams, as an analogue camera behind an encoder sends them, give the pictures that were filmed, not uninitialised memory."""

from pathlib import Path

import pytest

from camera.film_servers import HEIGHT, WIDTH, HttpFilmServer, RtspFilmServer, deviation, stream
from camera.watching import frames, nothing_left
from edge_sdk.camera import open_live

MAX_DEVIATION = 4.0  # grey levels; OpenCV 4.13 to 5.0 differs by 80 to 120


@pytest.mark.parametrize(("kind", "server"), [("interlaced h264", HttpFilmServer), ("interlaced mpeg2", RtspFilmServer)])
def test_an_interlaced_stream_gives_the_pictures_that_were_filmed(kind: str, server: type[HttpFilmServer], tmp_path: Path) -> None:
    data = stream(tmp_path / "film.ts", kind)

    with nothing_left(), server(data) as camera_server, open_live(camera_server.url, no_frame_timeout_s=30) as camera:
        got = frames(camera, 8)

    for frame in got:
        assert (frame.order, frame.size_hw) == ("i420", (HEIGHT, WIDTH)) and frame.image_HWC is not None
        assert deviation(frame.image_HWC) < MAX_DEVIATION
