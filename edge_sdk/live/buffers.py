"""The buffers that live frames are copied into: made ahead by a thread, so that the robot's loop does not wait for memory.

Only the first frames of a camera, and of another size, cost their caller that.
"""

import queue
import threading

import numpy as np
from numpy.typing import NDArray

from edge_sdk.frame_pool import FramePool


class FrameBuffers:
    """The pools of all cameras, and the thread that keeps them filled."""

    def __init__(self, num_cameras: int) -> None:
        self.pools = tuple(FramePool() for _ in range(num_cameras))
        self._wanted: queue.SimpleQueue[FramePool | None] = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._make_ahead, name="live-buffers", daemon=True)

    def take(self, camera: int, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        """A buffer for a frame of this camera; returns at once where one was made ahead."""
        buffer, more = self.pools[camera].take(shape)
        if more:
            self._wanted.put(self.pools[camera])
        return buffer

    def start(self) -> None:
        """Begin to make buffers ahead."""
        self.thread.start()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._wanted.put(None)

    def _make_ahead(self) -> None:
        while (pool := self._wanted.get()) is not None:
            pool.make_ahead()
