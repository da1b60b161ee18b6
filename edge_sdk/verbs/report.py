"""`sewer-edge report`: the reports of a run from its journal, also after a crash."""

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's folder, and where its reports go."""
    parser.add_argument("run", type=Path, help="the folder of a run, with its journal.sqlite")
    parser.add_argument("--out", type=Path, help="folder for the reports (default: the run's folder)")


def run(arguments: argparse.Namespace) -> int:
    """Close the run if it broke off, and write its reports."""
    from edge_sdk.journal.report import report_from_journal
    from edge_sdk.terminal import observation_table

    inspection, written, notes = report_from_journal(arguments.run, arguments.out)
    print(observation_table(inspection))
    for note in (*notes, *inspection.notices):
        print(f"note: {note}", file=sys.stderr)
    for what, path in written.items():
        print(f"{what:>12}  {path}", file=sys.stderr)
    if inspection.status != "complete":
        print(f"error: the inspection is {inspection.status}: {'; '.join(inspection.status_reasons)}", file=sys.stderr)
        return 1
    return 0
