"""A frame, and the seam every source of frames fills."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

SourceKind = Literal["film", "folder", "live"]
ChannelOrder = Literal["rgb", "bgr"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came from a source.

    `seq` counts from 0, without holes in films and folders; a hole in a live source's is a frame that was lost. `time_s` is seconds from
    the film's start, of a live source from its first frame; `captured_ns` the monotonic clock when the frame was handed over (never the
    wall clock). `stored_HWC` is uint8 with its channels in the `order` they came in, or None where the frame could not be decoded. `name`
    is a still's file name.
    """

    seq: int
    time_s: float
    captured_ns: int
    stored_HWC: NDArray[np.uint8] | None
    name: str | None = None
    order: ChannelOrder = "rgb"
    _converted: list[NDArray[np.uint8]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def image_HWC(self) -> NDArray[np.uint8] | None:
        """The image in RGB, or None where the frame could not be decoded.

        A BGR frame is converted when this is first asked for: most frames are only ever looked at by the network, whose small picture
        is turned around instead (`prepare` treats each channel alike).
        """
        if self.stored_HWC is None or self.order == "rgb":
            return self.stored_HWC
        if not self._converted:
            self._converted.append(np.asarray(cv2.cvtColor(self.stored_HWC, cv2.COLOR_BGR2RGB), dtype=np.uint8))
        return self._converted[0]


class FrameSource(Protocol):
    """Where frames come from. A context manager; `frames` may be iterated once.

    `announced_frames` is what the header promises (None: nothing); `names` are the file names of stills in order, None for a film. After
    the iteration `shortfall` says in words what was missing, or is None when everything came.
    """

    name: str
    width: int
    height: int
    fps: float
    announced_frames: int | None
    names: tuple[str, ...] | None
    shortfall: str | None

    @property
    def kind(self) -> SourceKind:
        """What sort of source it is."""
        ...

    def frames(self) -> Iterator[Frame]:
        """Every frame once, in order."""
        ...

    def close(self) -> None:
        """Give back the file or device."""
        ...

    def __enter__(self) -> "FrameSource": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
