"""Options of every verb that opens a bundle or runs its model."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge_sdk.bundle import Bundle

PRECISIONS = ("auto", "fp32", "fp16", "int8", "int8-trt", "int8-x86")  # as runtime.choose and runtime.links have them, which are not
PROVIDERS = ("tensorrt", "cuda", "openvino", "cpu")  # imported here so that --help is quick; a test holds them together


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """The bundle as a positional argument, and whom to trust."""
    parser.add_argument("bundle", nargs="?", type=Path, help="a bundle file or folder (default: the shipped one)")
    add_trust(parser)


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Whom to trust."""
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub", help="trust this public key too")
    parser.add_argument("--allow-unsigned", action="store_true", help="open a bundle that nobody signed, for a trial")


def open_bundle(arguments: argparse.Namespace) -> "Bundle":
    """The bundle the options name, verified.

    Raises:
        EdgeSdkError: As `Bundle.open`.
    """
    from edge_sdk.bundle import Bundle

    return Bundle.open(arguments.bundle, trust=arguments.trust, allow_unsigned=arguments.allow_unsigned)
