"""A frame, and the seam every source of frames fills."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came from a source.

    `seq` counts from 0 without holes. `time_s` is seconds from the film's start; `captured_ns` the monotonic clock when the frame was
    handed over (never the wall clock). `image_HWC` is RGB uint8, or None where the frame could not be decoded. `name` is a still's file
    name.
    """

    seq: int
    time_s: float
    captured_ns: int
    image_HWC: NDArray[np.uint8] | None
    name: str | None = None


class FrameSource(Protocol):
    """Where frames come from. A context manager; `frames` may be iterated once.

    `announced_frames` is what the header promises (None: nothing); `names` are the file names of stills in order, None for a film. After
    the iteration `shortfall` says in words what was missing, or is None when everything came.
    """

    name: str
    kind: Literal["film", "folder"]
    width: int
    height: int
    fps: float
    announced_frames: int | None
    names: tuple[str, ...] | None
    shortfall: str | None

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in order."""
        ...

    def close(self) -> None:
        """Give back the file or device."""
        ...

    def __enter__(self) -> "FrameSource": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
