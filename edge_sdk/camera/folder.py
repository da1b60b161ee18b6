"""Folders of stills: one frame per picture file, in natural order (frame2 before frame10), at a stated rate."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.errors import SourceError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})


class FolderSource:
    """A folder of stills, or one still; see `FrameSource`.

    A picture that cannot be decoded comes as a frame without an image, so that it is counted and named. Hidden files are left out.

    Raises:
        SourceError: If there is no picture, or none that can be decoded.
    """

    kind: Literal["folder"] = "folder"

    def __init__(self, path: Path, *, fps: float) -> None:
        self.name, self.fps = path.resolve().name, fps
        self._paths = _picture_paths(path)
        self.names: tuple[str, ...] | None = tuple(item.name for item in self._paths)
        first = next((image for image in map(_image, self._paths) if image is not None), None)
        if first is None:
            raise SourceError(f"{path}: none of its {len(self._paths)} pictures can be decoded")
        self.height, self.width = first.shape[:2]
        self.announced_frames: int | None = len(self._paths)
        self.shortfall: str | None = None

    def frames(self) -> Iterator[Frame]:
        """Every still once, in natural order; see `FrameSource.frames`."""
        broken = []
        for seq, path in enumerate(self._paths):
            image = _image(path)
            if image is None:
                broken.append(path.name)
            yield Frame(seq, seq / self.fps, time.monotonic_ns(), image, path.name)
        if broken:
            self.shortfall = f"{len(broken)} of {len(self._paths)} pictures cannot be decoded, the first is {broken[0]}"

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> "FolderSource":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _picture_paths(path: Path) -> list[Path]:
    try:
        candidates = list(path.iterdir()) if path.is_dir() else [path]
        paths = [item for item in candidates if item.suffix.lower() in IMAGE_SUFFIXES and item.is_file() and item.name[0] != "."]
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    if not paths:
        raise SourceError(f"{path}: no pictures in it ({', '.join(sorted(IMAGE_SUFFIXES))})")
    return sorted(paths, key=lambda item: (_natural(item.name), item.name))


def _natural(name: str) -> list[tuple[int, int, str]]:
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name.lower())]


def _image(path: Path) -> NDArray[np.uint8] | None:
    try:
        return image_from_bytes(path.read_bytes())
    except OSError:
        return None
