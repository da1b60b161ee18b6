"""The cameras of a live stream: those the robot owns and hands frames in for, and live sources, each read by a thread of its own.

A source that fails is asked again for ever; losing and finding the camera is the source's own work (`camera/live.py`).
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame, PixelOrder
from edge_sdk.contract.yuv import YuvPlanes, size_of_yuv
from edge_sdk.errors import FrameShapeError
from edge_sdk.live.frames import checked_layout, is_size
from edge_sdk.live.intake import Intake
from edge_sdk.live.result import CameraStatus, EventKind
from edge_sdk.live.slot import LiveAccounting
from edge_sdk.live.worker import one_line

logger = logging.getLogger(__name__)

READ_S = 0.2  # how long a read may wait; the thread ends within that
RETRY_S = 1.0  # after a read that raised


class ReadableSource(Protocol):
    """What a stream needs of a live source; see `edge_sdk.camera.live.LiveSource`."""

    @property
    def state(self) -> str:
        """Whether frames come."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        ...

    @property
    def frames_lost(self) -> int:
        """Frames overwritten before they were read."""
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """The next frame, or None if none comes in time."""
        ...


class CameraPump:
    """The thread between a source and a stream.

    Args:
        source: An open source; the caller closes it.
        take: Called with each frame.
        on_error: Called with one line at the first of several reads in a row that raise.
        name: Of the thread.
    """

    def __init__(self, source: ReadableSource, take: Callable[[Frame], object], *, on_error: Callable[[str], None], name: str) -> None:
        self.source = source
        self._take, self._on_error = take, on_error
        self._stop = threading.Event()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def stop(self) -> None:
        """Tell the thread to end; it does after the present read."""
        self._stop.set()

    def _run(self) -> None:
        failing = False
        while not self._stop.is_set():
            try:
                frame = self.source.read(READ_S)
            except Exception as error:  # a defect of one camera must not end the others
                if not failing:
                    logger.warning("a live source cannot be read and is asked again every %.0f s: %s", RETRY_S, one_line(error))
                    self._on_error(one_line(error))
                failing = True
                self._stop.wait(RETRY_S)
                continue
            failing = False
            if frame is not None and not self._stop.is_set():
                self._take(frame)


class Cameras:
    """All cameras of a stream by number.

    Args:
        intake: Where frames go.
        num_cameras: How many there are.
        no_frame_s: Gives the time after which a camera the robot owns counts as `offline`.
        tell: Takes an event's kind and reason; returns at once.
    """

    def __init__(
        self, intake: Intake, num_cameras: int, *, no_frame_s: Callable[[], float], tell: Callable[[EventKind, str], None]
    ) -> None:
        self._intake, self._num_cameras, self._no_frame_s, self._tell = intake, num_cameras, no_frame_s, tell
        self._pumps: dict[int, CameraPump] = {}

    def __len__(self) -> int:
        return self._num_cameras

    def __contains__(self, camera: int) -> bool:
        return 0 <= camera < self._num_cameras

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """The sources' threads."""
        return tuple(pump.thread for pump in self._pumps.values())

    def attach(self, source: ReadableSource, camera: int) -> None:
        """Read a source; see `LiveStream.attach`."""
        if camera not in self or camera in self._pumps:
            raise ValueError(f"camera {camera} does not exist or has a source already")
        pump = CameraPump(
            source,
            lambda frame: self._adopt(camera, frame),
            on_error=lambda line: self._tell("source_error", f"camera {camera}: {line}"),
            name=f"live-camera-{camera}",
        )
        self._pumps[camera] = pump
        pump.thread.start()

    def stop(self) -> None:
        """Tell the sources' threads to end."""
        for pump in self._pumps.values():
            pump.stop()

    def state(self, camera: int) -> str:
        """A source's own word; of a camera the robot owns, whether it handed a frame in lately."""
        pump = self._pumps.get(camera)
        if pump is not None:
            return pump.source.state
        _, arrival_ns = self._intake.last_frame_ns(camera)
        if arrival_ns is None:
            return "connecting"
        return "online" if time.monotonic_ns() - arrival_ns <= self._no_frame_s() * 1e9 else "offline"

    def statuses(self, parts: Sequence[LiveAccounting]) -> tuple[CameraStatus, ...]:
        """The status of each camera, with its accounting."""
        return tuple(self._status(camera, part) for camera, part in enumerate(parts))

    def _status(self, camera: int, accounting: LiveAccounting) -> CameraStatus:
        captured_ns, _ = self._intake.last_frame_ns(camera)
        age_ms = None if captured_ns is None else max(time.monotonic_ns() - captured_ns, 0) / 1e6
        source = self._pumps[camera].source if camera in self._pumps else None
        reconnects, lost = (source.reconnects, source.frames_lost) if source else (0, 0)
        return CameraStatus(self.state(camera), age_ms, accounting, reconnects, lost)

    def _adopt(self, camera: int, frame: Frame) -> None:
        """A source's frame belongs to its reader, and is not copied."""
        if frame.stored is None:
            self._intake.reject(camera, "unreadable", captured_ns=frame.captured_ns)
            return
        if _fits(frame.stored, frame.order):
            self._intake.put(camera, frame.stored, captured_ns=frame.captured_ns, order=frame.order, colours=frame.colours)
        else:
            self._intake.reject(camera, "bad_shape", captured_ns=frame.captured_ns)


def _fits(stored: NDArray[np.uint8] | YuvPlanes, order: PixelOrder) -> bool:
    if isinstance(stored, YuvPlanes):
        return is_size(*size_of_yuv(stored))
    try:
        return checked_layout(stored, order)
    except FrameShapeError:
        return False
