"""What is measured: a bundle's graph on a runtime, brought up the way the robot brings it up (chain, warm-up, golden frames)."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.record import BundleRef, Setting
from edge_sdk.bundle import Bundle
from edge_sdk.cores import usable_cores
from edge_sdk.errors import InputError
from edge_sdk.inspector import Inspector, worker_sessions
from edge_sdk.live.result import LiveModel
from edge_sdk.runtime import Session
from edge_sdk.runtime.links import LINKS, Say

if TYPE_CHECKING:
    from edge_sdk.contract.manifest import Graph
    from edge_sdk.runtime.links import Provider


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle with the graph, runtime and session that serve it; `threads` 0 is every core."""

    bundle: Bundle
    graph: "Graph"
    provider: "Provider"
    session: Session
    threads: int

    @property
    def model(self) -> LiveModel:
        """As a live stream takes it."""
        return LiveModel(self.session, self.bundle.manifest.preprocess, self.bundle.identity, self.graph.temperature)

    @property
    def ref(self) -> BundleRef:
        """As a record has it."""
        return ref_of(self.bundle, self.graph)

    @property
    def settings(self) -> dict[str, Setting]:
        """Of a record."""
        spec = self.bundle.manifest.preprocess
        return {
            "provider": self.provider,
            "runs_on": self.session.provider,
            "precision": self.graph.precision,
            "threads": self.threads,
            "input": f"{spec.width}x{spec.height}",
        }

    def single_thread_session(self) -> Callable[[], Session]:
        """Makes sessions of the same graph with one thread, as mode `throughput` wants them."""
        return worker_sessions(self.bundle, self.graph, provider=self.provider)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Which bundle, and what to run it on. No `choices`: what is not there is said in one line, as everywhere."""
    parser.add_argument("--bundle", type=Path, help="a bundle file or folder (default: the shipped one)")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub", help="trust this public key too")
    parser.add_argument("--allow-unsigned", action="store_true", help="open a bundle that nobody signed, for a trial")
    parser.add_argument("--provider", help=f"{', '.join(LINKS)} (default: the best that works here)")
    parser.add_argument("--precision", default="auto", help="auto, fp32, fp16, int8, int8-trt or int8-x86 (auto)")
    parser.add_argument("--threads", type=int, default=0, help="of one inference on the CPU (0: every core)")


def opened_bundle(arguments: argparse.Namespace) -> Bundle:
    """The bundle the options name, verified.

    Raises:
        EdgeSdkError: As `Bundle.open`.
    """
    return Bundle.open(arguments.bundle, trust=arguments.trust, allow_unsigned=arguments.allow_unsigned)


@contextmanager
def subject_of(arguments: argparse.Namespace, *, say: Say = lambda line: None) -> Iterator[Subject]:
    """Bring up what the options name; closed in the end.

    Raises:
        InputError: If there is no such runtime or precision, or a number is none.
        RuntimeUnavailableError: If this machine does not have the runtime.
        BundleError: If the bundle must not serve or lacks the graph.
    """
    check_threads(arguments.threads)
    provider = checked_provider(arguments.provider)
    bundle = opened_bundle(arguments)
    with Inspector(bundle, precision=arguments.precision, threads=arguments.threads or None, require=provider, say=say) as inspector:
        served = inspector.session.attempts[-1].provider
        yield Subject(bundle, inspector.graph, checked_provider(served) or "cpu", inspector.session, arguments.threads)


def check_threads(num: int) -> None:
    """Refuse a number of threads of one inference that makes no sense here.

    Raises:
        InputError: If it is negative, or larger than the number of cores.
    """
    if not 0 <= num <= usable_cores():
        raise InputError(f"--threads {num}: give 0 for every core, or up to {usable_cores()}, the cores this process may use")


def checked_provider(name: str | None) -> "Provider | None":
    """The runtime of a name; None for none.

    Raises:
        InputError: If there is no such runtime.
    """
    if name is None:
        return None
    found: dict[str, Provider] = {link.name: link.name for link in LINKS.values()}
    if name not in found:
        raise InputError(f"there is no runtime '{name}'; choose one of {', '.join(found)}")
    return found[name]


def ref_of(bundle: Bundle, graph: "Graph") -> BundleRef:
    """A bundle's graph as a record names it."""
    entry = next(entry for entry in bundle.manifest.files if entry.name == graph.file)
    return BundleRef(identity=bundle.identity, sha256=bundle.sha256, precision=graph.precision, graph_sha256=entry.sha256)
