"""The command `python -m benchmarks`: a table of verbs, each a module with `add_arguments` and `run`.

Exit code 0 is fine, 1 our error in one line, a broken bound or a regression, 2 wrong usage. Nothing here needs torch but `train`.
"""

import argparse
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from edge_sdk.errors import EdgeSdkError

VERBS = {
    "latency": "each stage by itself, and from capture to observation",
    "throughput": "frames per second against cameras, size, batch and threads",
    "startup": "from the start of the process to the first result",
    "memory": "resident and GPU memory, and whether it grows",
    "power": "energy per frame, where the board tells",
    "parity": "every graph and runtime against fp32, in scores, decisions and the metric; a gate",
    "growth": "the report's time against the number of observations",
    "peers": "the same film and graph through what is used instead (each in an environment of its own)",
    "train": "whether the training waits for its images (needs torch)",
    "all": "one after the other, each in a process of its own",
    "report": "tables and one page from records; with --baseline, what became slower",
    "compare": "two checkouts or bundles in turns: is the second slower?",
}
MODULES = {"all": "benchmarks.everything", "peers": "benchmarks.peers.command", "report": "benchmarks.report.command"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    try:
        return _main(argv)
    except KeyboardInterrupt:
        print("interrupted; records written to --out so far are kept", file=sys.stderr)
        return 130


def _main(argv: Sequence[str] | None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measurements with their conditions.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    children = parser.add_subparsers(required=True, metavar=" | ".join(VERBS))
    for name, what in VERBS.items():
        module = import_module(MODULES.get(name, f"benchmarks.{name}"))
        child = children.add_parser(name, help=what)
        module.add_arguments(child)
        child.set_defaults(command=module.run)
    arguments = parser.parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except EdgeSdkError as error:
        if arguments.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1


def _terminated(number: int, frame: object) -> None:
    """As Ctrl-C: films made on the spot are removed, children ended."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
