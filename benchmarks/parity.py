"""`parity`: every precision and runtime against the fp32 graph on the CPU; a gate for deployment scripts.

    python -m benchmarks parity [--data DIR --split Test --num N] [--provider P] [--precision X] [--out results.jsonl]

On labelled images (a data set, or the evaluation frames a bundle may carry): F2_CIW, F1_Normal and F2 per class, at the frozen and at
re-tuned thresholds, with bootstrap intervals; the gate is the trainer's. On the golden frames every bundle has, which carry no labels:
score differences and decision flips alone, and the metric is *not measured*. Exit code 1 when a bound is broken.
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.evaluation_frames import has_evaluation_frames
from benchmarks.measuring import Bench
from benchmarks.options import add_out, bare_bench
from benchmarks.parity_golden import golden_figures
from benchmarks.parity_images import parity_images
from benchmarks.parity_labelled import labelled, labelled_figures
from benchmarks.subject import add_options, check_threads, checked_provider, opened_bundle, ref_of
from edge_sdk.bundle import Bundle
from edge_sdk.contract.manifest import Graph
from edge_sdk.errors import InputError, RuntimeUnavailableError
from edge_sdk.inspector import session_from_bundle
from edge_sdk.runtime import Session
from edge_sdk.runtime.links import LINKS, NOT_FOR, Provider
from trainer.export.parity import Bounds  # needs no torch

SPLITS = ("Train", "Val", "Test")
Measure = Callable[[Bench, Bundle, Graph, str, Session], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which images, which bounds."""
    add_options(parser)
    add_out(parser)
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set in Sewer-ML's layout (default: the bundle's own frames)")
    parser.add_argument("--split", default="Test", help="Train, Val or Test (Test)")
    parser.add_argument("--num", type=int, metavar="N", help="only so many images of each split, drawn with a fixed seed (all)")
    parser.add_argument(
        "--on", default="auto", help="golden, evaluation or data (data where given, else the bundle's golden and evaluation frames)"
    )
    parser.add_argument("--bound", type=float, default=0.5, metavar="POINTS", help="largest loss of F2_CIW, thresholds as they are (0.5)")
    parser.add_argument("--bound-tuned", type=float, default=0.3, metavar="POINTS", help="the same with re-tuned thresholds (0.3)")
    parser.add_argument("--bound-flips", type=float, default=2.0, metavar="PERCENT", help="decisions that may flip, golden frames only (2)")


def run(arguments: argparse.Namespace) -> int:
    """Measure, record, judge; 1 if a bound is broken, which is said in a line."""
    on = _checked(arguments)
    bundle, bench = opened_bundle(arguments), bare_bench(arguments, "parity")
    measures = _measures(bundle, on, arguments)
    for provider, graph in _contestants(bundle, arguments):
        try:
            session = session_from_bundle(bundle, graph, threads=arguments.threads or None, provider=provider)
        except RuntimeUnavailableError as error:
            if arguments.provider:
                raise
            name = f"{graph.precision} on {provider}"  # found on this machine, but it does not come up: nobody asked for it
            bench.note(name, not_measured={"f2_ciw": str(error)}, settings={"provider": provider}, bundle=ref_of(bundle, graph))
            continue
        try:
            for measure in measures:
                measure(bench, bundle, graph, provider, session)
        finally:
            session.close()
    broken = [f"{record.name}: {clause}" for record in bench.records for clause in record.failed]
    if broken:
        raise BenchmarkError(f"parity is broken: {'; '.join(broken)}")
    return 0


def _measures(bundle: Bundle, on: str | None, arguments: argparse.Namespace) -> list[Measure]:
    """What is asked for; left to itself the golden frames, and the labelled ones where the bundle carries some."""
    golden: Measure = partial(golden_figures, max_flips=arguments.bound_flips / 100)
    if on == "golden" or (on is None and not has_evaluation_frames(bundle)):
        return [golden]
    labels = _on_labels(bundle, arguments)
    return [golden, labels] if on is None else [labels]


def _on_labels(bundle: Bundle, arguments: argparse.Namespace) -> Measure:
    bounds, images = Bounds(arguments.bound / 100, arguments.bound_tuned / 100), parity_images(bundle, arguments)
    against = labelled(bundle, images, bounds, threads=arguments.threads, quick=arguments.quick)
    return partial(labelled_figures, against=against)


def _checked(arguments: argparse.Namespace) -> str | None:
    if arguments.on not in {"auto", "golden", "evaluation", "data"}:
        raise InputError(f"--on {arguments.on}: choose golden, evaluation or data")
    if arguments.split not in SPLITS:
        raise InputError(f"--split {arguments.split}: choose one of {', '.join(SPLITS)}")
    if arguments.num is not None and arguments.num < 1:
        raise InputError("--num must be at least 1")
    check_threads(arguments.threads)
    if not all(0 <= bound <= 100 for bound in (arguments.bound, arguments.bound_tuned, arguments.bound_flips)):
        raise InputError("bounds lie between 0 and 100")
    if (arguments.on == "data") > (arguments.data is not None) or (arguments.data is not None and arguments.on in {"golden", "evaluation"}):
        raise InputError("--on data and --data DIR belong together")
    return "data" if arguments.data is not None else None if arguments.on == "auto" else str(arguments.on)


def _contestants(bundle: Bundle, arguments: argparse.Namespace) -> list[tuple[Provider, Graph]]:
    """Every graph asked for on every runtime asked for, or that this machine has.

    Raises:
        RuntimeUnavailableError: If the runtime asked for is missing.
        ContractError: If the bundle lacks the graph.
    """
    asked = checked_provider(arguments.provider)
    graphs = bundle.manifest.graphs if arguments.precision == "auto" else (bundle.manifest.graph(arguments.precision),)
    if asked is not None and (failure := LINKS[asked].missing()) is not None:
        raise failure
    providers: list[Provider] = [asked] if asked else [link.name for link in LINKS.values() if link.missing() is None]
    found = [(provider, graph) for provider in providers for graph in graphs if NOT_FOR.get(provider) != graph.precision]
    if not found:
        raise InputError(f"{arguments.precision} is not for {asked}; choose another --precision")
    return found
