"""`python -m benchmarks.peers install | run | report | list`."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence

from benchmarks.peers.command import add_arguments, run
from edge_sdk.errors import EdgeSdkError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 fine, 1 our error in one line, 2 wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description="The same film and graph through what is used instead.")
    add_arguments(parser)
    try:
        return run(parser.parse_args(argv))
    except EdgeSdkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has seen enough; nothing may be flushed into it any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted; records written to --out so far are kept", file=sys.stderr)
        return 130


def _terminated(number: int, frame: object) -> None:
    """As Ctrl-C: the pass under way is ended, the graph that lies beside the film removed."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(main())
