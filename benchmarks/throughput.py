"""`throughput`: frames per second as work grows: picture size, cameras, batch, threads.

    python -m benchmarks throughput [--cameras 4] [--film F] [--quick] [--out results.jsonl]

Files are inspected as fast as they go in both modes of the stream; cameras play at 25 frames per second and drop what cannot be served.
Seconds of CPU are of the whole process, FFmpeg's threads included.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.film import FPS, FULL_HD, PAL, SIZES, Film, film_of, first_frames
from benchmarks.latency import figures_of, samples_of
from benchmarks.live_feed import play_live
from benchmarks.measuring import Bench, measured
from benchmarks.options import add_measuring_options, bench_of, number_of, seconds_of
from benchmarks.record import Setting
from benchmarks.subject import Subject
from edge_sdk.camera import FilmSource
from edge_sdk.cores import usable_cores
from edge_sdk.errors import InputError, RuntimeUnavailableError
from edge_sdk.frame_inference import prepared_image
from edge_sdk.inspector import session_from_bundle
from edge_sdk.live.result import MAX_CAMERAS
from edge_sdk.runtime.links import LINKS
from edge_sdk.stream import FrameStream
from edge_sdk.throughput import MAX_WORKERS, Mode

BATCHES = (1, 2, 4, 8, 16)


class Pass(NamedTuple):
    """One way through a film."""

    frames: int
    seconds: float
    cpu_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which film, how many cameras, how long."""
    add_measuring_options(parser)
    parser.add_argument("--cameras", type=int, default=MAX_CAMERAS, help=f"up to so many (1 to {MAX_CAMERAS})")
    parser.add_argument("--frames", type=int, help="of each film (300; --quick: 60)")
    parser.add_argument("--rounds", type=int, help="through each film (5; --quick: 2)")
    parser.add_argument("--seconds", type=float, help="of live film for each number of cameras (20; --quick: 2)")


def run(arguments: argparse.Namespace) -> int:
    """Measure and record; 0."""
    quick = arguments.quick
    num_frames = number_of(arguments, "frames", full=300, quick=60, least=2)
    rounds, seconds = number_of(arguments, "rounds", full=5, quick=2), seconds_of(arguments, full=20.0, quick=2.0)
    if not 1 <= arguments.cameras <= MAX_CAMERAS:
        raise InputError(f"--cameras {arguments.cameras}: give 1 to {MAX_CAMERAS}")
    sizes = (PAL,) if arguments.film else (PAL, FULL_HD) if quick else SIZES
    with tempfile.TemporaryDirectory() as folder, bench_of(arguments, "throughput") as (bench, subject):
        films = [film_of(arguments.film, size, num_frames, Path(folder)) for size in sizes]
        for film in films:
            files(bench, subject, film, rounds=rounds)
        for film in films[:1] if quick else dict.fromkeys((films[0], films[-1])):
            cameras(bench, subject, film, up_to=arguments.cameras, seconds=seconds)
        batches(bench, subject, films[0], quick=quick)
        threads(bench, subject, films[0], quick=quick)
    return 0


def files(bench: Bench, subject: Subject, film: Film, *, rounds: int) -> None:
    """Both modes in turns, so that what else the machine does meets both alike."""
    modes: tuple[Mode, ...] = ("latency", "throughput")
    passes: dict[Mode, list[Pass]] = {mode: [] for mode in modes}
    for _ in range(rounds):
        for mode in modes:
            passes[mode].append(film_pass(film, subject, mode))
    for mode, done in passes.items():
        fps = float(np.median([p.frames / p.seconds for p in done]))
        core_ms = float(np.median([1e3 * p.cpu_s / p.frames for p in done]))
        workers = None if mode == "latency" else min(usable_cores(), MAX_WORKERS)
        settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "mode": mode, "workers": workers}
        figures = {"frames_per_s": fps, "core_ms_per_frame": core_ms}
        bench.note("file", figures=figures, settings={**settings, "rounds": rounds, "frames": done[0].frames})


def film_pass(film: Film, subject: Subject, mode: Mode) -> Pass:
    """Inspect a film once; sessions are made before the clock starts, for that is paid once, however long the film."""
    spec, new_session = subject.bundle.manifest.preprocess, subject.single_thread_session()
    with (
        FilmSource(film.path) as source,
        FrameStream(source, subject.session, spec, temperature=subject.graph.temperature, mode=mode, new_session=new_session) as stream,
    ):
        begin, begin_cpu = time.perf_counter(), time.process_time()
        num = sum(1 for _ in stream)
        return Pass(num, time.perf_counter() - begin, time.process_time() - begin_cpu)


def cameras(bench: Bench, subject: Subject, film: Film, *, up_to: int, seconds: float) -> None:
    """One to four cameras, live."""
    for num in range(1, up_to + 1):
        times = play_live([film] * num, subject, seconds=seconds)
        settings: dict[str, Setting] = {"film": film.origin, "size": str(film.size), "cameras": num, "camera_fps": FPS}
        bench.note("cameras", samples=samples_of(times.times_ms, times.warm_up), figures=figures_of(times), settings=settings)


def batches(bench: Bench, subject: Subject, film: Film, *, quick: bool) -> None:
    """Several frames in one run of the network."""
    images = [prepared_image(frame, subject.bundle.manifest.preprocess) for frame in first_frames(film, BATCHES[-1])]
    for size in BATCHES:
        batch_NHWC = np.stack([images[i % len(images)] for i in range(size)])
        _network(bench, "batch", partial(subject.session.run, batch_NHWC), size, {"batch": size}, quick=quick)


def threads(bench: Bench, subject: Subject, film: Film, *, quick: bool) -> None:
    """One frame on 1, 2, 4, ... threads, up to the cores at hand; a GPU's session has none to choose."""
    if not LINKS[subject.provider].on_cpu:
        bench.note("threads", not_measured={"time": f"{subject.session.provider} has no threads to choose"})
        return
    image_NHWC = prepared_image(first_frames(film, 1)[0], subject.bundle.manifest.preprocess)[np.newaxis]
    cores = usable_cores()
    for num in sorted({n for n in (1, 2, 4, 8, 16) if n <= cores} | {cores}):
        try:
            session = session_from_bundle(subject.bundle, subject.graph, threads=num, provider=subject.provider)
        except RuntimeUnavailableError as error:
            bench.note("threads", not_measured={"time": str(error)}, settings={"session_threads": num})
            continue
        try:
            _network(bench, "threads", partial(session.run, image_NHWC), 1, {"session_threads": num}, quick=quick)
        finally:
            session.close()


def _network(bench: Bench, name: str, call: Callable[[], object], num_images: int, settings: Mapping[str, Setting], *, quick: bool) -> None:
    window, begin_cpu = 3 if quick else 20, time.process_time()
    samples = measured(call, window=window, warm_up=3 if quick else 10, max_windows=8 if quick else 10)
    runs = samples.warm_up + window * len(samples.rounds_ms)
    per_image_ms = samples.distribution.p50_ms / num_images
    figures = {
        "images_per_s": 1e3 / per_image_ms, "ms_per_image": per_image_ms,
        "core_ms_per_image": 1e3 * (time.process_time() - begin_cpu) / runs / num_images,
    }  # fmt: skip
    bench.note(name, samples=samples, figures=figures, settings=settings)
