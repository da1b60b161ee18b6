"""`sewer-edge selftest`: a bundle's golden frames on this machine, graph by graph and runtime by runtime."""

import argparse
import sys

from edge_sdk.verbs.bundle_options import PROVIDERS, add_bundle, open_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Bundle, runtimes, form."""
    add_bundle(parser)
    parser.add_argument(
        "--provider", choices=PROVIDERS, action="append", default=[], help="only this runtime, and fail without it; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print the outcomes as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run every graph of the bundle on every runtime; 1 if one fails, or none serves."""
    import msgspec

    from edge_sdk.self_test import check_graphs
    from edge_sdk.terminal import self_test_table

    bundle = open_bundle(arguments)
    checks = tuple(check_graphs(bundle, arguments.provider, say=lambda line: print(f"model: {line}", file=sys.stderr)))
    failed = [check for check in checks if check.outcome == "failed"]
    if arguments.json:
        record = {"bundle": bundle.identity, "sha256": bundle.sha256, "checks": checks}
        print(msgspec.json.format(msgspec.json.encode(record), indent=1).decode())
    else:
        print(self_test_table(bundle, checks))
    for check in failed:
        what = " ".join(filter(None, (check.provider, check.precision)))
        print(f"error: {what}: {check.reason}: {check.detail}", file=sys.stderr)
    passed = any(check.outcome == "passed" for check in checks)
    if not failed and not passed:
        print("error: nothing on this machine runs this model; see 'sewer-edge doctor'", file=sys.stderr)
    return 0 if not failed and passed else 1
