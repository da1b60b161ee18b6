"""`startup`: from making the process to the first result, each step, in fresh child processes.

python -m benchmarks startup [--runs 20] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from benchmarks.children import child_says
from benchmarks.film import PAL, film_of
from benchmarks.measuring import Samples
from benchmarks.options import add_measuring_options, bench_of, number_of

TOTAL = "process start to first result"
STEPS = ("python", "import", "open bundle", "session and self-test", "first result")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How often."""
    add_measuring_options(parser)
    parser.add_argument("--runs", type=int, help="processes started (20; --quick: 5)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    runs = number_of(arguments, "runs", full=20, quick=5)
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "startup") as (bench, subject):
        film = film_of(arguments.film, PAL, 10, Path(folder))
        given = (str(film.path.resolve()), str(arguments.bundle.resolve()) if arguments.bundle else "-", subject.provider)
        keys = [str(key.resolve()) for key in arguments.trust]
        before = bench.before
        times = start_times_ms([*given, subject.graph.precision, str(arguments.threads), *keys], runs=runs)
        for step, times_ms in times.items():
            samples = Samples(tuple(times_ms), 1, tuple(times_ms))  # each start is a round of its own
            bench.note(step, samples=samples, settings={"processes": runs, "kind": "startup"}, before=before)
    return 0


def start_times_ms(arguments: list[str], *, runs: int) -> dict[str, list[float]]:
    """Milliseconds of each step and of all together, of so many processes after one that fills the file cache.

    Raises:
        BenchmarkError: If a process fails.
    """
    times: dict[str, list[float]] = defaultdict(list)
    for number in range(runs + 1):
        marks = child_says(dict[str, float], "benchmarks.startup_child", str(time.monotonic_ns()), *arguments)
        if number == 0:
            continue
        before = 0.0
        for step in STEPS:
            times[step].append(marks[step] - before)
            before = marks[step]
        times[TOTAL].append(before)
    return dict(times)
