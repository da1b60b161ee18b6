from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera import grabbers, is_live, open_live, open_source
from edge_sdk.camera.address import live_address
from edge_sdk.errors import SourceError


@pytest.mark.parametrize(
    ("uri", "kind", "target"),
    [
        ("rtsp://u:p@camera:554/1", "network", "rtsp://u:p@camera:554/1"),
        ("RTSPS://camera/1", "network", "RTSPS://camera/1"),
        ("http://[::1]:8080/mjpeg", "network", "http://[::1]:8080/mjpeg"),
        ("https://camera/mjpeg", "network", "https://camera/mjpeg"),
        ("v4l2:///dev/video2", "v4l2", "/dev/video2"),
        ("/dev/video2", "v4l2", "/dev/video2"),
        ("2", "v4l2", "/dev/video2"),
        (2, "v4l2", "/dev/video2"),
        (Path("/dev/video2"), "v4l2", "/dev/video2"),
        ("v4l2:///dev/v4l/by-id/usb-Cam_1.2-video-index0", "v4l2", "/dev/v4l/by-id/usb-Cam_1.2-video-index0"),
        ("gst:videotestsrc ! appsink sync=false", "gstreamer", "videotestsrc ! appsink sync=false"),
    ],
)
def test_live_addresses_are_told_apart(uri: str, kind: str, target: str) -> None:
    address = live_address(uri)

    assert address is not None and (address.kind, address.target) == (kind, target) and is_live(uri)


@pytest.mark.parametrize("uri", ["film.mp4", "a:b.mp4", "2024-01-01T10:30:00.mp4", Path("film.mp4"), "./0", "", "."])
def test_paths_are_not_live(uri: str) -> None:
    assert live_address(uri) is None


def test_a_file_named_like_a_number_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("7").mkdir()

    assert live_address("7") is None and live_address("8") is not None


def test_a_v4l2_camera_is_asked_for_format_size_and_rate() -> None:
    address = live_address("v4l2:///dev/video0?width=1280&height=720&fps=12.5&fourcc=MJPG")

    assert address is not None and (address.size, address.fps, address.fourcc, address.name) == ((1280, 720), 12.5, "MJPG", "/dev/video0")
    given_rate = live_address("/dev/video0", fps=5)
    assert given_rate is not None and given_rate.fps == 5


def test_a_csi_camera_becomes_an_argus_pipeline() -> None:
    address = live_address("csi://1?width=1280&height=720&fps=30&flip=2")

    assert address is not None and address.name == "csi://1" and address.target.endswith("appsink drop=true max-buffers=2 sync=false")
    for part in ("nvarguscamerasrc sensor-id=1 !", "width=1280,height=720,framerate=30/1", "flip-method=2", "format=BGR !"):
        assert part in address.target


@pytest.mark.parametrize(
    "uri",
    [
        "rtsp://", "rtsp:///1", "rtsp://u:hunter2@", "rtsp://u:hunter2@c:99999/", "rtsp://u:hunter2@c:0/", "http://[::1/hunter2@",
        "rtsp://u:hunter2@c/a b", "rtsp://u:hunter2@c/\n", "rtsp://c/\x00", "ftp://u:hunter2@c/1", "://c", "rtsp://" + "c" * 5000,
        "v4l2://", "v4l2://video0", "v4l2:///dev/sda", "v4l2:///dev/video0/../sda", "/dev/videoX", "v4l2:///dev/video0?gain=1",
        "v4l2:///dev/video0?width=640", "v4l2:///dev/video0?width=640&height=0", "v4l2:///dev/video0?fps=0", "v4l2:///dev/video0?fps=nan",
        "v4l2:///dev/video0?fourcc=MJ", "csi://", "csi://x", "csi://0/1", "csi://0?flip=9", "csi://0?width=1;rm=2&height=1",
        "csi://0! fakesink", "gst:", "gst:videotestsrc", "gst:rtspsrc user-pw=hunter2 ! fakesink", "256", -1, 256, True,
    ],
)  # fmt: skip
def test_a_malformed_address_is_refused_in_one_line_without_credentials(uri: str) -> None:
    with pytest.raises(SourceError) as caught:
        open_source(uri)

    assert "hunter2" not in str(caught.value) and str(caught.value).isprintable() and len(str(caught.value)) < 400


@given(st.sampled_from(["rtsp://", "http://", "v4l2://", "csi://", "gst:", "x://", "/dev/video"]), st.text(max_size=60))
def test_any_text_is_an_address_or_refused_in_one_line(scheme: str, rest: str) -> None:
    try:
        address = live_address(scheme + rest)
    except SourceError as error:
        assert str(error).isprintable()
    else:
        assert address is not None and address.name.isprintable()


def test_gstreamer_without_any_gstreamer_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grabbers, "opencv_has_gstreamer", lambda: False)
    monkeypatch.setattr(grabbers.shutil, "which", lambda name: None)

    for uri in ("gst:videotestsrc ! appsink", "csi://0"):
        with pytest.raises(SourceError, match=r"neither this OpenCV nor gst-launch-1\.0 .*use an OpenCV built with GStreamer"):
            open_live(uri)


def test_credentials_never_reach_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grabbers, "opencv_has_gstreamer", lambda: False)
    monkeypatch.setattr(grabbers.shutil, "which", lambda name: "/usr/bin/gst-launch-1.0")

    for secret in ("location=rtsp://u:hunter2@c/1", "user-pw=hunter2"):
        with pytest.raises(SourceError, match=r"must not stand in gst-launch-1\.0's command line") as caught:
            open_live(f"gst:rtspsrc {secret} ! appsink")
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("timeout_s", [0, 0.4, 61, float("nan")])
def test_an_impossible_timeout_is_refused(timeout_s: float) -> None:
    with pytest.raises(SourceError, match="no-frame timeout"):
        open_source("rtsp://camera/1", no_frame_timeout_s=timeout_s)


def test_a_path_is_no_live_camera() -> None:
    with pytest.raises(SourceError, match="not the address of a live camera"):
        open_live("film.mp4")
