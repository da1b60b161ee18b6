"""A frame, and the seam every source of frames fills."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.yuv import LAYOUTS, STUDIO, YuvColours, YuvPlanes, packed, rgb_from_yuv, size_of_yuv

SourceKind = Literal["film", "folder", "live"]
PixelOrder = Literal["rgb", "bgr", "i420", "nv12"]


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it came from a source.

    `seq` counts from 0, without holes in films and folders; a hole in a live source's is a frame that was lost. `time_s` is seconds from
    the film's start, of a live source from its first frame; `captured_ns` the monotonic clock when the frame was handed over (never the
    wall clock). `stored` is uint8 and lies in the `order` it came in: (H, W, 3) for `rgb` and `bgr`, (H * 3 / 2, W) for the 4:2:0 orders
    `i420` and `nv12`, whose numbers mean `colours`; of a film the planes apart, read-only, where the decoder has them; None where the
    frame could not be decoded. `name` is a still's file name.
    """

    seq: int
    time_s: float
    captured_ns: int
    stored: NDArray[np.uint8] | YuvPlanes | None
    name: str | None = None
    order: PixelOrder = "rgb"
    colours: YuvColours = STUDIO
    _converted: list[NDArray[np.uint8]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def image_HWC(self) -> NDArray[np.uint8] | None:
        """The image in RGB, or None where the frame could not be decoded.

        Another order is converted when this is first asked for: most frames are only ever looked at by the network, whose small picture
        is converted instead.
        """
        if self.stored is None:
            return None
        if self.order == "rgb":
            return packed(self.stored)
        if not self._converted:
            self._converted.append(_rgb(self.stored, self.order, self.colours))
        return self._converted[0]

    @property
    def size_hw(self) -> tuple[int, int] | None:
        """Height and width in pixels, or None where the frame could not be decoded."""
        return None if self.stored is None else size_of(self.stored, self.order)

    @property
    def packed(self) -> NDArray[np.uint8] | None:
        """`stored` in one array, as `LiveStream.submit` takes it; a copy where the planes lie apart."""
        return None if self.stored is None else packed(self.stored)


def size_of(stored: NDArray[np.uint8] | YuvPlanes, order: PixelOrder) -> tuple[int, int]:
    """Height and width in pixels of a picture that lies in an order."""
    return size_of_yuv(stored) if order in LAYOUTS else packed(stored).shape[:2]


def _rgb(stored: NDArray[np.uint8] | YuvPlanes, order: PixelOrder, colours: YuvColours) -> NDArray[np.uint8]:
    if order in ("i420", "nv12"):
        return rgb_from_yuv(stored, layout=order, colours=colours)
    return np.asarray(cv2.cvtColor(packed(stored), cv2.COLOR_BGR2RGB), dtype=np.uint8)


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
