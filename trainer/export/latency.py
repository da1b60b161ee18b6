"""Median time of a single image per graph, each in a process of its own, in turns.

Sessions that share a process disturb each other (thread pools, memory arenas, caches), so each gets its own; rounds are interleaved so
that a machine that grows busy or hot does so for all. The figures are of this machine in this state: rank graphs by them, no more.
Each child sits idle while another is measured.
"""

# H W pixels

import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from edge_sdk.runtime.onnx import OnnxSession
from trainer.errors import ExportError
from trainer.export.parity_record import Latency, Machine

ROUNDS, RUNS, WARM_UP = 5, 20, 5
THREADS = (1, 0)
PATIENCE_S = 300.0

Size = tuple[int, int]


def measured_latency(
    graphs: Mapping[str, bytes],
    size: Size,
    *,
    threads: Sequence[int] = THREADS,
    rounds: int = ROUNDS,
    runs: int = RUNS,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, tuple[Latency, ...]]:
    """Time every graph on ONNX Runtime's CPU provider.

    Args:
        graphs: ONNX bytes by name.
        size: Height and width of the input.
        threads: Inside one run; 0 is every core.
        rounds: How often each graph gets its turn.
        runs: Single-image runs in a turn.
        say: Told of each round.

    Raises:
        ExportError: If a child does not answer.
    """
    times: dict[tuple[str, int], list[float]] = {(name, num): [] for name in graphs for num in threads}
    with ExitStack() as stack:
        children = {key: stack.enter_context(_Child(graphs[key[0]], size, key[1])) for key in times}
        for number in range(rounds):
            say(f"latency, round {number + 1} of {rounds}")
            for key, child in children.items():
                times[key] += child.run(runs)
    return {
        name: tuple(Latency(num, round(float(np.median(times[name, num])), 3), len(times[name, num])) for num in threads) for name in graphs
    }


def this_machine() -> Machine:
    """What the figures are of, and how busy it is right now."""
    return Machine(_cpu_name(), os.cpu_count() or 1, round(os.getloadavg()[0], 2))


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


class _Child:
    """A process with one session, asked for turns over a pipe."""

    def __init__(self, graph: bytes, size: Size, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would take the parent's thread pools along
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_serve, args=(far, graph, size, threads), daemon=True)
        self._process.start()
        far.close()

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join(timeout=5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def run(self, num: int) -> list[float]:
        """Times of so many runs in milliseconds."""
        try:
            self._pipe.send(num)
            answer = self._pipe.recv() if self._pipe.poll(PATIENCE_S) else None
        except (EOFError, OSError) as error:
            raise ExportError(f"a process measuring latency ended early ({error or 'no answer'}); try without --latency") from error
        if answer is None:
            raise ExportError(f"a process measuring latency gave no answer in {PATIENCE_S:.0f} s; try without --latency")
        return list(answer)


def _serve(pipe: Connection, graph: bytes, size: Size, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ^C reaches the parent too, which closes the pipe: no traceback from each child
    image_NHWC = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    session = OnnxSession(graph, threads=threads)
    for _ in range(WARM_UP):
        session.run(image_NHWC)
    while True:
        try:
            num = pipe.recv()
        except (EOFError, OSError):
            return
        times_ms = []
        for _ in range(num):
            start_s = time.perf_counter()
            session.run(image_NHWC)
            times_ms.append(1e3 * (time.perf_counter() - start_s))
        pipe.send(times_ms)
