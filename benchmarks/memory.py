"""`memory`: what the process holds while it inspects, and whether that grows.

python -m benchmarks memory [--frames 10000] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.children import child_says
from benchmarks.film import FULL_HD, PAL, film_of
from benchmarks.measuring import Bench
from benchmarks.memory_child import NUM_LOOKS, Look
from benchmarks.options import add_measuring_options, bench_of, number_of
from benchmarks.record import Setting
from benchmarks.subject import Subject
from edge_sdk.runtime.links import LINKS

FILM_FRAMES = 100
LEAST_FOR_GROWTH = 2000  # frames; before that arenas and pools still fill, and a slope means nothing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    add_measuring_options(parser)
    parser.add_argument("--frames", type=int, help="inspected in each mode (10000; --quick: 240)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    num_frames = number_of(arguments, "frames", full=10_000, quick=240, least=NUM_LOOKS)
    size = PAL if arguments.quick else FULL_HD
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "memory") as (bench, subject):
        film = film_of(arguments.film, size, FILM_FRAMES, Path(folder))
        bundle = str(arguments.bundle.resolve()) if arguments.bundle else "-"
        keys = [str(key.resolve()) for key in arguments.trust]
        for mode in ("latency", "throughput"):
            given = (str(film.path.resolve()), str(num_frames), mode, bundle, subject.provider, subject.graph.precision)
            looks = child_says(list[Look], "benchmarks.memory_child", *given, str(arguments.threads), *keys)
            _note(bench, subject, looks, {"mode": mode, "frames": num_frames, "film": film.origin, "size": str(film.size)})
    return 0


def figures_of(looks: list[Look]) -> dict[str, float]:
    """The empty process, the largest and the last look, the peak, and after enough frames the growth in KB per 1000 of them."""
    figures = {"rss_before_mb": looks[0].rss_mb, "max_rss_mb": max(look.rss_mb for look in looks), "last_rss_mb": looks[-1].rss_mb}
    figures |= {"peak_rss_mb": looks[-1].peak_mb} if looks[-1].peak_mb is not None else {}
    shares = [look.pss_mb for look in looks if look.pss_mb is not None]
    figures |= {"max_pss_mb": max(shares)} if shares else {}
    on_gpu = [look.gpu_mb for look in looks if look.gpu_mb is not None]
    figures |= {"max_gpu_mb": max(on_gpu)} if on_gpu else {}
    return figures | ({"growth_kb_per_1000_frames": growth(looks)} if looks[-1].frames >= LEAST_FOR_GROWTH else {})


def growth(looks: list[Look]) -> float:
    """Slope of RSS over the second half of the looks, KB per 1000 frames: pools and arenas have filled by then."""
    half = looks[len(looks) // 2 :]
    return float(np.polyfit([look.frames for look in half], [look.rss_mb for look in half], 1)[0]) * 1e6


def _note(bench: Bench, subject: Subject, looks: list[Look], settings: dict[str, Setting]) -> None:
    not_measured: dict[str, str] = {}
    if looks[-1].frames < LEAST_FOR_GROWTH:
        not_measured["growth_kb_per_1000_frames"] = f"at least {LEAST_FOR_GROWTH} frames are needed"
    if looks[0].pss_mb is None:
        not_measured["max_pss_mb"] = "this kernel shows no smaps_rollup"
    if LINKS[subject.provider].on_cpu:
        not_measured["max_gpu_mb"] = "nothing runs on a GPU"
    elif all(look.gpu_mb is None for look in looks):
        not_measured["max_gpu_mb"] = "nvidia-smi lists no such process; a Jetson's GPU uses the machine's memory, which is in RSS and PSS"
    bench.note("while inspecting", figures=figures_of(looks), not_measured=not_measured, settings=settings)
