"""How the capture process opens a camera: OpenCV with FFmpeg, V4L2 or GStreamer, or a `gst-launch-1.0` child where OpenCV has none."""

import os
import shutil
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.redact import secrets_of
from edge_sdk.errors import SourceError
from edge_sdk.opencv import quiet

GST_LAUNCH = "gst-launch-1.0"
# TCP: a lost datagram would smear a whole group of pictures. No frame threads: each would hold back one frame. No probing of the rate: it
# held back the first picture of an RTSP stream by 0.9 s. The protocols keep a server's playlist from leading to this machine's files.
FFMPEG_OPTIONS = (
    "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|fpsprobesize;0|protocol_whitelist;http,https,httpproxy,rtsp,rtp,udp,tcp,tls,crypto"
)
V4L2_BUFFERS = 2


class Grabber(Protocol):
    """An open camera, in the capture process. `fps` is what it announces (0: nothing); `to_rgb` OpenCV's conversion for its images."""

    fps: float
    to_rgb: int

    def read(self) -> NDArray[np.uint8] | None:
        """The next image, None when the stream is over. May hang for ever: the parent kills the process."""
        ...


class OpenCVGrabber:
    """Anything `cv2.VideoCapture` opens.

    Raises:
        SourceError: If it does not open.
    """

    to_rgb = cv2.COLOR_BGR2RGB

    def __init__(self, address: LiveAddress) -> None:
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", FFMPEG_OPTIONS)
        backend = {"network": cv2.CAP_FFMPEG, "v4l2": cv2.CAP_V4L2, "gstreamer": cv2.CAP_GSTREAMER}[address.kind]
        with quiet():
            self._capture = cv2.VideoCapture(address.target, backend)
        if not self._capture.isOpened():
            raise SourceError("cannot be opened")
        if address.kind == "v4l2":
            self._ask_for(address)
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> NDArray[np.uint8] | None:
        """The next image; see `Grabber.read`."""
        ok, image = self._capture.read()
        if not ok:
            return None
        return np.zeros((0, 0, 3), np.uint8) if image is None else image  # type: ignore[return-value] # 16 bit is refused by the worker

    def _ask_for(self, address: LiveAddress) -> None:
        """The format first: a webcam's rates and sizes depend on it. A camera that cannot do it keeps what it has."""
        if address.fourcc:
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*address.fourcc))
        if address.size:
            self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, address.size[0])
            self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, address.size[1])
        if address.fps:
            self._capture.set(cv2.CAP_PROP_FPS, address.fps)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, V4L2_BUFFERS)


def open_grabber(address: LiveAddress) -> Grabber:
    """Open what is behind an address.

    Raises:
        SourceError: If it does not open.
    """
    if address.kind == "gstreamer" and not opencv_has_gstreamer():
        from edge_sdk.camera.gst_launch import GstLaunchGrabber

        return GstLaunchGrabber(address)
    return OpenCVGrabber(address)


def check_can_open(address: LiveAddress) -> None:
    """Refuse at once what no attempt will ever open on this machine.

    Raises:
        SourceError: If neither OpenCV nor gst-launch can run the pipeline, with the remedy.
    """
    if address.kind != "gstreamer" or opencv_has_gstreamer():
        return
    remedy = "use an OpenCV built with GStreamer (JetPack's, or apt install python3-opencv)"
    if shutil.which(GST_LAUNCH) is None:
        raise SourceError(f"{address.name}: neither this OpenCV nor {GST_LAUNCH} can run GStreamer pipelines; {remedy}")
    if secrets_of(address.target):
        raise SourceError(f"{address.name}: a pipeline with credentials must not stand in {GST_LAUNCH}'s command line; {remedy}")


@lru_cache(maxsize=1)
def opencv_has_gstreamer() -> bool:
    """Whether this OpenCV was built with GStreamer; the one from PyPI was not."""
    lines = (line.split(":", 1) for line in cv2.getBuildInformation().splitlines() if "GStreamer" in line)
    return any(rest and rest[0].strip().startswith("YES") for _, *rest in lines)
