"""Frame sources: where pictures come from, behind one seam.

`open_source` takes a film or a folder of stills. Each source tells what it is, yields every frame once and in order, and says at the end
whether anything was missing.
"""

from pathlib import Path

from edge_sdk.camera.film import MAX_FPS, MIN_FPS, FilmSource
from edge_sdk.camera.folder import IMAGE_SUFFIXES, FolderSource
from edge_sdk.camera.frame import Frame, FrameSource
from edge_sdk.errors import SourceError

__all__ = ["FilmSource", "FolderSource", "Frame", "FrameSource", "open_source"]

DEFAULT_FOLDER_FPS = 1.0


def open_source(uri: str | Path, *, fps: float | None = None) -> FrameSource:
    """Open a film, a folder of stills or a single still.

    Args:
        uri: A path.
        fps: Frames per second of a folder (default 1); for a film, in place of the rate in its header.

    Raises:
        SourceError: If there is nothing there that can be read, said in one line with the remedy.
    """
    if fps is not None and not MIN_FPS <= fps <= MAX_FPS:
        raise SourceError(f"{fps} frames per second; give a number from {MIN_FPS} to {MAX_FPS:g}")
    if "://" in str(uri):
        scheme = str(uri).split("://", 1)[0]
        raise SourceError(f"{scheme}:// streams are not read by this version; record the stream to a file and give that")
    path = Path(uri)
    try:
        path.stat()
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file or folder") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    if path.is_dir() or path.suffix.lower() in IMAGE_SUFFIXES:
        return FolderSource(path, fps=fps or DEFAULT_FOLDER_FPS)
    return FilmSource(path, fps=fps)
