"""Workers share what a chain serves with, and go on to the next runtime together."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pytest

from edge_sdk.bundle import Bundle
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.inspector import worker_sessions
from edge_sdk.runtime import Session
from edge_sdk.runtime.chain import MAX_FAILURES_IN_A_ROW, ChainSession
from edge_sdk.runtime.links import LINKS
from edge_sdk.runtime.onnx import CPU
from edge_sdk.runtime.workers import Workers
from runtime.scripted import START_RUNS, at, first_graph, link, since

NUM_WORKERS = 4
BROKEN = RuntimeError("broken")
IMAGE_NHWC = np.full((1, 64, 64, 3), 90, np.uint8)


def workers_of(chain: ChainSession, bundle: Bundle) -> Workers:
    return Workers(chain, lambda provider: worker_sessions(bundle, bundle.manifest.graphs[0], provider=provider))


def story(chain: ChainSession) -> list[tuple[str, str | None]]:
    return [(attempt.provider, attempt.stage) for attempt in chain.attempts]


def fails(worker: Session) -> bool:
    try:
        worker.run(IMAGE_NHWC)
    except (InferenceError, RuntimeError):
        return True
    return False


def failing(bundle: Bundle, *others: str, from_run: int = START_RUNS) -> ChainSession:
    """A chain whose first runtime, of the CPU, fails from a run on as ours do."""
    first = link("openvino", script=since(from_run, InferenceError("broken")))
    return ChainSession(bundle, [first, *(LINKS[name] for name in others)], first_graph(bundle), threads=1)


def test_a_burst_of_failures_passes_and_more_in_a_row_bring_the_next_runtime(bundle: Bundle) -> None:
    burst = range(START_RUNS, START_RUNS + MAX_FAILURES_IN_A_ROW)
    first = link("openvino", script=lambda run: InferenceError("broken") if run in burst or run > START_RUNS + 5 else None)
    chain = ChainSession(bundle, [first, LINKS["cpu"]], first_graph(bundle), threads=1)
    worker = workers_of(chain, bundle).session()

    assert [fails(worker) for _ in range(12)] == [True] * 3 + [False] * 3 + [True] * 4 + [False] * 2
    assert worker.provider == chain.provider == CPU and chain.threads == 1
    assert story(chain) == [("openvino", None), ("openvino", "run"), ("cpu", None)]


def test_all_workers_go_on_together_and_it_is_recorded_once(bundle: Bundle) -> None:
    chain = failing(bundle, "cpu", from_run=START_RUNS + 40)
    workers, together = workers_of(chain, bundle), Barrier(NUM_WORKERS)
    sessions = [workers.session() for _ in range(NUM_WORKERS)]

    def work(worker: Session) -> int:
        together.wait(60)
        return sum(fails(worker) for _ in range(60))

    with ThreadPoolExecutor(NUM_WORKERS) as pool:
        num_failed = sum(pool.map(work, sessions))

    assert MAX_FAILURES_IN_A_ROW < num_failed <= 30, "what was under way at the change is lost, and no more"
    assert {worker.provider for worker in sessions} == {CPU}
    assert story(chain) == [("openvino", None), ("openvino", "run"), ("cpu", None)]


def test_the_last_runtime_stays_and_is_recorded_once(bundle: Bundle) -> None:
    chain = failing(bundle)
    worker = workers_of(chain, bundle).session()

    assert all(fails(worker) for _ in range(15)) and worker.provider == "openvino"
    assert story(chain) == [("openvino", None), ("openvino", "run")]


def test_where_the_next_runtime_cannot_be_had_the_old_one_speaks(bundle: Bundle) -> None:
    first = link("openvino", script=since(START_RUNS, InferenceError("broken")))
    chain = ChainSession(bundle, [first, link("cpu", create=[BROKEN])], first_graph(bundle), threads=1)
    worker = workers_of(chain, bundle).session()

    assert all(fails(worker) for _ in range(8))
    assert chain.provider == "none" and story(chain)[1:] == [("openvino", "run"), ("cpu", "create")]


def test_workers_of_their_own_on_the_cpu_leave_a_gpu_in_peace(bundle: Bundle) -> None:
    """What fails is not what the chain serves with."""
    chain = ChainSession(bundle, [link("cuda"), LINKS["cpu"]], first_graph(bundle), threads=1)
    broken = link("cpu", script=at(*range(100), what=InferenceError("broken")))
    made: list[Session] = []

    def sessions_on(provider: str) -> object:
        assert provider == "cpu"

        def create() -> Session:
            made.append(broken.create(lambda: bundle.read("model.onnx"), precision="fp32", threads=1, say=print))
            return made[-1]

        return create

    worker = Workers(chain, sessions_on).session()  # type: ignore[arg-type]

    assert all(fails(worker) for _ in range(10)) and len(made) == 1
    assert chain.provider == "cuda" and story(chain) == [("cuda", None)]


def test_a_closed_chain_leaves_workers_what_they_began_on(bundle: Bundle) -> None:
    chain = ChainSession(bundle, [LINKS["cpu"]], first_graph(bundle), threads=1)
    workers = workers_of(chain, bundle)
    before = workers.session()
    chain.close()
    after = workers.session()

    for worker in (before, after):
        assert not fails(worker) and (worker.provider, worker.precision, worker.threads) == (CPU, "fp32", 1)
        worker.close()


def test_a_session_that_cannot_be_made_is_an_error_at_once(bundle: Bundle) -> None:
    chain = ChainSession(bundle, [LINKS["cpu"]], first_graph(bundle), threads=2)

    def none() -> Session:
        raise RuntimeUnavailableError("no memory")

    with pytest.raises(RuntimeUnavailableError, match="no memory"):
        Workers(chain, lambda provider: none).session()
