"""`sewer-edge doctor`: whether this machine can run the SDK, and what would make it quicker."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The form."""
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; 0 if the SDK can run here, 1 if not."""
    from edge_sdk.doctor import examine, findings_table, healthy

    findings = examine()
    if arguments.json:
        print(json.dumps({"healthy": healthy(findings), "findings": [finding.record() for finding in findings]}, indent=1))
    else:
        print(findings_table(findings))
    return 0 if healthy(findings) else 1
