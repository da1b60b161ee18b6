"""How the capture process opens a camera: PyAV for network streams, OpenCV with V4L2 or GStreamer, or a `gst-launch-1.0` child."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.film_decoder import REMEDY, opencv_reads_interlaced
from edge_sdk.camera.frame import PixelOrder
from edge_sdk.camera.redact import secrets_of
from edge_sdk.contract.yuv import STUDIO, YuvColours
from edge_sdk.errors import SourceError
from edge_sdk.opencv import quiet

GST_LAUNCH = "gst-launch-1.0"
# TCP: a lost datagram would smear a whole group of pictures. No probing of the rate: it held back the first picture of an RTSP stream by
# 0.9 s. Sound and data are not even asked for. The protocols keep a server's playlist from leading to this machine's files.
FFMPEG_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "fflags": "nobuffer",
    "fpsprobesize": "0",
    "protocol_whitelist": "http,https,httpproxy,rtsp,rtp,udp,tcp,tls,crypto",
}
ONE_THREAD = [cv2.CAP_PROP_N_THREADS, 1]  # each of OpenCV's decoder threads holds back one frame: 120 ms at 25 frames a second
V4L2_BUFFERS = 2
BGR_FROM_CHANNELS = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


class Grabbed(NamedTuple):
    """A picture as the camera gives it: arrays that make `Frame.stored` when they are laid one after the other; see `Frame.order`."""

    planes: tuple[NDArray[np.uint8], ...]
    height: int
    width: int
    order: PixelOrder
    colours: YuvColours = STUDIO


class Grabber(Protocol):
    """An open camera, in the capture process. `fps` is what it announces (0: nothing)."""

    fps: float

    def read(self) -> Grabbed | None:
        """The next picture, None when the stream is over. May hang for ever: the parent kills the process.

        Raises:
            SourceError: If the stream broke off.
        """
        ...


class OpenCVGrabber:
    """Anything `cv2.VideoCapture` opens.

    Raises:
        SourceError: If it does not open.
    """

    def __init__(self, address: LiveAddress) -> None:
        os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "|".join(f"{key};{value}" for key, value in FFMPEG_OPTIONS.items()))
        backend = {"network": cv2.CAP_FFMPEG, "v4l2": cv2.CAP_V4L2, "gstreamer": cv2.CAP_GSTREAMER}[address.kind]
        with quiet():
            self._capture = cv2.VideoCapture(address.target, backend, ONE_THREAD if address.kind == "network" else [])
        if not self._capture.isOpened():
            raise SourceError("cannot be opened")
        if address.kind == "v4l2":
            self._ask_for(address)
        self.fps = float(self._capture.get(cv2.CAP_PROP_FPS))

    def read(self) -> Grabbed | None:
        """The next picture; see `Grabber.read`."""
        ok, image = self._capture.read()
        return of_opencv(np.zeros((0, 0, 3), np.uint8) if image is None else image) if ok else None  # type: ignore[arg-type] # may be 16 bit

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


def of_opencv(image: NDArray[np.uint8]) -> Grabbed:
    """A picture of OpenCV's: BGR, grey or BGR with an alpha channel."""
    code = BGR_FROM_CHANNELS.get(image.shape[2] if image.ndim == 3 else 1)
    if code is not None and image.size and image.dtype == np.uint8:  # the worker refuses what is not
        image = np.asarray(cv2.cvtColor(image, code), dtype=np.uint8)
    return Grabbed((image,), image.shape[0], image.shape[1], "bgr")


def grabber_for(address: LiveAddress) -> Callable[[LiveAddress], Grabber]:
    """What opens the camera behind an address, with its library loaded.

    Raises:
        SourceError: If there is nothing to open it with.
    """
    if address.kind == "network":
        return _network_grabber()
    if address.kind == "gstreamer" and not opencv_has_gstreamer():
        from edge_sdk.camera.gst_launch import GstLaunchGrabber

        return GstLaunchGrabber
    return OpenCVGrabber


def _network_grabber() -> Callable[[LiveAddress], Grabber]:
    try:
        from edge_sdk.camera.pyav_grabber import PyavGrabber  # imports PyAV
    except ImportError as error:
        if not opencv_reads_interlaced():
            raise SourceError(_without_pyav(str(error))) from error
        return OpenCVGrabber
    return PyavGrabber


def check_can_open(address: LiveAddress) -> None:
    """Refuse at once what no attempt will ever open on this machine.

    Raises:
        SourceError: If there is no library for it here, with the remedy.
    """
    if address.kind == "network" and importlib.util.find_spec("av") is None and not opencv_reads_interlaced():
        raise SourceError(f"{address.name}: {_without_pyav('not installed')}")
    if address.kind != "gstreamer" or opencv_has_gstreamer():
        return
    remedy = "use an OpenCV built with GStreamer (JetPack's, or apt install python3-opencv)"
    if shutil.which(GST_LAUNCH) is None:
        raise SourceError(f"{address.name}: neither this OpenCV nor {GST_LAUNCH} can run GStreamer pipelines; {remedy}")
    if secrets_of(address.target):
        raise SourceError(f"{address.name}: a pipeline with credentials must not stand in {GST_LAUNCH}'s command line; {remedy}")


def _without_pyav(why: str) -> str:
    return f"PyAV cannot be used ({why}), and this OpenCV ({cv2.__version__}) reads interlaced pictures as noise; {REMEDY}"


@lru_cache(maxsize=1)
def opencv_has_gstreamer() -> bool:
    """Whether this OpenCV was built with GStreamer; the one from PyPI was not."""
    lines = (line.split(":", 1) for line in cv2.getBuildInformation().splitlines() if "GStreamer" in line)
    return any(rest and rest[0].strip().startswith("YES") for _, *rest in lines)
