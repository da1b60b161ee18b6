"""Which graph is quickest on this machine: found out once, by running them, and remembered.

One after the other, each freed before the next, golden frames first: a graph that fails them here has no speed. The best of several
runs counts, for what else the machine does only ever adds time.
"""

import hashlib

import msgspec

from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph
from edge_sdk.runtime.failure import LinkFailure
from edge_sdk.runtime.links import Link, Say
from edge_sdk.runtime.machine import fingerprint, version_of
from edge_sdk.runtime.proof import latencies_ms
from edge_sdk.runtime.remembered import recall, remember
from edge_sdk.runtime.start import start

MEMORY = "precision"
NUM_WARM_UP, NUM_RUNS = 3, 10


def quickest_first(
    bundle: Bundle, graphs: tuple[Graph, ...], link: Link, *, threads: int | None, say: Say
) -> tuple[tuple[Graph, ...], str]:
    """Order graphs by their time on a link.

    Args:
        bundle: Where they come from.
        graphs: The candidates; each has proved elsewhere that it agrees with the trained model.
        link: The runtime.
        threads: As they will be run.
        say: Told that it takes a while.

    Returns:
        Quickest first, without those that do not start or fail the golden frames here (all of them, in the given order, if none does
        better: the chain then says what is wrong), and the times in words.
    """
    key = _key(bundle, graphs, link, threads)
    times_ms = _recalled(key)
    when = "measured on this machine before"
    if times_ms is None:
        say(f"finding out which of {', '.join(graph.precision for graph in graphs)} is quickest here; this is done once")
        times_ms = {graph.precision: _best_ms(bundle, graph, link, threads, say) for graph in graphs}
        when = "measured on this machine now"
        if None not in times_ms.values():  # what failed may have failed for once
            remember(MEMORY, key, times_ms)
    passed = {precision: time_ms for precision, time_ms in times_ms.items() if time_ms is not None}
    if not passed:
        return graphs, "none of them passed here"
    order = sorted((graph for graph in graphs if graph.precision in passed), key=lambda graph: passed[graph.precision])
    said = ", ".join(f"{precision} {_words(times_ms[precision])}" for precision in times_ms)
    return tuple(order), f"the quickest, {when}: {said}"


def _best_ms(bundle: Bundle, graph: Graph, link: Link, threads: int | None, say: Say) -> float | None:
    try:
        serving = start(link, graph, bundle, threads=threads, say=say)
    except LinkFailure:
        return None  # it is in no order; what is wrong with it, `sewer-edge selftest` says
    try:
        taken = latencies_ms(serving.session, bundle.manifest.preprocess, num_runs=NUM_WARM_UP + NUM_RUNS)
    finally:
        serving.session.close()
    return round(min(taken[NUM_WARM_UP:]), 3)


def _words(time_ms: float | None) -> str:
    return "failed here" if time_ms is None else f"{time_ms:.1f} ms"


def _key(bundle: Bundle, graphs: tuple[Graph, ...], link: Link, threads: int | None) -> str:
    names = [graph.precision for graph in graphs]
    runtimes = version_of("onnxruntime", "onnxruntime-gpu", "openvino")
    parts = (bundle.sha256, link.name, fingerprint(), runtimes, str(threads or 0), *names)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _recalled(key: str) -> dict[str, float | None] | None:
    try:
        return msgspec.convert(recall(MEMORY, key), dict[str, float | None] | None)
    except msgspec.ValidationError:
        return None
