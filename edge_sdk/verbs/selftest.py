"""`sewer-edge selftest`: a bundle's golden frames on this machine."""

import argparse
import sys

from edge_sdk.verbs.bundle_options import add_bundle, open_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The bundle."""
    add_bundle(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run every graph of the bundle; 1 if one must not serve here."""
    from edge_sdk.inspector import self_test, session_from_bundle

    bundle, passed = open_bundle(arguments), True
    for graph in bundle.manifest.graphs:
        session = session_from_bundle(bundle, graph)
        report = self_test(bundle, session)
        session.close()
        passed &= report.passed
        print(
            f"{bundle.identity}  {graph.precision}  {session.provider}  {report.num_frames} golden frames  "
            f"max |dp| {report.max_abs_dp:.6f} (allowed {report.tolerance:g})  {'passed' if report.passed else 'FAILED'}"
        )
    if not passed:
        print("error: this model must not serve on this machine", file=sys.stderr)
    return 0 if passed else 1
