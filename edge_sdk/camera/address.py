"""Addresses of live cameras: what is behind a URI, and how the capture process shall open it."""

import re
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, urlsplit

import msgspec

from edge_sdk.camera.redact import redacted
from edge_sdk.errors import SourceError

NETWORK = ("rtsp", "rtsps", "http", "https")
KNOWN = "a film, a folder, rtsp://, rtsps://, http://, https://, v4l2:///dev/video0, csi://0 or gst:<pipeline>"
MAX_URI = 4096
MAX_DEVICE = 255
CSI_WIDTH, CSI_HEIGHT, CSI_FPS = 1920, 1080, 30.0

Size = tuple[int, int]  # width, height in pixels


class LiveAddress(msgspec.Struct, frozen=True):
    """What the capture process needs; it travels over a pipe, never in arguments or the environment, which others can read.

    `target` is a URL, a device path or a GStreamer pipeline, with its credentials; `name` is what may be said of it.
    """

    kind: Literal["network", "v4l2", "gstreamer"]
    name: str
    target: str
    fps: float | None = None
    size: Size | None = None
    fourcc: str | None = None


def live_address(uri: str | int | Path, *, fps: float | None = None) -> LiveAddress | None:
    """The address of a live camera, or None where `uri` is a path of files.

    Args:
        uri: As given by the user; an integer is a V4L2 device.
        fps: Rate to ask a V4L2 or CSI camera for.

    Raises:
        SourceError: If it looks like a live address and is none.
    """
    if isinstance(uri, int) or (isinstance(uri, str) and uri.isascii() and uri.isdigit() and not Path(uri).exists()):
        return _v4l2(f"/dev/video{_number(int(uri), uri)}", "", fps)
    text = str(uri)
    if isinstance(uri, Path) or not (text.startswith(("gst:", "/dev/video")) or "://" in text):
        return _v4l2(text, "", fps) if text.startswith("/dev/video") else None
    if len(text) > MAX_URI or not text.isprintable():
        raise SourceError(f"{redacted(text[:80])}: an address of one line with at most {MAX_URI} printable characters is needed")
    if text.startswith("gst:"):
        return _gstreamer(text)
    return _v4l2(text, "", fps) if text.startswith("/dev/video") else _of_scheme(text, fps)


def _of_scheme(uri: str, fps: float | None) -> LiveAddress:
    scheme = uri.split("://", 1)[0].lower()
    if not re.fullmatch(r"[a-z][a-z0-9+.\-]*", scheme):
        raise SourceError(f"what stands before :// is no scheme; give {KNOWN}")  # it may be a password
    try:
        parts = urlsplit(uri)
        port_ok = parts.port is None or parts.port > 0
    except ValueError:  # its text may repeat the password
        raise SourceError(f"{redacted(uri)}: host or port cannot be read; encode special characters of a password (@ is %40)") from None
    if scheme in NETWORK:
        return _network(uri, parts, port_ok=port_ok)
    if scheme == "v4l2":
        return _v4l2(parts.path, parts.query, fps)
    if scheme == "csi":
        return _csi(parts, fps)
    raise SourceError(f"{redacted(uri)}: {redacted(scheme)}:// is not read; give {KNOWN}")


def _network(uri: str, parts: SplitResult, *, port_ok: bool) -> LiveAddress:
    if not parts.hostname or not port_ok or re.search(r"[\s\\]", uri):
        raise SourceError(f"{redacted(uri)}: no host, a wrong port or a space; give it as {parts.scheme}://host:port/path")
    return LiveAddress("network", redacted(uri), uri)


def _v4l2(device: str, query: str, fps: float | None) -> LiveAddress:
    if not re.fullmatch(r"/dev/(video\d{1,3}|v4l/by-(id|path)/[\w.:+-]+)", device):
        raise SourceError(f"v4l2://{redacted(device)}: no V4L2 device; give v4l2:///dev/video0, /dev/video0 or 0")
    options = _options(f"v4l2://{device}", query, {"width", "height", "fps", "fourcc"})
    fourcc = options.get("fourcc")
    if fourcc is not None and not re.fullmatch(r"[A-Za-z0-9]{4}", fourcc):
        raise SourceError(f"v4l2://{device}: fourcc must be four letters, such as MJPG")
    rate = fps or (_float(options["fps"], device) if "fps" in options else None)
    return LiveAddress("v4l2", device, device, rate, _size(options, device), fourcc)


def _csi(parts: SplitResult, fps: float | None) -> LiveAddress:
    where = f"csi://{redacted(parts.netloc)}"
    if not re.fullmatch(r"\d{1,2}", parts.netloc) or parts.path not in ("", "/"):
        raise SourceError(f"{where}: no CSI sensor; give csi://0, or csi://0?width=1280&height=720&fps=30&flip=2")
    options = _options(where, parts.query, {"width", "height", "fps", "flip"})
    width, height = _size(options, where) or (CSI_WIDTH, CSI_HEIGHT)
    rate = fps or _float(options.get("fps", str(CSI_FPS)), where)
    flip = options.get("flip", "0")
    if not re.fullmatch(r"[0-7]", flip):
        raise SourceError(f"{where}: flip must be 0 to 7")
    # Argus delivers NV12 in the camera's own memory: nvvidconv, not the CPU, brings it out and turns it.
    pipeline = (
        f"nvarguscamerasrc sensor-id={int(parts.netloc)} ! "
        f"video/x-raw(memory:NVMM),width={width},height={height},framerate={round(rate)}/1 ! "
        f"nvvidconv flip-method={flip} ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! "
        "appsink drop=true max-buffers=2 sync=false"
    )
    return LiveAddress("gstreamer", where, pipeline, rate, (width, height))


def _gstreamer(uri: str) -> LiveAddress:
    pipeline = uri.removeprefix("gst:").strip()
    if not re.search(r"!\s*appsink\b", pipeline):
        raise SourceError(f"{redacted(uri)}: the pipeline must end in '! appsink', such as 'gst:videotestsrc ! videoconvert ! appsink'")
    return LiveAddress("gstreamer", redacted(uri), pipeline)


def _options(where: str, query: str, known: set[str]) -> dict[str, str]:
    options = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(options) - known):
        raise SourceError(f"{where}: unknown option {redacted(unknown[0])}; known are {', '.join(sorted(known))}")
    return options


def _size(options: dict[str, str], where: str) -> Size | None:
    if "width" not in options and "height" not in options:
        return None
    width, height = (options.get(key, "") for key in ("width", "height"))
    if not all(re.fullmatch(r"\d{1,4}", side) and 1 <= int(side) <= 4096 for side in (width, height)):
        raise SourceError(f"{where}: width and height go together, each from 1 to 4096")
    return int(width), int(height)


def _float(text: str, where: str) -> float:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3})?", text) or not 0 < float(text) <= 240:
        raise SourceError(f"{where}: fps must be above 0 and at most 240")
    return float(text)


def _number(device: int, given: object) -> int:
    if isinstance(given, bool) or not 0 <= device <= MAX_DEVICE:
        raise SourceError(f"{redacted(given)}: a V4L2 device is a number from 0 to {MAX_DEVICE}")
    return device
