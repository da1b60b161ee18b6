"""The stream by itself: how long the robot waits for it, how old its results are, and how much of the machine reaches the network.

    python -m benchmarks.streaming FILM [--bundle B] [--trust KEY.pub] [--precision P] [--workers N] [--frames 300] [--rounds 3]

Live: `submit` while the network hangs and beside a whole inspection, and the age of results while frames come ten times as fast as the
network answers. Films: a plain loop, the mode `latency` and the mode `throughput`, in turns within one run, so that what else the machine
does meets all three alike. Their bound is the work alone: cores / (core-seconds of decoding + preparing + inference of a frame, each
measured on one thread).
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.film_passes import FirstFrames, Pass, first_frames, median_pass, naive_pass, overhead_ms, parts_alone, stream_pass
from benchmarks.robot_loop import LOOP_HZ, OVERLOAD, Percentiles, Waits, inspection_waits, result_ages, stalled_waits
from edge_sdk.bundle import Bundle
from edge_sdk.camera.film_decoder import DecoderChoice
from edge_sdk.contract.manifest import Graph
from edge_sdk.cores import usable_cores
from edge_sdk.errors import EdgeSdkError, InputError, SourceError
from edge_sdk.inspector import Inspector, session_from_bundle, worker_sessions
from edge_sdk.live.result import LiveModel
from edge_sdk.runtime import Session
from edge_sdk.throughput import MAX_WORKERS

NUM_CALLS = 10_000
AGE_S = 10.0
INSPECTION_S = 20.0
ROBOT: DecoderChoice = "opencv"  # what a robot's own loop hands in: BGR
NUM_SHOWN = 40  # frames of the film that the loop around a whole inspection shows in turn


class Plan(NamedTuple):
    """What is measured, and for how long."""

    film: Path
    workers: int
    rounds: int
    calls: int
    age_s: float
    inspection_s: float


def table(bundle: Bundle, graph: Graph, plan: Plan) -> Iterator[str]:
    """Measure, and give the figures line by line as they come."""
    model = LiveModel(session_from_bundle(bundle, graph), bundle.manifest.preprocess, bundle.identity, graph.temperature)
    single = LiveModel(session_from_bundle(bundle, graph, threads=1), bundle.manifest.preprocess, bundle.identity, graph.temperature)
    frames = [frame.packed for frame in islice(first_frames(plan.film, ROBOT), NUM_SHOWN) if frame.packed is not None]
    if not frames:
        raise SourceError(f"{plan.film}: its first frame cannot be decoded")
    height, width = frames[0].shape[:2]
    yield (
        f"{bundle.identity} {graph.precision} on {model.session.provider}, {plan.film.name} {width}x{height}, first {FirstFrames.limit} "
        f"frames; {platform.machine()}, {usable_cores()} cores of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, OpenCV {cv2.__version__}"
    )
    yield from _live(model, frames, plan)
    with Inspector(bundle, precision=graph.precision, require="cpu") as inspector:
        waits = inspection_waits(inspector, frames, seconds=plan.inspection_s)
        yield from _waits(f"{width}x{height}, whole inspection, {LOOP_HZ:.0f} Hz", waits)
    yield from _film(model, single, worker_sessions(bundle, graph), plan)
    model.session.close()
    single.session.close()


def _live(model: LiveModel, frames: Sequence[NDArray[np.uint8]], plan: Plan) -> Iterator[str]:
    height, width = frames[0].shape[:2]
    yield f"\n{'live, ms':52}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}"
    ages, bound_ms = result_ages(model, frames[0], seconds=plan.age_s)
    yield _line(f"age of results, {OVERLOAD} times overload", ages) + f"   two runs and a period: {bound_ms:.1f}"
    yield from _waits(f"720x576, network hangs, {plan.calls} calls", stalled_waits(model, calls=plan.calls))
    yield from _waits(f"{width}x{height}, network hangs", stalled_waits(model, calls=plan.calls, shape=frames[0].shape))


def _film(model: LiveModel, single: LiveModel, one: Callable[[], Session], plan: Plan) -> Iterator[str]:
    film, workers, cores = plan.film, plan.workers, usable_cores()
    parts = parts_alone(film, single)
    bound_fps = cores * 1e3 / parts.total
    yield (
        f"\none frame alone, core-ms: decode {parts.decode:.2f}, prepare {parts.prepare:.2f}, inference {parts.infer:.2f}, "
        f"together {parts.total:.2f}; work bound {bound_fps:.1f} frames/s on {cores} cores"
    )
    yield (
        f"the pipeline itself, core-ms a frame: latency {overhead_ms(model.spec, workers=None):.3f}, "
        f"throughput {overhead_ms(model.spec, workers=workers):.3f}"
    )
    ways: dict[str, Callable[[], Pass]] = {
        "plain loop of OpenCV, all threads": lambda: naive_pass(film, model, "opencv"),
        "plain loop of OpenCV, one thread": lambda: naive_pass(film, single, "opencv"),
        "plain loop of our reader, all threads": lambda: naive_pass(film, model, "auto"),
        "mode latency": lambda: stream_pass(film, model, None, workers),
        f"mode throughput, {workers} workers": lambda: stream_pass(film, model, one, workers),
    }
    passes: dict[str, list[Pass]] = {name: [] for name in ways}
    for _ in range(plan.rounds):
        for name, way in ways.items():
            passes[name].append(way())
    yield f"\n{f'film, median of {plan.rounds} rounds in turns':44}{'frames/s':>9}{'of bound':>9}{'core-ms':>9}{'over parts':>12}"
    for name, done in passes.items():
        median = median_pass(done)
        yield f"{name:44}{median.fps:9.1f}{median.fps / bound_fps:9.0%}{median.core_ms:9.2f}{median.core_ms - parts.total:+12.2f}"


def _waits(name: str, waits: Waits) -> Iterator[str]:
    yield _line(f"submit() {name}", waits.submit)
    yield _line("  a plain copy of the frame, in turns with it", waits.copy)


def _line(name: str, times: Percentiles) -> str:
    return f"{name:52}" + "".join(f"{value:9.3f}" for value in times)


def graph_of(bundle: Bundle, precision: str | None) -> Graph:
    """The bundle's graph of a precision; None for its first.

    Raises:
        InputError: If it has none.
    """
    graphs = bundle.manifest.graphs
    graph = next((graph for graph in graphs if precision in (None, graph.precision)), None)
    if graph is None:
        raise InputError(f"{bundle.identity} has no graph {precision}; it has {', '.join(graph.precision for graph in graphs)}")
    return graph


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streaming", description="The stream: waiting, ages, and the machine's share."
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    parser.add_argument("--precision", metavar="P", help="which of its graphs (the first)")
    parser.add_argument(
        "--workers", type=int, default=min(usable_cores(), MAX_WORKERS), help="of mode throughput (one per core, at most 8)"
    )
    parser.add_argument("--frames", type=int, default=300, help="of the film (300)")
    parser.add_argument("--rounds", type=int, default=3, help="through the film, each way (3)")
    parser.add_argument("--calls", type=int, default=NUM_CALLS, help=f"of submit ({NUM_CALLS})")
    parser.add_argument("--age-s", type=float, default=AGE_S, help=f"seconds of overload ({AGE_S:g})")
    parser.add_argument("--inspection-s", type=float, default=INSPECTION_S, help=f"seconds of a whole inspection ({INSPECTION_S:g})")
    arguments = parser.parse_args(argv)
    FirstFrames.limit = arguments.frames
    try:
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        plan = Plan(
            arguments.film, arguments.workers, arguments.rounds, arguments.calls, arguments.age_s, arguments.inspection_s
        )  # fmt: skip
        for line in table(bundle, graph_of(bundle, arguments.precision), plan):
            print(line, flush=True)
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
