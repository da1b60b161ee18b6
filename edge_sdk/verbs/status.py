"""`sewer-edge status`: how a running inspection is, from the status file in its folder."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's folder, and the form."""
    parser.add_argument("run", type=Path, nargs="?", default=Path(), help="the folder of a run (default: the current one)")
    parser.add_argument("--json", action="store_true", help="print the status and the verdict as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the status; 0 if the process lives, its status is fresh and nothing is lacking, 1 otherwise."""
    import msgspec

    from edge_sdk.supervision.status_file import judge, read_status
    from edge_sdk.supervision.status_text import status_text

    status = read_status(arguments.run)
    verdict = judge(status)
    if arguments.json:
        print(msgspec.json.format(msgspec.json.encode({"verdict": verdict, "status": status}), indent=1).decode())
    else:
        print(status_text(status, verdict))
    return 0 if verdict.healthy else 1
