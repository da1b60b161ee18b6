"""How late the control loop of the example crawler ticks: without the SDK, with the SDK at rest, and with it under load, in turns.

    python -m benchmarks.crawler_jitter [--film F] [--rounds 4] [--seconds 15] [--threads 1] [--bundle B] [--trust KEY.pub]

The three stand in turns within one run, so that what else the machine does meets all three alike; the crawler's camera films in all three.
A tick is late because all cores are taken, which Linux tells (schedstat: runnable, and waiting for a core), or because the loop waits for
something in its own process, which is Python's lock. The second line of each pair is the lateness without the wait for a core.
"""

import argparse
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.options import above_zero
from edge_sdk.bundle import Bundle
from edge_sdk.cores import usable_cores
from edge_sdk.errors import EdgeSdkError, InputError
from edge_sdk.inspector import Inspector
from edge_sdk.odometer_feed import OdometerFeed

ROOT = Path(__file__).parents[1]
EXAMPLE, DEMO_FILM = ROOT / "deploy" / "examples" / "crawler.py", ROOT / "deploy" / "demo" / "drive.mp4"
WAYS = ("without the SDK", "SDK at rest", "SDK under load")
SPEED_M_S, READY_S, LEAST_TICKS = 0.2, 300.0, 1000

Take = Callable[[NDArray[np.uint8]], object]
Tick = Callable[[float], object]


class Window(NamedTuple):
    """One stretch of driving: how late the ticks came, and how much of it waits for a core made (both ms); CPU time; frames."""

    late_ms: NDArray[np.float64]
    waited_ms: NDArray[np.float64]
    cpu_s: float
    frames: int


class CoreWaits:
    """How long the calling thread has stood runnable without a core, from call to call; 0 where the system does not say."""

    def __init__(self) -> None:
        path = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self._file = os.open(path, os.O_RDONLY) if path.exists() else -1
        self._before_ns = self._now_ns()
        self.waited_ms: list[float] = []

    def add(self) -> None:
        """Note the wait since the last call."""
        now_ns = self._now_ns()
        self.waited_ms.append((now_ns - self._before_ns) / 1e6)
        self._before_ns = now_ns

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)

    def _now_ns(self) -> int:
        return int(os.pread(self._file, 128, 0).split()[1]) if self._file >= 0 else 0


def carried(waited_ms: Sequence[float], tick_ms: float) -> NDArray[np.float64]:
    """Each tick's lateness from waits for a core alone: one long wait makes the next ticks late too, until the loop has caught up."""
    owed_ms, result = 0.0, []
    for waited in waited_ms:
        owed_ms = max(owed_ms - tick_ms, 0.0) + waited
        result.append(owed_ms)
    return np.asarray(result)


def crawler() -> ModuleType:
    """The example program as a module."""
    spec = spec_from_file_location("crawler", EXAMPLE)
    if spec is None or spec.loader is None or not EXAMPLE.is_file():
        raise InputError(f"{EXAMPLE}: no such file; run this from a checkout")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(film: Path, bundle: Bundle, *, rounds: int, seconds: float, threads: int | None) -> dict[str, list[Window]]:
    """Drive the three ways in turns.

    Args:
        film: What the crawler's camera shows, over and over.
        bundle: The model.
        rounds: How often each way.
        seconds: Length of each drive.
        threads: Of one inference; None takes every core.
    """
    example, windows = crawler(), {way: list[Window]() for way in WAYS}

    def drive(take: Take, tick: Tick) -> Window:
        waits, begin_cpu = CoreWaits(), time.process_time()

        def noted(now_s: float) -> None:
            waits.add()
            tick(now_s)

        late_ms = example.drive(film, seconds, take, noted)
        waits.close()
        return Window(late_ms, carried(waits.waited_ms, example.TICK_S * 1e3), time.process_time() - begin_cpu, 0)

    for _ in range(rounds):
        windows[WAYS[0]].append(drive(lambda frame: None, lambda now_s: None))
        with (
            tempfile.TemporaryDirectory() as folder,
            Inspector(bundle, threads=threads) as inspector,
            inspector.live(Path(folder) / "run", odometer=(counter := OdometerFeed("wheels")), name="crawler") as live,
        ):
            live.wait_ready(READY_S)
            windows[WAYS[1]].append(drive(lambda frame: None, lambda now_s: None))

            def tick(now_s: float) -> None:
                counter.push(SPEED_M_S * now_s)
                live.latest()

            before = live.stream.accounting.processed
            loaded = drive(lambda frame: live.submit(frame, order="bgr"), tick)
            windows[WAYS[2]].append(loaded._replace(frames=live.stream.accounting.processed - before))
    return windows


def table(windows: dict[str, list[Window]]) -> Iterator[str]:
    """The figures, line by line."""
    yield f"{'control loop at 50 Hz, late by, ms':42}{'ticks':>7}" + "".join(f"{name:>9}" for name in ("p50", "p99", "p99.9", "max"))
    for way, parts in windows.items():
        late_ms, waited_ms = (np.concatenate(column) for column in list(zip(*parts, strict=True))[:2])
        yield _line(way, late_ms)
        yield _line("  without the wait for a core", np.maximum(late_ms - waited_ms, 0.0))
    for way, parts in windows.items():
        ticks = sum(len(part.late_ms) for part in parts)
        frames = f", {sum(part.frames for part in parts)} frames inspected" if way == WAYS[2] else ""
        yield f"{way}: {sum(part.cpu_s for part in parts) / (ticks * 0.02):.2f} cores{frames}"


def _line(name: str, late_ms: NDArray[np.float64]) -> str:
    values = [*np.percentile(late_ms, [50, 99, 99.9]), late_ms.max()]
    values[2] = values[2] if len(late_ms) >= LEAST_TICKS else np.nan  # one in a thousand of fewer is their maximum
    return f"{name:42}{len(late_ms):7}" + "".join(f"{value:9.2f}" for value in values)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crawler_jitter", description="The control loop with the SDK and without.")
    parser.add_argument("--film", type=Path, default=DEMO_FILM, help="what the camera shows (default: the demo drive)")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=15.0, help="of each of the three drives of a round")
    parser.add_argument("--threads", type=int, default=1, help="of one inference (default 1: leaves cores to the control loop; 0: all)")
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], help="a public key besides the shipped one")
    arguments = parser.parse_args(argv)
    try:
        if not arguments.film.is_file():
            raise InputError(f"{arguments.film}: no such film")
        rounds, seconds = round(above_zero("--rounds", arguments.rounds)), above_zero("--seconds", arguments.seconds)
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        windows = measure(arguments.film, bundle, rounds=rounds, seconds=seconds, threads=arguments.threads or None)
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    machine = f"{usable_cores()} cores, load {os.getloadavg()[0]:.1f}"
    print(f"{bundle.identity}, {arguments.film.name}, {arguments.threads} threads, {rounds} rounds of {seconds:g} s; {machine}")
    for line in table(windows):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
