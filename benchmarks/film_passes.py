"""Ways through a film, each by itself: a plain loop, the two modes of the stream, and its parts on one thread.

Core-milliseconds are CPU time of the process, which depends little on who else uses the machine; frames per second are only worth
something on an idle one, or in turns with each other.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from benchmarks.robot_loop import WARM_UP, StalledSession
from edge_sdk.camera import FilmSource, Frame
from edge_sdk.camera.film_decoder import DecoderChoice
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.frame_inference import prepared_image
from edge_sdk.live.result import LiveModel
from edge_sdk.opencv import one_opencv_thread
from edge_sdk.runtime import Session
from edge_sdk.stream import FrameStream
from edge_sdk.throughput import Mode

T = TypeVar("T")


class FirstFrames(FilmSource):
    """A film that ends after so many frames."""

    limit = 300

    def frames(self) -> Iterator[Frame]:
        """The first frames of the film."""
        return islice(super().frames(), self.limit)


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


def parts_alone(film: Path, model: LiveModel) -> Parts:
    """Core-milliseconds of decoding, preparing and inference, each by itself over the whole of the frames (one session thread).

    FFmpeg's own threads are left as they are: their CPU time counts, whichever core it is spent on.
    """
    with one_opencv_thread():  # core-seconds shall hold no waiting
        decode_ms, num = _cpu_ms(lambda: sum(1 for _ in first_frames(film)))
        frames = list(islice(first_frames(film), min(num, 50)))
        prepare_ms, _ = _cpu_ms(lambda: [prepared_image(frame, model.spec) for frame in frames])
        images = [prepared_image(frame, model.spec)[np.newaxis] for frame in frames]
        for image_NHWC in images[:WARM_UP]:
            model.session.run(image_NHWC)
        infer_ms, _ = _cpu_ms(lambda: [model.session.run(image_NHWC) for image_NHWC in images])
    return Parts(decode_ms / num, prepare_ms / len(frames), infer_ms / len(frames))


def first_frames(film: Path, decoder: DecoderChoice = "auto") -> Iterator[Frame]:
    """The first frames of a film."""
    with FirstFrames(film, decoder=decoder) as source:
        yield from source.frames()


def _cpu_ms(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.process_time()
    value = work()
    return (time.process_time() - begin) * 1e3, value


def naive_pass(film: Path, model: LiveModel, decoder: DecoderChoice) -> Pass:
    """What one writes first: read, resize, run, one after the other; with OpenCV it is that, but for the resize, which is ours."""
    return _timed(model.session.run(prepared_image(frame, model.spec)[np.newaxis]) for frame in first_frames(film, decoder))


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
