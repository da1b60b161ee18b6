"""Sessions and sources of a few lines for tests of the live stream: they hang, fail, stall and return nonsense on command."""

import threading
import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np

import tiny
from edge_sdk.camera import Frame
from edge_sdk.errors import InferenceError
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveModel

PATIENCE_S = 60.0  # a busy machine is no failure
HANG_S = 300.0  # what hangs on command does so for longer than any test lasts
GREY = tiny.painted(tiny.GREY)


class FakeSession:
    """Answers with `level` as every logit; waits for `gate` and then `latency_s` in every run; fails or returns NaN at the given runs."""

    precision, threads = "fp32", 1

    def __init__(
        self,
        level: float = 0.0,
        *,
        latency_s: float = 0.0,
        gate: threading.Semaphore | threading.Event | None = None,
        fail_at: Collection[int] = (),
        nan_at: Collection[int] = (),
    ) -> None:
        self.level, self.latency_s, self.gate, self.fail_at, self.nan_at = level, latency_s, gate, fail_at, nan_at
        self.provider = f"fake-{level:g}"
        self.runs, self.batches, self.images, self.closed = 0, [], [], False

    def run(self, images_NHWC: np.ndarray) -> Any:
        run, self.runs = self.runs, self.runs + 1
        self.batches.append(len(images_NHWC))
        self.images.append(images_NHWC.copy())
        if isinstance(self.gate, threading.Event):
            self.gate.wait(HANG_S)
        elif self.gate is not None:
            self.gate.acquire(timeout=HANG_S)
        time.sleep(self.latency_s)
        if run in self.fail_at:
            raise InferenceError("scripted failure")
        return outputs(len(images_NHWC), np.nan if run in self.nan_at else self.level)

    def close(self) -> None:
        self.closed = True


class FakeSource:
    """A live source: gives its frames as they are asked for, then none; `fps` is nonsense on purpose."""

    name, kind, width, height, fps = "fake", "live", 128, 96, float("nan")
    state, reconnects, frames_lost = "online", 3, 7

    def __init__(self, frames: list[np.ndarray | None], *, read: Callable[[float], Frame | None] | None = None) -> None:
        self._frames, self._read, self._seq = frames, read, 0

    def read(self, timeout_s: float) -> Frame | None:
        if self._read is not None:
            return self._read(timeout_s)
        if self._seq == len(self._frames):
            time.sleep(timeout_s)
            return None
        self._seq += 1
        return Frame(self._seq - 1, 0.0, time.monotonic_ns(), self._frames[self._seq - 1])


def outputs(num: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full((num, 17), level, np.float32), np.zeros((num, 17, 2, 2), np.float32)


def live_model(session: Any, name: str = "first", **fields: Any) -> LiveModel:
    return LiveModel(session, tiny.SPEC, name, **fields)


def until(condition: Callable[[], Any]) -> Any:
    """Wait until something holds; fail if it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.002)
    return value


def keeps_within(limit_s: float, scenario: Callable[[], float]) -> bool:
    """Whether what a scenario times is short in one of three tries: a machine may stand still once, a call that waits does so always."""
    for _ in range(3):
        took_s = scenario()
        print(f"took {took_s:.3f} s, allowed are {limit_s:g} s")
        if took_s < limit_s:
            return True
    return False


def settled(stream: LiveStream) -> None:
    """Wait until no frame is in flight, and check the sum."""
    until(lambda: stream.accounting.in_flight == 0)
    assert stream.accounting.balanced
