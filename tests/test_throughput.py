"""Several sessions on successive frames: the same results in the same order as one session gives, only sooner."""

import gc
import threading
import time
import tracemalloc
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.camera import FilmSource, Frame
from edge_sdk.contract.preprocess import PreprocessSpec, TextArea, prepare
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.frame_inference import prepared_image
from edge_sdk.inspector import session_from_bundle
from edge_sdk.stream import FrameResult, FrameStream
from edge_sdk.throughput import AHEAD, TOGETHER, join_or_leave
from live_fakes import HANG_S, PATIENCE_S, FakeSession, keeps_within, outputs, until


class NumberedSource:
    """Frames that show their own number; `None` and 1 x 1 frames among them where told."""

    name, kind, width, height = "numbered", "film", 128, 96
    announced_frames, shortfall, names = None, None, None

    def __init__(self, num: int, *, unreadable: int = -1, bad_shape: int = -1, fps: float = 25.0, error_at: int = -1) -> None:
        self._num, self._unreadable, self._bad_shape, self.fps, self._error_at = num, unreadable, bad_shape, fps, error_at
        self.most_ahead = 0
        self.taken = 0

    def frames(self) -> Iterator[Frame]:
        for i in range(self._num):
            if i == self._error_at:
                raise OSError("cable")
            image = None if i == self._unreadable else np.zeros((1, 1, 3), np.uint8) if i == self._bad_shape else numbered(i)
            self.most_ahead = max(self.most_ahead, i - self.taken)
            yield Frame(i, i / 25, time.monotonic_ns(), image)

    def close(self) -> None: ...


def numbered(i: int) -> np.ndarray:
    return np.full((96, 128, 3), i % 256, np.uint8)


class Watched(np.ndarray):
    """A picture that can be referred to weakly."""


class LevelSession(FakeSession):
    """Answers with each picture's grey level, after a time that differs from frame to frame, so that workers overtake each other.

    Its first run waits for the others' first ones, if there is a `barrier`: then all are at work at the same time.
    """

    barrier: threading.Barrier | None = None
    answered = 0

    def run(self, images_NHWC: np.ndarray):
        levels = images_NHWC[:, 0, 0, 0].astype(float)
        if self.barrier is not None:
            self.barrier.wait(PATIENCE_S)
            self.barrier = None
        time.sleep(0.004 * (levels[0] % 3))
        if set(levels) & set(self.fail_at):
            raise InferenceError("told to")
        self.batches.append(len(levels))
        self.answered += len(levels)
        logits, maps = zip(*(outputs(1, level / 255) for level in levels), strict=True)
        return np.concatenate(logits), np.concatenate(maps)


def results_of(source: NumberedSource, sessions: list[FakeSession], **options) -> tuple[list[FrameResult], FrameStream]:
    remaining = iter(sessions)
    with FrameStream(
        source, FakeSession(), tiny.SPEC, mode="throughput", new_session=lambda: next(remaining), workers=len(sessions), **options
    ) as stream:
        results = []
        for result in stream:
            source.taken = result.frame.seq + 1
            results.append(result)
    return results, stream


def test_results_come_in_the_films_order_and_every_frame_is_counted() -> None:
    source = NumberedSource(60, unreadable=7, bad_shape=20, fps=float("nan"))
    sessions, barrier = [LevelSession(fail_at={30}) for _ in range(4)], threading.Barrier(4)
    for session in sessions:
        session.barrier = barrier

    results, stream = results_of(source, sessions)

    assert [result.frame.seq for result in results] == list(range(60))
    dropped = {result.frame.seq: result.dropped for result in results if result.dropped}
    assert dropped == {7: "unreadable", 20: "bad_shape", 30: "inference_failed"}
    assert [r.dropped_before for r in results if r.frame.seq in (8, 21, 31, 32)] == [1, 1, 1, 0]
    levels = [np.log(r.scores_C[0] / (1 - r.scores_C[0])) * 255 for r in results if r.scores_C is not None]
    assert levels == pytest.approx([r.frame.seq for r in results if r.scores_C is not None], abs=1e-3)
    counts = stream.accounting
    assert counts.received == 60 == counts.processed + sum(counts.dropped.values()) and counts.processed == 57
    assert all(session.answered > 0 for session in sessions) and sum(session.answered for session in sessions) == 57
    alone = {6, 21, 31}  # frames whose neighbour had no picture, or failed: they are not dropped with it
    assert sum(session.batches.count(1) for session in sessions) == len(alone) and max(max(s.batches) for s in sessions) == TOGETHER
    assert all(session.closed for session in sessions), "the stream made them"
    assert source.most_ahead <= AHEAD * 4 + 2, "memory is bounded"


@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_without_their_pictures_frames_have_the_same_results(mode: str) -> None:
    scores = []
    for keep_images in (True, False):
        with FrameStream(
            NumberedSource(12, unreadable=5),
            LevelSession(),
            tiny.SPEC,
            mode=mode,
            new_session=LevelSession,
            workers=2,
            keep_images=keep_images,
        ) as stream:
            results = list(stream)
        assert [result.frame.seq for result in results] == list(range(12)) and results[5].dropped == "unreadable"
        assert all((result.frame.stored is not None) == (keep_images and result.frame.seq != 5) for result in results)
        scores.append([result.scores_C[0] for result in results if result.scores_C is not None])

    assert scores[0] == scores[1] and len(scores[0]) == 11


def test_a_picture_that_is_not_kept_is_let_go_of_once_it_is_prepared() -> None:
    """Not only when its result is taken: a slow consumer holds none."""
    source, alive = NumberedSource(40), {}

    def watched() -> Iterator[Frame]:
        for i in range(40):
            image = numbered(i).view(Watched)
            alive[i] = weakref.ref(image, lambda _, i=i: alive.pop(i))
            yield Frame(i, i / 25, time.monotonic_ns(), image)
            del image

    source.frames = watched
    with FrameStream(source, FakeSession(), tiny.SPEC, mode="throughput", new_session=FastSession, workers=2, keep_images=False) as stream:
        results = iter(stream)
        next(results)
        until(lambda: len(alive) <= 2)


def test_a_thousand_frames_on_slow_sessions_lose_none() -> None:
    results, stream = results_of(NumberedSource(1000), [FakeSession(latency_s=0.001) for _ in range(3)])

    assert [result.frame.seq for result in results] == list(range(1000)) and stream.accounting.processed == 1000


def test_an_error_of_the_source_comes_after_the_frames_before_it() -> None:
    seen = []
    with pytest.raises(OSError, match="cable"), throughput(NumberedSource(20, error_at=9)) as stream:
        seen.extend(result.frame.seq for result in stream)

    assert seen == [] or seen == list(range(9))


def test_the_frames_before_an_error_are_all_given_out() -> None:
    seen = []
    with throughput(NumberedSource(20, error_at=9)) as stream:
        iterator = iter(stream)
        seen.extend(next(iterator).frame.seq for _ in range(9))
        with pytest.raises(OSError, match="cable"):
            next(iterator)

    assert seen == list(range(9))


def throughput(source: NumberedSource) -> FrameStream:
    return FrameStream(source, FakeSession(), tiny.SPEC, mode="throughput", new_session=LevelSession, workers=3)


def test_a_defect_in_a_worker_reaches_the_consumer() -> None:
    broken = FakeSession()
    broken.run = lambda images: {}["no such key"]

    with pytest.raises(KeyError, match="no such key"):
        results_of(NumberedSource(5), [broken])


def test_leaving_early_ends_every_thread_and_closes_the_sessions() -> None:
    before, sessions = set(threading.enumerate()), [LevelSession() for _ in range(3)]
    remaining = iter(sessions)
    stream = FrameStream(
        NumberedSource(10_000), FakeSession(), tiny.SPEC, mode="throughput", new_session=lambda: next(remaining), workers=3
    )

    with stream:
        next(iter(stream))

    until(lambda: set(threading.enumerate()) <= before)
    assert all(session.closed for session in sessions)


def test_sessions_made_before_one_that_fails_are_closed() -> None:
    made: list[FakeSession] = []

    def new_session() -> FakeSession:
        if len(made) == 2:
            raise RuntimeUnavailableError("no memory left")
        made.append(FakeSession())
        return made[-1]

    stream = FrameStream(NumberedSource(1), FakeSession(), tiny.SPEC, mode="throughput", new_session=new_session, workers=3)
    with pytest.raises(RuntimeUnavailableError), stream:
        pass

    assert [session.closed for session in made] == [True, True]


@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_leaving_takes_two_seconds_though_the_decoder_hangs(mode: str) -> None:
    def leaving_s() -> float:
        gate = threading.Event()
        source = NumberedSource(1)
        source.frames = lambda: iter(lambda: gate.wait(HANG_S) or None, 1)
        begin = time.monotonic()
        with FrameStream(source, FakeSession(), tiny.SPEC, mode=mode, new_session=FakeSession, workers=1):
            pass
        took_s = time.monotonic() - begin
        gate.set()
        assert join_or_leave([thread for thread in threading.enumerate() if thread.name == "frame-reader"], timeout_s=PATIENCE_S)
        return took_s

    assert keeps_within(3.5, leaving_s)


def test_time_that_went_by_while_we_slept_is_not_held_against_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_sdk.throughput.LEAST_S", PATIENCE_S)
    thread = threading.Thread(target=time.sleep, args=(0.05,))
    thread.start()

    assert join_or_leave([thread], timeout_s=0.0)


def test_throughput_without_a_way_to_make_sessions_is_refused() -> None:
    with pytest.raises(ValueError, match="new_session"):
        FrameStream(NumberedSource(1), FakeSession(), tiny.SPEC, mode="throughput")


def test_both_modes_say_the_same_of_a_film(tmp_path: Path, bundle: Bundle) -> None:
    colours = (tiny.RED, tiny.GREEN, tiny.BLUE)
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(colours[i % 3], box=(8, 8, 60, 60)) for i in range(30)])
    graph = bundle.manifest.graphs[0]
    scores = []
    for mode in ("latency", "throughput"):
        session = session_from_bundle(bundle, graph, threads=1)
        with (
            FilmSource(film) as source,
            FrameStream(
                source,
                session,
                bundle.manifest.preprocess,
                mode=mode,
                new_session=lambda: session_from_bundle(bundle, graph, threads=1),
                workers=2,
            ) as stream,
        ):
            scores.append(np.array([result.scores_C for result in stream]))

    np.testing.assert_array_equal(scores[0], scores[1])


@pytest.mark.parametrize("areas", [(), (TextArea(0.0, 0.0, 0.4, 0.2),)])
@pytest.mark.parametrize("shape", [(1080, 1920), (576, 720), (96, 128), (40, 50)])
def test_a_bgr_frame_gives_the_network_the_bytes_of_the_rgb_one(shape: tuple[int, int], areas: tuple[TextArea, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    spec = PreprocessSpec(text_areas=areas)
    frame = Frame(0, 0.0, 0, np.ascontiguousarray(image[..., ::-1]), None, "bgr")

    np.testing.assert_array_equal(prepared_image(frame, spec), prepare(image, spec))
    np.testing.assert_array_equal(frame.image_HWC, image)
    assert frame.image_HWC is frame.image_HWC, "converted once"


def kept_per_frame(session: type[FakeSession]) -> float:
    """Bytes a stream over one and the same frame keeps for each, from the 200th to the 600th."""
    frame, source, sizes = numbered(1), NumberedSource(0), []
    source.frames = lambda: (Frame(i, i / 25, 0, frame) for i in range(600))
    with FrameStream(source, FakeSession(), tiny.SPEC, mode="throughput", new_session=session, workers=2) as stream:
        tracemalloc.start()
        for result in stream:
            if result.frame.seq in (200, 599):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return (sizes[1] - sizes[0]) / 400


def test_the_steady_state_keeps_nothing_from_frame_to_frame() -> None:
    in_transit = 8 * tiny.SPEC.height * tiny.SPEC.width * 3 / 400  # prepared pictures on their way when it is measured

    assert kept_per_frame(FastSession) < in_transit + 200
    assert kept_per_frame(LeakingSession) > in_transit + 200, "or the measurement finds nothing"


class FastSession(FakeSession):
    """Keeps no record of its runs."""

    def run(self, images_NHWC: np.ndarray):
        return outputs(1, 0.0)


class LeakingSession(FastSession):
    """Keeps two kilobytes of every run."""

    def run(self, images_NHWC: np.ndarray):
        self.images.append(bytes(2048))
        return super().run(images_NHWC)
