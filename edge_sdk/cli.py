"""The command line `sewer-edge`: a table of verbs, each a module of `edge_sdk.verbs`.

Parses, calls, and turns our errors into one line and exit code 1. stdout is data, stderr is talk; 0 is fine, 1 our error or an
incomplete inspection (whose results are written all the same), 2 wrong usage, 130 interrupted by Ctrl-C or SIGTERM (results are written,
too). A live inspection has no end but the operator's: Ctrl-C completes it, and is 0.
"""

import argparse
import io
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

from edge_sdk import __version__
from edge_sdk.errors import EdgeSdkError
from edge_sdk.verbs import build, doctor, info, report, run, selftest, status, unpack

VERBS = {
    "run": (run, "film in, observations along the pipe out"),
    "report": (report, "the reports of a run from its journal, also after a crash"),
    "status": (status, "how a running inspection is: state, what it lacks, frames, cameras, journal, machine"),
    "info": (info, "what a bundle is, where it comes from and how good it is"),
    "build": (build, "build a bundle's TensorRT engines for this device, before it drives"),
    "selftest": (selftest, "run a bundle's golden frames on this machine"),
    "doctor": (doctor, "whether this machine can run the SDK, and what would make it quicker"),
    "unpack": (unpack, "write a bundle file as a folder, for looking at"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name the terminal cannot show must not end the run
    arguments = _parser().parse_args(argv)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        return int(arguments.command(arguments))
    except EdgeSdkError as error:
        if arguments.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if arguments.debug:
            raise
        print(f"error: {error}; 'sewer-edge doctor' says what is missing and the command that mends it", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sewer-edge", description="Look at sewer film with a signed model bundle.")
    parser.add_argument("--version", action="version", version=f"sewer-edge {__version__}")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    verbs = parser.add_subparsers(required=True, metavar=" | ".join(VERBS))
    for name, (verb, what) in VERBS.items():
        child = verbs.add_parser(name, help=what)
        verb.add_arguments(child)
        child.set_defaults(command=verb.run)
    return parser


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
