"""Frame sources: where pictures come from, behind one seam.

`open_source` takes a film, a folder of stills or a live camera. A film or folder yields every frame once and in order, and says at the end
whether anything was missing. A live camera hands over frames as they come, and comes back by itself for as long as it is open.
"""

from pathlib import Path

from edge_sdk.camera.address import LiveAddress, live_address
from edge_sdk.camera.backoff import Backoff
from edge_sdk.camera.film import MAX_FPS, MIN_FPS, FilmSource
from edge_sdk.camera.folder import IMAGE_SUFFIXES, FolderSource
from edge_sdk.camera.frame import Frame, FrameSource
from edge_sdk.camera.grabbers import check_can_open
from edge_sdk.camera.live import LiveSource, SourceEvent, SourceState
from edge_sdk.camera.live_camera import NO_FRAME_TIMEOUT_S, LiveCamera
from edge_sdk.camera.quality import FrameQuality
from edge_sdk.camera.redact import redacted
from edge_sdk.errors import SourceError

__all__ = [
    "Backoff",
    "FilmSource",
    "FolderSource",
    "Frame",
    "FrameQuality",
    "FrameSource",
    "LiveCamera",
    "LiveSource",
    "SourceEvent",
    "SourceState",
    "is_live",
    "open_live",
    "open_source",
    "redacted",
]

DEFAULT_FOLDER_FPS = 1.0
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.5, 60.0


def open_source(
    uri: str | int | Path,
    *,
    fps: float | None = None,
    no_frame_timeout_s: float = NO_FRAME_TIMEOUT_S,
    reconnect: Backoff | None = None,
) -> FrameSource:
    """Open a film, a folder of stills, a single still, or a live camera (then it is a `LiveCamera`, of kind `live`).

    Args:
        uri: A path; `rtsp://`, `rtsps://`, `http://` or `https://` and what FFmpeg reads there; `v4l2:///dev/video0`, `/dev/video0` or 0;
            `csi://0` (Jetson); or `gst:` and a GStreamer pipeline that ends in `appsink`.
        fps: Frames per second of a folder (default 1); for a film, in place of the rate in its header; asked of a V4L2 or CSI camera.
        no_frame_timeout_s: Without a frame for so long a live camera is lost (0.5 to 60).
        reconnect: The pauses between attempts to get a live camera back.

    Raises:
        SourceError: If there is nothing there that can be read, said in one line with the remedy. A live camera that is absent is no
            error: it is offline until it comes.
    """
    _check_rate(fps)
    if (address := live_address(uri, fps=fps)) is not None:
        return _live_camera(address, no_frame_timeout_s, reconnect)
    return _recorded(Path(str(uri)), fps)


def open_live(
    uri: str | int,
    *,
    fps: float | None = None,
    no_frame_timeout_s: float = NO_FRAME_TIMEOUT_S,
    reconnect: Backoff | None = None,
) -> LiveCamera:
    """Open a live camera; see `open_source`.

    Raises:
        SourceError: If it is the address of a file, or of nothing this machine can read.
    """
    _check_rate(fps)
    if (address := live_address(uri, fps=fps)) is None:
        raise SourceError(f"{redacted(uri)}: not the address of a live camera, such as rtsp://host/path or v4l2:///dev/video0")
    return _live_camera(address, no_frame_timeout_s, reconnect)


def is_live(uri: str | int | Path) -> bool:
    """Whether `uri` is the address of a live camera rather than a path.

    Raises:
        SourceError: If it looks like such an address and is none.
    """
    return live_address(uri) is not None


def _check_rate(fps: float | None) -> None:
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise SourceError(f"{fps} frames per second; give a number from {MIN_FPS} to {MAX_FPS:g}")


def _live_camera(address: LiveAddress, no_frame_timeout_s: float, reconnect: Backoff | None) -> LiveCamera:
    if not MIN_TIMEOUT_S <= no_frame_timeout_s <= MAX_TIMEOUT_S:
        raise SourceError(f"a no-frame timeout of {no_frame_timeout_s} s; give {MIN_TIMEOUT_S} to {MAX_TIMEOUT_S:g}")
    check_can_open(address)
    return LiveCamera(address, no_frame_timeout_s=no_frame_timeout_s, reconnect=reconnect)


def _recorded(path: Path, fps: float | None) -> FrameSource:
    try:
        path.stat()
    except FileNotFoundError:
        raise SourceError(f"{redacted(path)}: no such file or folder") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{redacted(path)}: {getattr(error, 'strerror', None) or error}") from error
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return FolderSource(path, fps=fps or DEFAULT_FOLDER_FPS)
    return FilmSource(path, fps=fps)
