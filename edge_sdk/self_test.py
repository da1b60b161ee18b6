"""Every graph of a bundle on every runtime of this machine: do the golden frames come out, and how long does a frame take.

For a person at the machine, and for a check after installing. One session at a time; a runtime's crash costs a child process.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph
from edge_sdk.runtime.failure import NO_GRAPH, LinkFailure
from edge_sdk.runtime.links import LINKS, NOT_FOR, Link, Say
from edge_sdk.runtime.proof import p50_ms
from edge_sdk.runtime.start import start

NUM_RUNS = 30


class GraphCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One graph on one runtime.

    `outcome` is `passed`, `failed`, or `absent` where this machine lacks the runtime or the graph is not for it; `reason` and `detail`
    say why. `p50_ms` is the median of a few frames one by one: information, no benchmark.
    """

    provider: str
    precision: str | None
    outcome: Literal["passed", "failed", "absent"]
    num_golden: int = 0
    max_abs_dp: float | None = None
    tolerance: float | None = None
    p50_ms: float | None = None
    reason: str | None = None
    detail: str = ""


def check_graphs(bundle: Bundle, providers: Sequence[str] = (), *, threads: int | None = None, say: Say) -> Iterator[GraphCheck]:
    """Check one after the other.

    Args:
        bundle: An opened bundle.
        providers: Names of `LINKS`; where one of these is missing here, that is a failure. None at all: whatever this machine has.
        threads: Threads for one inference on the CPU.
        say: Told of what takes long.
    """
    for name in providers or LINKS:
        link = LINKS[name]
        missing = link.missing()
        if missing is not None:
            outcome: Literal["failed", "absent"] = "failed" if providers else "absent"
            yield GraphCheck(provider=name, precision=None, outcome=outcome, reason=missing.reason, detail=missing.detail)
            continue
        for graph in bundle.manifest.graphs:
            yield _check(bundle, graph, link, threads, say)


def _check(bundle: Bundle, graph: Graph, link: Link, threads: int | None, say: Say) -> GraphCheck:
    if graph.precision == NOT_FOR.get(link.name):
        return GraphCheck(provider=link.name, precision=graph.precision, outcome="absent", reason=NO_GRAPH, detail="not for this runtime")
    try:
        serving = start(link, graph, bundle, threads=threads, say=say)
    except LinkFailure as failure:
        return GraphCheck(
            provider=link.name, precision=graph.precision, outcome="failed", reason=failure.reason, detail=failure.detail
        )  # fmt: skip
    try:
        time_ms = p50_ms(serving.session, bundle.manifest.preprocess, num_runs=NUM_RUNS)
    finally:
        serving.session.close()
    report = serving.report
    return GraphCheck(
        provider=link.name, precision=graph.precision, outcome="passed", num_golden=report.num_frames,
        max_abs_dp=report.max_abs_dp, tolerance=report.tolerance, p50_ms=round(time_ms, 3), detail=serving.session.provider,
    )  # fmt: skip
