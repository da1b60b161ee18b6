"""Real servers on the loopback device, in processes of their own that a test freezes, kills and starts again: GStreamer and ffmpeg."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

SYSTEM_PYTHON = "/usr/bin/python3"
GST_SERVER = Path(__file__).with_name("gst_rtsp_server.py")
LOGIN = ("crawler", "s3cret+9")  # + is a letter in a URL, and %2B too


class RealServer:
    """A camera's server on a port of its own; a context manager."""

    login: ClassVar[tuple[str, str] | None] = None

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = int(listener.getsockname()[1])
        self.start()

    @property
    def url(self) -> str:
        """Where it is, with the login."""
        raise NotImplementedError

    def start(self) -> None:
        """Serve; returns once it listens."""
        self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self._wait_until_it_listens(self._process)

    def freeze(self) -> None:
        """Connections stay, nothing comes."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As a camera that lost its power."""
        self._process.kill()
        self._process.communicate()

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        raise NotImplementedError

    def __enter__(self) -> "RealServer":
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()


class GstRtspServer(RealServer):
    """GStreamer's RTSP server: H.264, digest login."""

    login = LOGIN

    @property
    def url(self) -> str:
        user, password = LOGIN
        return f"rtsp://{user}:{password}@127.0.0.1:{self.port}/cam"

    def _command(self) -> list[str]:
        return [SYSTEM_PYTHON, str(GST_SERVER), str(self.port), *LOGIN]

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"


class FfmpegHttpServer(RealServer):
    """ffmpeg serving motion JPEG over HTTP to one client; it ends when that client goes, so after a frost it has to be started anew."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/?password={LOGIN[1]}"

    def thaw(self) -> None:
        self.kill()
        self.start()

    def _command(self) -> list[str]:
        film = ["-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-f", "mpjpeg"]
        return ["ffmpeg", "-loglevel", "quiet", *film, "-listen", "1", f"http://127.0.0.1:{self.port}/"]

    def _wait_until_it_listens(self, process: "subprocess.Popen[bytes]") -> None:
        """To connect would use its one client up; it listens within a blink, and a camera is asked again."""


@lru_cache(maxsize=1)
def has_gst_rtsp_server() -> bool:
    """Whether Debian's bindings of GStreamer's RTSP server are there."""
    if not Path(SYSTEM_PYTHON).exists() or sys.platform != "linux":
        return False
    probe = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"
    return subprocess.run([SYSTEM_PYTHON, "-c", probe], capture_output=True, env=os.environ | {"PYTHONPATH": ""}).returncode == 0


def has_ffmpeg() -> bool:
    return shutil.which("ffmpeg") is not None
