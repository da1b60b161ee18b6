"""Workers that share a session get what each would get alone, and the weights are loaded once."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

import tiny
from edge_sdk import open_source
from edge_sdk.bundle import Bundle
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.inspector import Inspector, session_from_bundle, worker_sessions
from edge_sdk.runtime import Session
from edge_sdk.runtime.chain import ChainSession
from edge_sdk.runtime.links import LINKS
from edge_sdk.runtime.onnx import CPU, OnnxSession
from edge_sdk.runtime.shared import SharedSession
from live_fakes import FakeSession
from runtime.scripted import LOST, START_RUNS, at, first_graph, link

NUM_WORKERS, NUM_RUNS = 4, 25


def test_several_threads_at_once_get_what_one_session_alone_gives() -> None:
    images = np.random.default_rng(0).integers(0, 256, (NUM_RUNS, 1, 64, 64, 3), np.uint8)
    alone = OnnxSession(tiny.tiny_graph(), threads=1)
    expected = [alone.run(image_NHWC) for image_NHWC in images]
    shared = SharedSession(lambda: OnnxSession(tiny.tiny_graph(), threads=1))
    together = Barrier(NUM_WORKERS)

    def work(session: Session) -> None:
        together.wait(60)
        for image_NHWC, outputs in zip(images, expected, strict=True):
            found = session.run(image_NHWC)
            np.testing.assert_array_equal(found.logits_NC, outputs.logits_NC)
            np.testing.assert_array_equal(found.maps_NChw, outputs.maps_NChw)

    with ThreadPoolExecutor(NUM_WORKERS) as pool:
        list(pool.map(work, [shared.handle() for _ in range(NUM_WORKERS)]))


def test_one_session_is_made_and_closed_with_its_last_user() -> None:
    made: list[FakeSession] = []

    def create() -> FakeSession:
        made.append(FakeSession())
        return made[-1]

    shared = SharedSession(create)
    first, second = shared.handle(), shared.handle()

    first.close()
    first.close()  # lets go once
    assert len(made) == 1 and not made[0].closed and second.provider == made[0].provider

    second.close()
    assert made[0].closed

    again = shared.handle()
    assert len(made) == 2 and not made[1].closed
    again.close()
    assert made[1].closed


def test_a_session_that_cannot_be_made_leaves_nobody_waiting_for_it() -> None:
    errors = [RuntimeUnavailableError("no memory")]
    made = FakeSession()

    def create() -> FakeSession:
        if errors:
            raise errors.pop()
        return made

    shared = SharedSession(create)
    with pytest.raises(RuntimeUnavailableError, match="no memory"):
        shared.handle()

    shared.handle().close()
    assert made.closed


def test_the_workers_of_a_bundle_share_one_load_of_the_graph(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    loads: list[str] = []
    monkeypatch.setattr(Bundle, "read", lambda self, name, read=Bundle.read: loads.append(name) or read(self, name))
    graph, image_NHWC = bundle.manifest.graphs[0], np.full((1, 64, 64, 3), 90, np.uint8)
    new_session = worker_sessions(bundle, graph)

    workers = [new_session() for _ in range(3)]

    assert loads == [graph.file] and {worker.threads for worker in workers} == {1}
    alone = session_from_bundle(bundle, graph, threads=1).run(image_NHWC)
    for worker in workers:
        np.testing.assert_array_equal(worker.run(image_NHWC).logits_NC, alone.logits_NC)
        worker.close()


def test_joining_keeps_a_session_alive_and_makes_none() -> None:
    made = FakeSession()
    shared = SharedSession(lambda: made)
    assert shared.join() is None

    first = shared.handle()
    second = shared.join()
    first.close()

    assert second is not None and not made.closed
    second.close()
    assert made.closed and shared.join() is None


def image(level: int) -> np.ndarray:
    return np.full((1, 64, 64, 3), level, np.uint8)


def test_a_chain_of_one_thread_shares_what_it_has_proved(bundle: Bundle) -> None:
    chain = ChainSession(bundle, [LINKS["cpu"]], first_graph(bundle), threads=1)
    workers = [chain.handle() for _ in range(3)]

    for worker in workers:
        assert worker is not None and (worker.provider, worker.precision, worker.threads) == (CPU, "fp32", 1)
        np.testing.assert_array_equal(worker.run(image(90)).logits_NC, chain.run(image(90)).logits_NC)


def test_a_chain_that_is_closed_leaves_its_session_to_who_holds_it(bundle: Bundle) -> None:
    log: list[str] = []
    chain = ChainSession(bundle, [link("cpu", log=log)], first_graph(bundle))
    worker = chain.handle()
    assert worker is not None

    chain.close()
    assert log == ["create cpu"] and worker.run(image(90)).logits_NC.shape == (1, 17)
    assert chain.handle() is None
    with pytest.raises(InferenceError, match="no runtime is left"):
        chain.run(image(90))

    worker.close()
    assert log == ["create cpu", "close cpu"]


def test_only_a_session_of_one_thread_on_the_cpu_is_shared(bundle: Bundle) -> None:
    several = ChainSession(bundle, [LINKS["cpu"]], first_graph(bundle), threads=2)
    elsewhere = ChainSession(bundle, [link("cuda")], first_graph(bundle), threads=1)

    assert several.handle() is None and elsewhere.handle() is None


def test_what_takes_over_from_a_gpu_has_the_threads_of_a_run_frame_by_frame(bundle: Bundle) -> None:
    """Workers are for a CPU that begins; after a fall during a run frames come one at a time."""
    links = [link("cuda", script=at(START_RUNS, what=LOST)), LINKS["cpu"]]
    chain = ChainSession(bundle, links, first_graph(bundle), threads=2, threads_at_start=1)
    with pytest.raises(InferenceError):
        chain.run(image(90))

    assert (chain.provider, chain.threads, chain.handle()) == (CPU, 2, None)
    assert ChainSession(bundle, links[1:], first_graph(bundle), threads=2, threads_at_start=1).threads == 1


def loads_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The graphs that onnxruntime is given from now on, by their threads."""
    loads: list[str] = []

    def noted(self: OnnxSession, model: object, *, threads: int | None = None, init: Any = OnnxSession.__init__, **rest: Any) -> None:
        loads.append(f"{threads} threads")
        init(self, model, threads=threads, **rest)

    monkeypatch.setattr(OnnxSession, "__init__", noted)
    return loads


def film(path: Path) -> Path:
    colours = (tiny.RED, tiny.GREEN, tiny.BLUE)
    return tiny.write_film(path, [tiny.painted(colours[i % 3], box=(8, 8, 60, 60)) for i in range(30)])


def scores_of(inspector: Inspector, path: Path, **options: Any) -> np.ndarray:
    scores: list[np.ndarray] = []
    with open_source(path) as source:
        list(inspector.run(source, on_frame=lambda result: scores.append(result.scores_C), **options))
    return np.array(scores)


def test_an_inspector_made_for_throughput_loads_its_graph_once(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "film.mp4")
    with Inspector(bundle, threads=1) as inspector:
        expected = scores_of(inspector, path)
    loads = loads_of(monkeypatch)

    with Inspector(bundle, mode="throughput", require="cpu") as inspector:
        np.testing.assert_allclose(scores_of(inspector, path), expected, atol=1e-6)
        np.testing.assert_allclose(scores_of(inspector, path), expected, atol=1e-6)
        assert inspector.session.run(image(90)).logits_NC.shape == (1, 17), "its own hold stays"

    assert loads == ["1 threads"]


def test_one_made_for_quick_answers_gives_its_workers_a_session_of_their_own(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = loads_of(monkeypatch)

    with Inspector(bundle, threads=2, require="cpu") as inspector:
        assert len(scores_of(inspector, film(tmp_path / "film.mp4"), mode="throughput")) == 30

    assert loads == ["2 threads", "1 threads"]


def test_a_run_that_begins_after_its_inspector_was_closed_still_has_its_workers(bundle: Bundle, tmp_path: Path) -> None:
    with open_source(film(tmp_path / "film.mp4")) as source:
        with Inspector(bundle, mode="throughput", require="cpu") as inspector:
            run = inspector.run(source)
        list(run)

    assert run.inspection.accounting.processed == 30


def test_a_run_outlives_an_inspector_that_is_closed_within_it(bundle: Bundle, tmp_path: Path) -> None:
    inspector = Inspector(bundle, mode="throughput", require="cpu")
    with open_source(film(tmp_path / "film.mp4")) as source:
        run = inspector.run(source, on_frame=lambda result: inspector.close())
        list(run)

    assert run.inspection.accounting.processed == 30 and run.inspection.accounting.dropped == {}


def test_a_whole_inspection_for_throughput_loads_once_and_says_one_thread(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads = loads_of(monkeypatch)

    inspection, _ = inspect_film(
        film(tmp_path / "film.mp4"), bundle=bundle, out=tmp_path / "out", film=False, require="cpu", mode="throughput"
    )

    assert loads == ["1 threads"] and inspection.model.threads == 1 and inspection.accounting.processed == 30


def test_the_graph_for_throughput_is_the_one_that_is_quickest_on_one_thread(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int | None] = []
    monkeypatch.setattr(
        "edge_sdk.inspector.GraphChooser", lambda bundle, wish, *, threads, say: asked.append(threads) or first_graph(bundle)
    )

    Inspector(bundle, mode="throughput", require="cpu").close()
    Inspector(bundle, require="cpu", threads=3).close()

    assert asked == [1, 3]
