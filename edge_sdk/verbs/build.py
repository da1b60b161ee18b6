"""`sewer-edge build`: the TensorRT engines of a bundle, built for this device before the robot drives."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edge_sdk.verbs.bundle_options import add_bundle, open_bundle

if TYPE_CHECKING:
    from edge_sdk.bundle import Bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Bundle, precisions, where to keep engines, and how hard to try."""
    add_bundle(parser)
    parser.add_argument(
        "--precision", action="append", metavar="P", help="fp32, fp16 or int8-trt; may be repeated (default: all the bundle has)"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="DIR",
        help="folder for engines (default: the user's cache folder, the only one 'run' looks in; XDG_CACHE_HOME moves it)",
    )  # fmt: skip
    parser.add_argument("--workspace-mb", type=_number(16, 1 << 20), default=1024, help="scratch memory a kernel may take (default 1024)")
    parser.add_argument("--optimisation-level", type=_number(0, 5), help="0 to 5: how long to look for quicker kernels")
    parser.add_argument("--timeout-s", type=_number(1, 86400), default=1800, help="give up one engine after this (default 1800)")
    parser.add_argument("--force", action="store_true", help="build anew even if the engine is there")


def run(arguments: argparse.Namespace) -> int:
    """Build each engine and run the bundle's golden frames on it; one line for each on stdout, 1 if one must not serve."""
    from edge_sdk.errors import EngineError, InferenceError, InputError
    from edge_sdk.runtime.engine_options import ENGINE_PRECISIONS
    from edge_sdk.runtime.engine_plan import facts_here

    bundle = open_bundle(arguments)
    graphs = {graph.precision: graph.file for graph in bundle.manifest.graphs if graph.precision in ENGINE_PRECISIONS}
    for precision in arguments.precision or ():
        if precision not in graphs:
            raise InputError(f"{bundle.identity} has no {precision} graph for TensorRT; it has {', '.join(graphs) or 'none'}")
    facts_here()  # no TensorRT or no GPU: said before anything else is
    passed = True
    for precision in dict.fromkeys(arguments.precision or graphs):
        try:
            passed &= _build(bundle, precision, graphs[precision], arguments)
        except (EngineError, InferenceError) as error:  # noqa: PERF203 - the other precisions may still serve
            passed = False
            print(f"error: {precision}: {error}", file=sys.stderr)
    return 0 if passed else 1


def _build(bundle: "Bundle", precision: str, file: str, arguments: argparse.Namespace) -> bool:
    """Whether the engine is there, is kept, and says of the golden frames what it must."""
    from edge_sdk.runtime.engine_cache import EngineCache, default_cache_dir
    from edge_sdk.runtime.engine_options import EngineOptions
    from edge_sdk.runtime.engine_plan import plan_for
    from edge_sdk.runtime.engine_process import BuildLimits
    from edge_sdk.runtime.proof import self_test
    from edge_sdk.runtime.tensorrt import TensorRtSession

    plan = plan_for(
        bundle.read(file),
        EngineOptions(precision, workspace_mb=arguments.workspace_mb, optimisation_level=arguments.optimisation_level),
        cache=EngineCache(arguments.cache or default_cache_dir()),
        limits=BuildLimits(time_s=arguments.timeout_s),
        say=lambda line: print(line, file=sys.stderr),
        force=arguments.force,
        chosen=True,
    )
    session = TensorRtSession(plan.data, precision=precision)
    report = self_test(bundle, session)
    session.close()
    print(
        f"{bundle.identity}  {precision}  {session.provider}  {len(plan.data) / 1e6:.1f} MB  "
        f"{'found in the cache' if plan.origin == 'cache' else f'built in {plan.build_s:.0f} s'}  "
        f"CUDA graph {'yes' if session.cuda_graph else f'no ({session.cuda_graph_reason})'}  "
        f"max |dp| {report.max_abs_dp:.6f} (allowed {report.tolerance:g})  {'passed' if report.passed else 'FAILED'}"
    )
    if not plan.kept:
        print("error: the engine is not kept, the cache folder cannot be written; it would be built at each start", file=sys.stderr)
    return report.passed and plan.kept


def _number(low: int, high: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{low} to {high}")
        return int(text)

    return number
