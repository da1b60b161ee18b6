"""Films played as live cameras, and how long it takes from capture to observation.

The clock of a frame starts when its camera begins to deliver it, before it is decoded, and stops when the tracker has taken the result in.
A camera does not wait for us: the next frame is due at its time, whatever became of the one before.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import NamedTuple

from benchmarks.film import FPS, Film, endless
from benchmarks.subject import Subject
from edge_sdk.errors import EdgeSdkError
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveResult, LiveSettings
from edge_sdk.live.slot import LiveAccounting
from edge_sdk.tracking import Place, Tracker

READY_S = 600.0
DEPTH = 4096  # results that may wait for the tracker: none may be lost to the measurement
WARM_UP_S = 1.0


class LiveTimes(NamedTuple):
    """Milliseconds from capture to observation in the order of the results, when each came (s), and what became of the frames meanwhile.

    `cpu_s` is the process's CPU time in the measured seconds: decoding, pipeline and tracker.
    """

    times_ms: tuple[float, ...]
    at_s: tuple[float, ...]
    warm_up: int
    accounting: LiveAccounting
    seconds: float
    cpu_s: float


def play_live(
    films: Sequence[Film],
    subject: Subject,
    *,
    seconds: float,
    fps: float = FPS,
    warm_up_s: float = WARM_UP_S,
    each_second: Callable[[float], None] = lambda second: None,
) -> LiveTimes:
    """Play films as cameras for some seconds, after a warm-up.

    Args:
        films: One per camera.
        subject: What serves.
        seconds: Measured time.
        fps: Of each camera.
        warm_up_s: Played before, and not counted.
        each_second: Called about once a second while it plays.

    Raises:
        SourceError: If a film cannot be played.
    """
    taken = _Taken(subject, num_cameras=len(films))
    stream = LiveStream(subject.model, LiveSettings(thresholds=subject.graph.thresholds), num_cameras=len(films), keep_images=False)
    stream.on_result(taken, depth=DEPTH)
    stop = threading.Event()
    failures: list[EdgeSdkError] = []

    def feed(film: Film, camera: int) -> None:
        try:
            _feed(stream, film, camera, fps, stop)
        except EdgeSdkError as error:
            failures.append(error)
            stop.set()

    feeders = [threading.Thread(target=feed, args=(film, i), daemon=True) for i, film in enumerate(films)]
    with stream:
        stream.wait_ready(READY_S)
        for feeder in feeders:
            feeder.start()
        stop.wait(warm_up_s)
        taken.begin()
        first = stream.accounting
        begin, begin_cpu = time.monotonic(), time.process_time()
        while not failures and (left := begin + seconds - time.monotonic()) > 0:
            stop.wait(min(1.0, left))
            each_second(time.monotonic() - begin)
        taken.end()
        accounting = since(first, stream.accounting)
        cpu_s = time.process_time() - begin_cpu
        stop.set()
        for feeder in feeders:
            feeder.join(5.0)
    if failures:
        raise failures[0]
    return LiveTimes(tuple(taken.times_ms), tuple(taken.at_s), taken.warm_up, accounting, seconds, cpu_s)


def since(first: LiveAccounting, now: LiveAccounting) -> LiveAccounting:
    """What became of the frames between two instants; fewer may be in flight than before."""
    dropped = {reason: num - first.dropped.get(reason, 0) for reason, num in now.dropped.items()}
    return LiveAccounting(now.received - first.received, now.processed - first.processed, dropped, now.in_flight - first.in_flight)


class _Taken:
    """The tracker's end: counts time from capture until a result is taken in."""

    def __init__(self, subject: Subject, *, num_cameras: int) -> None:
        self._trackers: list[Tracker[None]] = [Tracker(subject.graph.thresholds) for _ in range(num_cameras)]
        self._begin_s: float | None = None
        self._ended = False
        self.times_ms: list[float] = []
        self.at_s: list[float] = []
        self.warm_up = 0

    def begin(self) -> None:
        """What comes from now on counts."""
        self._begin_s = time.monotonic()

    def end(self) -> None:
        """What comes from now on does not."""
        self._ended = True

    def __call__(self, result: LiveResult) -> None:
        if result.scores_C is None or self._ended:
            return
        self._trackers[result.camera].update(result.scores_C, Place(0, None), result.time_s, None)
        now_ns = time.monotonic_ns()
        if self._begin_s is None:
            self.warm_up += 1
            return
        self.times_ms.append((now_ns - result.captured_ns) / 1e6)
        self.at_s.append(now_ns / 1e9 - self._begin_s)


def _feed(stream: LiveStream, film: Film, camera: int, fps: float, stop: threading.Event) -> None:
    with closing(endless(film)) as frames:
        due = time.monotonic() + camera / fps / 4  # cameras are not in step
        while not stop.wait(max(due - time.monotonic(), 0.0)):
            frame = None
            while frame is None:
                captured_ns = time.monotonic_ns()
                frame = next(frames)
            if (picture := frame.packed) is not None:
                stream.submit(picture, camera=camera, time_ns=captured_ns, order=frame.order, colours=frame.colours)
            due = max(due + 1 / fps, time.monotonic() - 1 / fps)  # a decoder that falls behind skips, as a camera's does
