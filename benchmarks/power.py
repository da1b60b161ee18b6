"""`power`: energy per inspected frame, where the board tells its power; elsewhere the record says that it was not measured.

python -m benchmarks power [--seconds 30] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.film import PAL, film_of
from benchmarks.options import add_measuring_options, bench_of, seconds_of
from benchmarks.power_meter import NONE_TELLS, PowerMeter, power_source
from benchmarks.throughput import film_pass


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long."""
    add_measuring_options(parser)
    parser.add_argument("--seconds", type=float, help="idle, and again inspecting (30; --quick: 5)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0, also where there is nothing to read."""
    seconds = seconds_of(arguments, full=30.0, quick=5.0)
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "power") as (bench, subject):
        if power_source() is None:
            bench.note("inspecting a file", not_measured={"joules_per_frame": NONE_TELLS})
            return 0
        film = film_of(arguments.film, PAL, 300, Path(folder))
        with PowerMeter() as idle:
            time.sleep(seconds)
        frames, end = 0, time.monotonic() + seconds
        with PowerMeter() as busy:
            while time.monotonic() < end:
                frames += film_pass(film, subject, "throughput").frames
        if idle.energy is None or busy.energy is None:
            bench.note("inspecting a file", not_measured={"joules_per_frame": f"{power_source()} gave no reading"})
            return 0
        figures = {
            "idle_w": idle.energy.mean_w,
            "inspecting_w": busy.energy.mean_w,
            "joules_per_frame": busy.energy.joules / frames,
            "joules_per_frame_above_idle": (busy.energy.joules - idle.energy.mean_w * busy.energy.seconds) / frames,
            "readings": float(busy.energy.readings),
        }
        settings = {"covers": busy.energy.covers, "film": film.origin, "size": str(film.size), "mode": "throughput"}
        bench.note("inspecting a file", figures=figures, settings=settings)
    return 0
