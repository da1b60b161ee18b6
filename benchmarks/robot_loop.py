"""The robot's side of a live stream: how long it waits for `submit`, and how old the results are that it gets.

Every wait stands beside the plain copy of a frame, made in turns with it in the same loop: what the machine itself does to a loop that
wants to run (another program has the core) is in both, what the SDK does is in one.
"""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.preprocess import prepare
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.inspector import Inspector
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveModel, LiveResult, LiveSettings
from edge_sdk.live_inspection import LiveInspection

OVERLOAD = 10
PAL = (576, 720, 3)  # the size the promise is made for
LOOP_HZ = 50.0  # of the loop around a whole inspection: twice a camera's rate
SPEED_M_S = 0.25
READY_S = 600.0
PAUSE_S = 0.001
WARM_UP = 5


class Percentiles(NamedTuple):
    """Of times in milliseconds."""

    p50: float
    p99: float
    p999: float
    largest: float


class Waits(NamedTuple):
    """What `submit` took of the robot's loop, and a plain copy of the same frames in turns with it."""

    submit: Percentiles
    copy: Percentiles


class StalledSession:
    """A network that hangs, from when it is told to."""

    provider, precision, threads = "stalled", "fp32", 1

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Wait, and answer nothing in particular."""
        self.free.wait()
        num_classes = len(taxonomy())
        return Outputs(
            np.zeros((len(images_NHWC), num_classes), np.float32), np.zeros((len(images_NHWC), num_classes, 1, 1), np.float32)
        )  # fmt: skip

    def close(self) -> None:
        """Nothing is held."""


def percentiles(times_ms: Sequence[float]) -> Percentiles:
    """Median, 99th and 99.9th percentile and largest."""
    p50, p99, p999 = np.percentile(times_ms, [50, 99, 99.9])
    return Percentiles(float(p50), float(p99), float(p999), max(times_ms))


def stalled_waits(model: LiveModel, *, calls: int, shape: tuple[int, ...] = PAL) -> Waits:
    """Waits while a run of the network hangs, at some 1000 calls a second."""
    stalled, frame_HWC = StalledSession(), np.zeros(shape, np.uint8)
    loop = _Loop(frame_HWC)
    with LiveStream(LiveModel(stalled, model.spec, "stalled")) as stream:
        stream.wait_ready(READY_S)
        stalled.free.clear()
        for _ in range(calls):
            loop.turn(lambda: stream.submit(frame_HWC), frame_HWC)
            time.sleep(PAUSE_S)
        stalled.free.set()
    return loop.waits


def inspection_waits(inspector: Inspector, frames: Sequence[NDArray[np.uint8]], *, seconds: float) -> Waits:
    """Waits beside a whole inspection: network, picture checks, tracking, journal, pictures on the disk and supervision at work.

    Args:
        inspector: Its session works as hard as frames come.
        frames: BGR; each is shown for a quarter of a second.
        seconds: How long.
    """
    loop, num = _Loop(frames[0]), 0
    with TemporaryDirectory() as folder, LiveInspection(inspector, out=Path(folder) / "run") as live:
        live.wait_ready(READY_S)
        begin = time.monotonic()
        while (now := time.monotonic()) < begin + seconds or num == 0:
            frame_HWC = frames[int((now - begin) * 4) % len(frames)]
            distance_m = (now - begin) * SPEED_M_S
            loop.turn(lambda: live.submit(frame_HWC, distance_m=distance_m, order="bgr"), frame_HWC)  # noqa: B023  # called at once
            num += 1
            time.sleep(max(begin + num / LOOP_HZ - time.monotonic(), PAUSE_S))
    return loop.waits


class _Loop:
    """Times a call and a plain copy in turns; the first turns, in which memory is taken, count as any other."""

    def __init__(self, frame_HWC: NDArray[np.uint8]) -> None:
        self._own_HWC = np.zeros_like(frame_HWC)
        self._submit_ms: list[float] = []
        self._copy_ms: list[float] = []

    def turn(self, submit: Callable[[], object], frame_HWC: NDArray[np.uint8]) -> None:
        begin = time.perf_counter()
        submit()
        between = time.perf_counter()
        np.copyto(self._own_HWC, frame_HWC)
        self._copy_ms.append((time.perf_counter() - between) * 1e3)
        self._submit_ms.append((between - begin) * 1e3)

    @property
    def waits(self) -> Waits:
        return Waits(percentiles(self._submit_ms), percentiles(self._copy_ms))


def result_ages(model: LiveModel, frame_HWC: NDArray[np.uint8], *, seconds: float) -> tuple[Percentiles, float]:
    """Ages of results while frames come ten times as fast as the network answers, and the age they should have at most.

    That is twice the network's own time (a frame that has just missed its turn waits for one run and then takes one) and a frame period.
    """
    run_s = median_seconds(lambda: model.session.run(prepare(frame_HWC, model.spec)[np.newaxis]))
    period_s = run_s / OVERLOAD
    ages_ms: list[float] = []

    def note(result: LiveResult) -> None:
        ages_ms.append(result.age_ms)

    stream = LiveStream(model, LiveSettings(batch=1))
    stream.on_result(note, depth=1000)
    with stream:
        stream.wait_ready(600)
        end = time.monotonic() + seconds
        while time.monotonic() < end or not ages_ms:
            stream.submit(frame_HWC)
            time.sleep(period_s)
    return percentiles(ages_ms), (2 * run_s + period_s) * 1e3


def median_seconds(call: Callable[[], object], *, times: int = 20) -> float:
    """Median wall time of a call, after a warm-up."""
    measured = []
    for _ in range(WARM_UP + times):
        begin = time.perf_counter()
        call()
        measured.append(time.perf_counter() - begin)
    return float(np.median(measured[WARM_UP:]))
