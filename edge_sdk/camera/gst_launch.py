"""GStreamer where OpenCV has none: a `gst-launch-1.0` child writes YUV4MPEG2 into a pipe, and we read frames from it.

YUV4MPEG2 names size and rate in its first line, so nothing has to be guessed. Its element (y4menc) is in gst-plugins-good, which JetPack
ships; the child lives in the capture process's group and dies with it. What the numbers mean YUV4MPEG2 does not say, and GStreamer takes
BT.709 from 577 lines on, so the pipeline is asked for BT.601 in studio range.
"""

import re
import shlex
import subprocess

import numpy as np

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.death import die_with_parent
from edge_sdk.camera.grabbers import GST_LAUNCH, Grabbed
from edge_sdk.contract.preprocess import MAX_SIDE_PX
from edge_sdk.errors import SourceError

TAIL = "! videoconvert ! video/x-raw,format=I420,colorimetry=bt601 ! y4menc ! fdsink fd=1 sync=false"
MAX_LINE = 256


class GstLaunchGrabber:
    """A pipeline run by gst-launch; see `Grabber`.

    Raises:
        SourceError: If the pipeline does not start, or its frames are of a size that is not taken.
    """

    def __init__(self, address: LiveAddress) -> None:
        try:
            words = shlex.split(re.sub(r"!\s*appsink\b[^!]*$", TAIL, address.target))
        except ValueError as error:
            raise SourceError(f"the pipeline's quotes do not match ({error})") from None
        command = [GST_LAUNCH, "-q", *words]
        self._child = subprocess.Popen(  # noqa: S603 - the user's own pipeline, without a shell
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=die_with_parent
        )
        assert self._child.stdout is not None
        self._pipe = self._child.stdout
        self._width, self._height, self.fps = _header(self._pipe.readline(MAX_LINE))

    def read(self) -> Grabbed | None:
        """The next picture; see `Grabber.read`."""
        size = self._width * self._height * 3 // 2
        if not self._pipe.readline(MAX_LINE).startswith(b"FRAME"):
            return None
        data = self._pipe.read(size)
        return Grabbed((np.frombuffer(data, np.uint8),), self._height, self._width, "i420") if len(data) == size else None


def _header(line: bytes) -> tuple[int, int, float]:
    """Width, height and rate from `YUV4MPEG2 W720 H576 F25:1 ... C420...`."""
    tags = {word[:1]: word[1:] for word in line.decode("ascii", "replace").split()[1:]}
    if not line.startswith(b"YUV4MPEG2") or not {"W", "H"} <= tags.keys():
        raise SourceError("the pipeline gave no frame")
    width, height = int(tags["W"]), int(tags["H"])
    if not all(0 < side <= MAX_SIDE_PX and side % 2 == 0 for side in (width, height)):
        raise SourceError(f"frames of {width}x{height} pixels; even sides of at most {MAX_SIDE_PX} are taken")
    above, _, below = tags.get("F", "0:1").partition(":")
    return width, height, int(above) / max(int(below or 1), 1)
