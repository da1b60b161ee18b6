"""`latency`: each stage by itself, and from capture to observation as a camera's film is inspected live.

python -m benchmarks latency [--sustained] [--film F] [--quick] [--out results.jsonl]
"""

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmarks.distribution import needed_for, percentile
from benchmarks.errors import BenchmarkError
from benchmarks.film import FPS, FULL_HD, PAL, Film, Size, film_of
from benchmarks.live_feed import LiveTimes, play_live
from benchmarks.measuring import Bench, Samples
from benchmarks.options import above_zero, add_measuring_options, bench_of, number_of, seconds_of
from benchmarks.record import Setting
from benchmarks.stages import stage_times_ms
from benchmarks.state import State, glance, state
from benchmarks.subject import Subject

WARM_UP, ROUND = 20, 50
LEAST_FILM = 25  # frames of a film made on the spot: it goes round and round
SUSTAINED_S = 600.0
MINUTE_S = 60.0
FULL_LOOK_S = 30
SHOWN = {"max_temperature_c": "temperature", "min_clock_mhz": "clock", "throttled": "throttling"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which film, how long."""
    add_measuring_options(parser)
    parser.add_argument("--frames", type=int, help="timed stage by stage (1200; --quick: 120)")
    parser.add_argument("--seconds", type=float, help="of live film, each size (60; --quick: 5)")
    parser.add_argument("--fps", type=float, default=FPS, help=f"of the live camera ({FPS:g})")
    parser.add_argument(
        "--sustained", action="store_true", help="live film for ten minutes, and nothing else: does it stay quick when it is hot?"
    )
    parser.add_argument("--sustained-s", type=float, default=SUSTAINED_S, help=f"seconds of that ({SUSTAINED_S:g})")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    num_frames = number_of(arguments, "frames", full=1200, quick=120)
    seconds = seconds_of(arguments, full=60.0, quick=5.0)
    above_zero("--fps", arguments.fps)
    above_zero("--sustained-s", arguments.sustained_s)
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "latency") as (bench, subject):
        films = (film_of(arguments.film, size, min(max(num_frames, LEAST_FILM), 300), Path(folder)) for size in _sizes(arguments))
        for film in films:
            if arguments.sustained:
                sustained(bench, subject, film, seconds=arguments.sustained_s, fps=arguments.fps)
            else:
                stages(bench, subject, film, num_frames=num_frames)
                end_to_end(bench, subject, film, seconds=seconds, fps=arguments.fps)
    return 0


def stages(bench: Bench, subject: Subject, film: Film, *, num_frames: int) -> None:
    """A record per stage."""
    before = bench.before
    times, not_measured = stage_times_ms(film, subject, num_frames=num_frames, warm_up=WARM_UP)
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size)}
    for stage, times_ms in times.items():
        bench.note(stage, samples=samples_of(times_ms, WARM_UP), settings={**settings, "kind": "stage"}, before=before)
    for stage, why in not_measured.items():
        bench.note(stage, not_measured={"time": why}, settings={**settings, "kind": "stage"}, before=before)


def end_to_end(bench: Bench, subject: Subject, film: Film, *, seconds: float, fps: float) -> None:
    """One record: from capture to observation."""
    times = play_live([film], subject, seconds=seconds, fps=fps)
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "kind": "end to end", "camera_fps": fps}
    bench.note("capture to observation", samples=samples_of(times.times_ms, times.warm_up), figures=figures_of(times), settings=settings)


def sustained(bench: Bench, subject: Subject, film: Film, *, seconds: float, fps: float) -> None:
    """One record over a long time: how times, clocks and temperature moved from the first minute to the last."""
    states: list[State] = [state()]
    times = play_live([film], subject, seconds=seconds, fps=fps, each_second=lambda second: states.append(_look(second)))
    states.append(state())
    stretch_s = min(MINUTE_S, seconds / 3)
    minutes = _minutes(times, stretch_s)
    first, last = minutes[0], minutes[-1]
    figures = figures_of(times) | {"seconds": seconds, "slower_at_the_end": float(np.median(last) / np.median(first) - 1)}
    for which, own in (("first", first), ("last", last)):
        figures[f"{which}_minute_p50_ms"] = float(np.median(own))
        figures |= {f"{which}_minute_p99_ms": percentile(own, "p99")} if len(own) >= needed_for("p99") else {}
    figures |= moved(states)
    shown = figures.keys() | ({"throttled"} if "max_cooling_steps" in figures else set())
    not_measured = {name: f"this machine shows no {what}" for name, what in SHOWN.items() if name not in shown}
    settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "kind": "sustained", "camera_fps": fps}
    settings |= {"stretch_s": stretch_s} if stretch_s < MINUTE_S else {}
    samples = Samples(times.times_ms, times.warm_up, tuple(float(np.median(own)) for own in minutes))
    bench.note("capture to observation, sustained", samples=samples, figures=figures, not_measured=not_measured, settings=settings)


def _look(second: float) -> State:
    """A glance, and each half minute all there is to see: once a second that would be one late frame in 25."""
    return state() if round(second) % FULL_LOOK_S == 0 else glance()


def figures_of(times: LiveTimes) -> dict[str, float]:
    """Results per second, cores busy with them, and what share of the frames was dropped for a newer one."""
    counts = times.accounting
    dropped = sum(counts.dropped.values())
    return {
        "results_per_s": len(times.times_ms) / times.seconds,
        "cores_busy": times.cpu_s / times.seconds,
        "received": float(counts.received),
        "dropped": float(dropped),
        "dropped_share": dropped / max(counts.received, 1),
    }


def samples_of(times_ms: list[float] | tuple[float, ...], warm_up: int) -> Samples:
    """Samples with a median per round of fifty."""
    parts = np.array_split(np.asarray(times_ms), max(len(times_ms) // ROUND, 1)) if len(times_ms) else []
    return Samples(tuple(times_ms), warm_up, tuple(float(np.median(part)) for part in parts))


def _sizes(arguments: argparse.Namespace) -> tuple[Size, ...]:
    """A film given is one; heat is measured at the larger size alone."""
    return (PAL,) if arguments.film is not None else (FULL_HD,) if arguments.sustained else (PAL, FULL_HD)


def _minutes(times: LiveTimes, step_s: float) -> list[list[float]]:
    """Times of each stretch, in order; a stretch without a result is left out."""
    found: dict[int, list[float]] = defaultdict(list)
    for at_s, time_ms in zip(times.at_s, times.times_ms, strict=True):
        found[int(at_s / step_s)].append(time_ms)
    if not found:
        raise BenchmarkError(f"no result came in {times.seconds:g} s of live film; give a longer --sustained-s")
    return [found[step] for step in sorted(found)]


def moved(states: list[State]) -> dict[str, float]:
    """Temperature at the start and at its highest, range of the clocks, and how often cores were slowed down; what the machine shows."""
    temperatures = [s.temperature_c for s in states if s.temperature_c is not None]
    clocks = [s.clock_mhz for s in states if s.clock_mhz is not None]
    throttled = [s.throttled for s in states if s.throttled is not None]
    gpu_clocks = [s.gpu_clock_mhz for s in states if s.gpu_clock_mhz is not None]
    found = {"start_temperature_c": temperatures[0], "max_temperature_c": max(temperatures)} if temperatures else {}
    found |= {"min_clock_mhz": float(min(clocks)), "max_clock_mhz": float(max(clocks))} if clocks else {}
    found |= {"min_gpu_clock_mhz": float(min(gpu_clocks)), "max_gpu_clock_mhz": float(max(gpu_clocks))} if gpu_clocks else {}
    steps = [s.cooling_steps for s in states if s.cooling_steps is not None]
    found |= {"max_cooling_steps": float(max(steps))} if steps else {}
    return found | ({"throttled": float(max(throttled) - throttled[0])} if throttled else {})
