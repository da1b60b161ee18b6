"""Which of a bundle's graphs to run on a runtime.

`auto` takes the quickest graph that agrees with what was trained: on TensorRT and CUDA fp16 where there is one, on a CPU what was measured
on this very machine, since no int8 file is quick everywhere. A graph whose parity failed is never taken by itself; one that nobody
compared is taken only as fp32 or where it is the only one. `int8` means the flavour of the runtime: explicit symmetric Q/DQ for TensorRT
and ARM, unsigned activations for x86.
"""

from typing import Literal, get_args

from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph, Manifest
from edge_sdk.errors import BundleError, ContractError, InputError
from edge_sdk.runtime.chain import Choice
from edge_sdk.runtime.links import NOT_FOR, Link, Say
from edge_sdk.runtime.machine import is_x86
from edge_sdk.runtime.measure import quickest_first

PrecisionChoice = Literal["auto", "fp32", "fp16", "int8", "int8-trt", "int8-x86"]
PRECISIONS: tuple[str, ...] = get_args(PrecisionChoice)

_ON_GPU = ("fp16", "fp32", "int8-trt")  # int8 earns its place by a benchmark: a ViT's is often slower than its fp16 (deployment notes Q7)


class GraphChooser:
    """The chain's question answered for one bundle and one wish.

    Args:
        bundle: The bundle.
        wish: `auto`, `int8` or one of the manifest's precisions.
        threads: As for the sessions: a graph that is quickest on four threads need not be on one.
        say: Told when measuring begins.

    Raises:
        InputError: If there is no such precision.
        ContractError: If the bundle has no graph of it.
        BundleError: If every graph's parity failed.
    """

    def __init__(self, bundle: Bundle, wish: str, *, threads: int | None, say: Say = lambda line: None) -> None:
        if wish not in PRECISIONS:
            raise InputError(f"there is no precision '{wish}'; choose one of {', '.join(PRECISIONS)}")
        self._bundle, self._wish, self._threads, self._say = bundle, wish, threads, say
        self._pool, self._left_out = _pool(bundle.manifest, wish)

    def __call__(self, link: Link) -> Choice:
        """The graphs to try on a link, best first."""
        usable = tuple(graph for graph in self._pool if graph.precision != NOT_FOR.get(link.name))
        if not usable:
            return Choice((), f"none of the bundle's graphs in question is for {link.name}: {', '.join(g.precision for g in self._pool)}")
        if self._wish == "int8":
            return Choice(_sorted(usable, _int8_order(link)), f"int8 was asked for; {_int8_order(link)[0]} is {link.name}'s form of it")
        if self._wish != "auto":
            return Choice(usable, "asked for")
        if len(usable) == 1:
            return Choice(usable, f"the only one left{self._left_out}" if self._left_out else "the bundle's only graph")
        if not link.on_cpu:
            return Choice(_sorted(usable, _ON_GPU), f"fp16 goes first on {link.name}{self._left_out}")
        graphs, why = quickest_first(self._bundle, usable, link, threads=self._threads, say=self._say)
        return Choice(graphs, f"{why}{self._left_out}")


def _pool(manifest: Manifest, wish: str) -> tuple[tuple[Graph, ...], str]:
    """The graphs in question, and what was left out, in words."""
    if wish == "int8":
        graphs = tuple(graph for graph in manifest.graphs if graph.precision.startswith("int8"))
        if not graphs:
            raise ContractError(f"bundle {manifest.name} {manifest.version} has no int8 graph; it carries: {_names(manifest.graphs)}")
        return graphs, ""
    if wish != "auto":
        return (manifest.graph(wish),), ""
    graphs = tuple(graph for graph in manifest.graphs if _agrees(manifest, graph))
    if not graphs:
        raise BundleError(
            f"bundle {manifest.name} {manifest.version}: no graph has passed its comparison with the trained model; "
            f"fetch another, or give --precision (it carries: {_names(manifest.graphs)})"
        )
    out = [graph for graph in manifest.graphs if graph not in graphs]
    return graphs, f"; left out, not proven to agree with the trained model: {_names(out)}" if out else ""


def _agrees(manifest: Manifest, graph: Graph) -> bool:
    verdicts = [parity.passed for parity in manifest.parity if parity.precision == graph.precision]
    if False in verdicts:
        return False
    return True in verdicts or graph.precision == "fp32" or len(manifest.graphs) == 1


def _int8_order(link: Link) -> tuple[str, str]:
    return ("int8-x86", "int8-trt") if link.on_cpu and is_x86() else ("int8-trt", "int8-x86")


def _sorted(graphs: tuple[Graph, ...], order: tuple[str, ...]) -> tuple[Graph, ...]:
    ranks = {precision: rank for rank, precision in enumerate(order)}
    return tuple(sorted(graphs, key=lambda graph: ranks.get(graph.precision, len(ranks))))


def _names(graphs: tuple[Graph, ...] | list[Graph]) -> str:
    return ", ".join(graph.precision for graph in graphs)
