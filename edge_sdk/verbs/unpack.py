"""`sewer-edge unpack`: a bundle file as a folder, for looking at."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """From where to where."""
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)


def run(arguments: argparse.Namespace) -> int:
    """Write the folder."""
    from edge_sdk.bundle import unpack_bundle

    unpack_bundle(arguments.bundle, arguments.out)
    print(arguments.out)
    return 0
