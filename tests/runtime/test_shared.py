"""Workers that share a session get what each would get alone, and the weights are loaded once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.errors import RuntimeUnavailableError
from edge_sdk.inspector import session_from_bundle, worker_sessions
from edge_sdk.runtime import Session
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.runtime.shared import SharedSession
from live_fakes import FakeSession

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
