"""Starting a link of the chain: create a session, warm it up, hold it against the golden frames.

A link that has come through all three may serve. What native GPU code there is runs in a child first (`trial.py`). The golden frames are
decoded and prepared in a thread meanwhile, so that a robot with a second core does not wait for them.
"""

import gc
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import GoldenReport
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import BundleError, InferenceError
from edge_sdk.runtime.failure import GOLDEN_MISMATCH, OUT_OF_MEMORY, LinkFailure, failure_from_error
from edge_sdk.runtime.links import Link, Say
from edge_sdk.runtime.proof import prepared_golden, self_test, warm_up
from edge_sdk.runtime.session import Session

WARM_UP_RUNS, WARM_UP_RUNS_GPU = 1, 3


class Serving(NamedTuple):
    """A started link: its session, the graph it runs, and what the golden frames gave."""

    link: Link
    graph: Graph
    session: Session
    report: GoldenReport


def start(link: Link, graph: Graph, bundle: Bundle, *, threads: int | None, say: Say) -> Serving:
    """Bring a link to serve.

    Raises:
        LinkFailure: With the stage it came to.
        BundleError: If the graph is not this SDK's or the bundle was altered on the disk; no other runtime would mend that.
    """
    with ThreadPoolExecutor(1, "golden-frames") as pool:
        try:
            golden = pool.submit(prepared_golden, bundle)
        except RuntimeError as error:  # no thread to be had; a session could not be made either
            raise failure_from_error(error, "create", otherwise="create_failed") from error
        return _proved(link, graph, bundle, _create(link, graph, bundle, threads, say), golden)


def _proved(link: Link, graph: Graph, bundle: Bundle, session: Session, golden: "Future[NDArray[np.uint8]]") -> Serving:
    try:
        warm_up(session, bundle.manifest.preprocess, num_runs=WARM_UP_RUNS if link.trial_s is None else WARM_UP_RUNS_GPU)
        return Serving(link, graph, session, _tested(bundle, session, golden.result()))
    except Exception as error:  # InferenceError from ours, anything from a vendor's
        session.close()
        if isinstance(error, BundleError):
            raise
        raise failure_from_error(error, "warm_up", otherwise="inference_failed") from error


def _create(link: Link, graph: Graph, bundle: Bundle, threads: int | None, say: Say) -> Session:
    read_onnx = partial(bundle.read, graph.file)
    if link.trial_s is not None:
        from edge_sdk.runtime.trial import try_in_child  # a machine without a GPU need not load what starts processes

        try_in_child(link, read_onnx(), bundle.manifest.preprocess, precision=graph.precision, say=say)
    try:
        return _create_once(link, graph, read_onnx, threads, say)
    except LinkFailure as failure:
        if failure.reason != OUT_OF_MEMORY:
            raise
    gc.collect()  # sessions that were let go, still held by a cycle, give their memory back
    return _create_once(link, graph, read_onnx, threads, say)


def _create_once(link: Link, graph: Graph, read_onnx: Callable[[], bytes], threads: int | None, say: Say) -> Session:
    try:
        return link.create(read_onnx, precision=graph.precision, threads=threads, say=say)
    except BundleError:
        raise
    except Exception as error:  # RuntimeUnavailableError from ours, anything from a vendor's
        raise failure_from_error(error, "create", otherwise="create_failed") from error


def _tested(bundle: Bundle, session: Session, images_NHWC: NDArray[np.uint8]) -> GoldenReport:
    try:
        report = self_test(bundle, session, images_NHWC)
    except InferenceError as error:
        raise failure_from_error(error, "self_test", otherwise="inference_failed") from error
    if report.passed:
        return report
    raise LinkFailure(
        "self_test",
        GOLDEN_MISMATCH,
        f"the golden frames differ by {report.max_abs_dp:.3f} in score, at most {report.tolerance:.3f} is allowed; "
        f"this model must not serve on this machine ({session.provider})",
    )
