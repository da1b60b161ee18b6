"""`latency`: each stage by itself, and from capture to observation as a camera's film is inspected live.

python -m benchmarks latency [--sustained] [--film F] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.film import FPS, FULL_HD, PAL, Film, Size, film_of
from benchmarks.live_feed import LiveTimes, play_live
from benchmarks.measuring import Bench, Samples
from benchmarks.options import add_measuring_options, bench_of
from benchmarks.record import Setting
from benchmarks.stages import stage_times_ms
from benchmarks.state import State, state
from benchmarks.subject import Subject
from edge_sdk.errors import InputError

WARM_UP, ROUND = 20, 50
SUSTAINED_S = 600.0
MINUTE_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which film, how long."""
    add_measuring_options(parser)
    parser.add_argument("--frames", type=int, help="timed stage by stage (1200; --quick: 120)")
    parser.add_argument("--seconds", type=float, help="of live film, each size (60; --quick: 5)")
    parser.add_argument("--fps", type=float, default=FPS, help=f"of the live camera ({FPS:g})")
    parser.add_argument("--sustained", action="store_true", help="live film for ten minutes more: does it stay quick when it is hot?")
    parser.add_argument("--sustained-s", type=float, default=SUSTAINED_S, help=f"seconds of that ({SUSTAINED_S:g})")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    num_frames = arguments.frames or (120 if arguments.quick else 1200)
    seconds = arguments.seconds or (5.0 if arguments.quick else 60.0)
    if num_frames < 1 or seconds <= 0 or arguments.fps <= 0 or arguments.sustained_s <= 0:
        raise InputError("--frames, --seconds, --fps and --sustained-s must be above 0")
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "latency") as (bench, subject):
        for size in _sizes(arguments.film):
            film = film_of(arguments.film, size, min(num_frames, 300), Path(folder))
            stages(bench, subject, film, num_frames=num_frames)
            end_to_end(bench, subject, film, seconds=seconds, fps=arguments.fps)
        if arguments.sustained:
            sustained(bench, subject, film, seconds=arguments.sustained_s, fps=arguments.fps)
    return 0


def stages(bench: Bench, subject: Subject, film: Film, *, num_frames: int) -> None:
    """A record per stage."""
    times, not_measured = stage_times_ms(film, subject, num_frames=num_frames, warm_up=WARM_UP)
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size)}
    for stage, times_ms in times.items():
        bench.note(stage, samples=samples_of(times_ms, WARM_UP), settings={**settings, "kind": "stage"})
    for stage, why in not_measured.items():
        bench.note(stage, not_measured={"time": why}, settings={**settings, "kind": "stage"})


def end_to_end(bench: Bench, subject: Subject, film: Film, *, seconds: float, fps: float) -> None:
    """One record: from capture to observation."""
    times = play_live([film], subject, seconds=seconds, fps=fps)
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "kind": "end to end", "camera_fps": fps}
    bench.note("capture to observation", samples=samples_of(times.times_ms, times.warm_up), figures=figures_of(times), settings=settings)


def sustained(bench: Bench, subject: Subject, film: Film, *, seconds: float, fps: float) -> None:
    """One record over a long time: how the median, the clocks and the temperature moved from the first minute to the last."""
    states: list[tuple[float, State]] = []
    times = play_live([film], subject, seconds=seconds, fps=fps, each_second=lambda second: states.append((second, state())))
    step_s = min(MINUTE_S, seconds / 3)
    medians = _medians(times, step_s)
    figures = figures_of(times) | {"seconds": seconds, "first_minute_p50_ms": medians[0], "last_minute_p50_ms": medians[-1]}
    figures |= {"slower_at_the_end": medians[-1] / medians[0] - 1} | _moved(states)
    not_measured = {} if any(s.temperature_c is not None for _, s in states) else {"temperature_c": "this machine shows none"}
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "kind": "sustained", "camera_fps": fps}
    samples = Samples(times.times_ms, times.warm_up, tuple(medians))
    bench.note("capture to observation, sustained", samples=samples, figures=figures, not_measured=not_measured, settings=settings)


def figures_of(times: LiveTimes) -> dict[str, float]:
    """Results per second, and what share of the frames was dropped for a newer one."""
    counts = times.accounting
    dropped = sum(counts.dropped.values())
    return {
        "results_per_s": len(times.times_ms) / times.seconds,
        "received": float(counts.received),
        "dropped": float(dropped),
        "dropped_share": dropped / max(counts.received, 1),
    }


def samples_of(times_ms: list[float] | tuple[float, ...], warm_up: int) -> Samples:
    """Samples with a median per round of fifty."""
    parts = np.array_split(np.asarray(times_ms), max(len(times_ms) // ROUND, 1)) if len(times_ms) else []
    return Samples(tuple(times_ms), warm_up, tuple(float(np.median(part)) for part in parts))


def _sizes(film: Path | None) -> tuple[Size, ...]:
    return (PAL,) if film is not None else (PAL, FULL_HD)


def _medians(times: LiveTimes, step_s: float) -> list[float]:
    found: dict[int, list[float]] = defaultdict(list)
    for at_s, time_ms in zip(times.at_s, times.times_ms, strict=True):
        found[int(at_s / step_s)].append(time_ms)
    return [float(np.median(found[step])) for step in sorted(found)]


def _moved(states: list[tuple[float, State]]) -> dict[str, float]:
    """Highest temperature, lowest clock, and what the clock lost."""
    temperatures = [s.temperature_c for _, s in states if s.temperature_c is not None]
    clocks = [s.clock_mhz for _, s in states if s.clock_mhz is not None]
    found = {"max_temperature_c": max(temperatures)} if temperatures else {}
    return found | ({"min_clock_mhz": float(min(clocks)), "max_clock_mhz": float(max(clocks))} if clocks else {})
