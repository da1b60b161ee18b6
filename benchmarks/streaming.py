"""The stream by itself: how long the robot waits for it, how old its results are, and how much of the machine reaches the network.

    python -m benchmarks.streaming FILM [--bundle B] [--trust KEY.pub] [--workers N] [--frames 300] [--rounds 3]

Live: `submit` while the network hangs, and the age of results while frames come ten times as fast as it answers. Films: a plain loop, the
mode `latency` and the mode `throughput`, in turns within one run, so that what else the machine does meets all three alike. Their bound is
the work alone: cores / (core-seconds of decoding + preparing + inference of a frame, each measured on one thread). Core-seconds are CPU
time of the process, which does not depend on who else uses the machine; seconds are only worth something on an idle one.
"""

import argparse
import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.camera import FilmSource, Frame
from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.cores import usable_cores
from edge_sdk.errors import EdgeSdkError, SourceError
from edge_sdk.frame_inference import prepared_image
from edge_sdk.live import LiveStream
from edge_sdk.live.result import LiveModel, LiveResult, LiveSettings
from edge_sdk.runtime import Session
from edge_sdk.stream import FrameStream
from edge_sdk.throughput import MAX_WORKERS, Mode

NUM_CALLS = 10_000
OVERLOAD = 10
AGE_S = 10.0
PAL = (576, 720, 3)  # the size the promise is made for
WARM_UP = 5

T = TypeVar("T")


class FirstFrames(FilmSource):
    """A film that ends after so many frames."""

    limit = 300

    def frames(self) -> Iterator[Frame]:
        """The first frames of the film."""
        return islice(super().frames(), self.limit)


class Percentiles(NamedTuple):
    """Of times in milliseconds."""

    p50: float
    p99: float
    p999: float
    largest: float


class Parts(NamedTuple):
    """Core-milliseconds of one frame on one thread."""

    decode: float
    prepare: float
    infer: float

    @property
    def total(self) -> float:
        """All of the work there is no way around."""
        return sum(self)


class Pass(NamedTuple):
    """One way through the film: frames per second and core-milliseconds per frame."""

    fps: float
    core_ms: float


class StalledSession:
    """A network that hangs, from when it is told to."""

    provider, precision, threads = "stalled", "fp32", 1

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Wait, and answer nothing in particular."""
        self.free.wait()
        num_classes = len(taxonomy())
        return Outputs(
            np.zeros((len(images_NHWC), num_classes), np.float32), np.zeros((len(images_NHWC), num_classes, 1, 1), np.float32)
        )  # fmt: skip

    def close(self) -> None:
        """Nothing is held."""


def percentiles(times_ms: Sequence[float]) -> Percentiles:
    """Median, 99th and 99.9th percentile and largest."""
    p50, p99, p999 = np.percentile(times_ms, [50, 99, 99.9])
    return Percentiles(float(p50), float(p99), float(p999), max(times_ms))


def submit_times(model: LiveModel, *, calls: int = NUM_CALLS, shape: tuple[int, ...] = PAL) -> Percentiles:
    """How long `submit` takes while a run of the network hangs, at 1000 calls a second."""
    stalled = StalledSession()
    frame_HWC = np.zeros(shape, np.uint8)
    times_ms = []
    with LiveStream(LiveModel(stalled, model.spec, "stalled")) as stream:
        stream.wait_ready(60)
        stalled.free.clear()
        for _ in range(calls):
            begin = time.perf_counter()
            stream.submit(frame_HWC)
            times_ms.append((time.perf_counter() - begin) * 1e3)
            time.sleep(0.001)
        stalled.free.set()
    return percentiles(times_ms)


def result_ages(model: LiveModel, frame_HWC: NDArray[np.uint8], *, seconds: float = AGE_S) -> tuple[Percentiles, float]:
    """Ages of results while frames come ten times as fast as the network answers, and the age they should have at most.

    That is twice the network's own time (a frame that has just missed its turn waits for one run and then takes one) and a frame period.
    """
    run_s = median_seconds(lambda: model.session.run(prepare(frame_HWC, model.spec)[np.newaxis]))
    period_s = run_s / OVERLOAD
    ages_ms: list[float] = []

    def note(result: LiveResult) -> None:
        ages_ms.append(result.age_ms)

    stream = LiveStream(model, LiveSettings(batch=1))
    stream.on_result(note, depth=1000)
    with stream:
        stream.wait_ready(600)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            stream.submit(frame_HWC)
            time.sleep(period_s)
    return percentiles(ages_ms), (2 * run_s + period_s) * 1e3


def median_seconds(call: Callable[[], object], *, times: int = 20) -> float:
    """Median wall time of a call, after a warm-up."""
    measured = []
    for _ in range(WARM_UP + times):
        begin = time.perf_counter()
        call()
        measured.append(time.perf_counter() - begin)
    return float(np.median(measured[WARM_UP:]))


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV's own threads off, so that core-seconds hold no waiting in them."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def parts_alone(film: Path, model: LiveModel) -> Parts:
    """Core-milliseconds of decoding, preparing and inference, each by itself over the whole of the frames (one session thread).

    FFmpeg's own threads are left as they are: their CPU time counts, whichever core it is spent on.
    """
    with one_opencv_thread():
        decode_ms, num = _cpu_ms(lambda: sum(1 for _ in _frames(film)))
        frames = list(islice(_frames(film), min(num, 50)))
        prepare_ms, _ = _cpu_ms(lambda: [prepared_image(frame, model.spec) for frame in frames])
        images = [prepared_image(frame, model.spec)[np.newaxis] for frame in frames]
        for image_NHWC in images[:WARM_UP]:
            model.session.run(image_NHWC)
        infer_ms, _ = _cpu_ms(lambda: [model.session.run(image_NHWC) for image_NHWC in images])
    return Parts(decode_ms / num, prepare_ms / len(frames), infer_ms / len(frames))


def _frames(film: Path) -> Iterator[Frame]:
    with FirstFrames(film) as source:
        yield from source.frames()


def _cpu_ms(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.process_time()
    value = work()
    return (time.process_time() - begin) * 1e3, value


def naive_pass(film: Path, model: LiveModel) -> Pass:
    """What one writes first: read, prepare, run, one after the other."""
    return _timed(model.session.run(prepared_image(frame, model.spec)[np.newaxis]) for frame in _frames(film))


def stream_pass(film: Path, model: LiveModel, new_session: Callable[[], Session] | None, workers: int) -> Pass:
    """`FrameStream` in mode `throughput`, or `latency` where there is no way to make sessions.

    The sessions are made before the clock starts: that is paid once, however long the film.
    """
    mode: Mode = "throughput" if new_session else "latency"
    with (
        FirstFrames(film) as source,
        FrameStream(source, model.session, model.spec, mode=mode, new_session=new_session, workers=workers) as stream,
    ):
        return _timed(stream)


def _timed(walk: Iterable[object]) -> Pass:
    begin, begin_cpu = time.perf_counter(), time.process_time()
    num = sum(1 for _ in walk)
    return Pass(num / (time.perf_counter() - begin), (time.process_time() - begin_cpu) * 1e3 / num)


class OneFrame:
    """A source of one frame in memory, over and over: nothing to decode, and nothing to resize."""

    name, fps = "memory", 25.0
    kind: Literal["film"] = "film"
    announced_frames: int | None = None
    names: tuple[str, ...] | None = None
    shortfall: str | None = None

    def __init__(self, spec: PreprocessSpec, num: int) -> None:
        self.height, self.width, self._num = spec.height, spec.width, num
        self._image_HWC = np.zeros((spec.height, spec.width, 3), np.uint8)

    def frames(self) -> Iterator[Frame]:
        """The frame, as often as wanted."""
        return (Frame(i, i / self.fps, 0, self._image_HWC) for i in range(self._num))

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> "OneFrame":
        return self

    def __exit__(self, *_: object) -> None: ...


def overhead_ms(spec: PreprocessSpec, *, workers: int | None, num: int = 2000) -> float:
    """Core-milliseconds the pipeline itself takes for a frame (threads, queues, checks, scores); `workers` None for `latency`."""
    mode: Mode = "latency" if workers is None else "throughput"
    source = OneFrame(spec, num)
    with FrameStream(source, StalledSession(), spec, mode=mode, new_session=StalledSession, workers=workers) as stream:
        through = _timed(stream)
    return through.core_ms - _timed(prepared_image(frame, spec) for frame in source.frames()).core_ms


def median_pass(passes: Sequence[Pass]) -> Pass:
    """The median of each figure."""
    return Pass(*(float(np.median(column)) for column in zip(*passes, strict=True)))


def table(bundle: Bundle, film: Path, *, workers: int, rounds: int, calls: int, age_s: float) -> Iterator[str]:
    """Measure, and give the figures line by line as they come."""
    graph = bundle.manifest.graphs[0]
    one, all_cores = new_session_of(bundle, 1), new_session_of(bundle, 0)
    model = LiveModel(all_cores(), bundle.manifest.preprocess, bundle.identity, graph.temperature)
    single = LiveModel(one(), bundle.manifest.preprocess, bundle.identity, graph.temperature)
    frame = next(_frames(film), None)
    if frame is None or frame.image_HWC is None:
        raise SourceError(f"{film}: its first frame cannot be decoded")
    height, width = frame.image_HWC.shape[:2]
    cores = usable_cores()
    yield (
        f"{bundle.identity} {graph.precision} on {model.session.provider}, {film.name} {width}x{height}, first {FirstFrames.limit} frames; "
        f"{platform.machine()}, {cores} cores of {os.cpu_count()}, load {os.getloadavg()[0]:.1f}, OpenCV {cv2.__version__}"
    )

    yield f"\n{'live, ms':44}{'p50':>9}{'p99':>9}{'p99.9':>9}{'max':>9}"
    yield _line(f"submit() 720x576, network hangs, {calls} calls", submit_times(model, calls=calls))
    yield _line(f"submit() {width}x{height}, network hangs", submit_times(model, calls=calls, shape=frame.image_HWC.shape))
    ages, bound_ms = result_ages(model, frame.image_HWC, seconds=age_s)
    yield _line(f"age of results, {OVERLOAD} times overload", ages) + f"   two runs and a period: {bound_ms:.1f}"

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
        "plain loop, all threads": lambda: naive_pass(film, model),
        "plain loop, one thread": lambda: naive_pass(film, single),
        "mode latency": lambda: stream_pass(film, model, None, workers),
        f"mode throughput, {workers} workers": lambda: stream_pass(film, model, one, workers),
    }
    passes: dict[str, list[Pass]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            passes[name].append(way())
    yield f"\n{f'film, median of {rounds} rounds in turns':44}{'frames/s':>9}{'of bound':>9}{'core-ms':>9}{'over parts':>12}"
    for name, done in passes.items():
        median = median_pass(done)
        yield f"{name:44}{median.fps:9.1f}{median.fps / bound_fps:9.0%}{median.core_ms:9.2f}{median.core_ms - parts.total:+12.2f}"
    model.session.close()
    single.session.close()


def new_session_of(bundle: Bundle, threads: int) -> Callable[[], Session]:
    """Makes sessions of the bundle's first graph on ONNX Runtime's CPU provider."""
    from edge_sdk.runtime.onnx import OnnxSession

    graph = bundle.manifest.graphs[0]
    return lambda: OnnxSession(bundle.read(graph.file), precision=graph.precision, threads=threads, spinning=False)


def _line(name: str, times: Percentiles) -> str:
    return f"{name:44}" + "".join(f"{value:9.3f}" for value in times)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables; 1 with one line when something given cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.streaming", description="The stream: waiting, ages, and the machine's share."
    )
    parser.add_argument("film", type=Path)
    parser.add_argument("--bundle", type=Path, help="default: the shipped one")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub")
    parser.add_argument(
        "--workers", type=int, default=min(usable_cores(), MAX_WORKERS), help="of mode throughput (one per core, at most 8)"
    )
    parser.add_argument("--frames", type=int, default=300, help="of the film (300)")
    parser.add_argument("--rounds", type=int, default=3, help="through the film, each way (3)")
    parser.add_argument("--calls", type=int, default=NUM_CALLS, help=f"of submit ({NUM_CALLS})")
    parser.add_argument("--age-s", type=float, default=AGE_S, help=f"seconds of overload ({AGE_S:g})")
    arguments = parser.parse_args(argv)
    FirstFrames.limit = arguments.frames
    try:
        bundle = Bundle.open(arguments.bundle, trust=arguments.trust)
        for line in table(
            bundle, arguments.film, workers=arguments.workers, rounds=arguments.rounds, calls=arguments.calls, age_s=arguments.age_s
        ):
            print(line, flush=True)
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
