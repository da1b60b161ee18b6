"""`sewer-edge info`: what a bundle is, where it comes from and how good it is."""

import argparse

from edge_sdk.verbs.bundle_options import add_bundle, open_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Bundle and form."""
    add_bundle(parser)
    parser.add_argument("--json", action="store_true", help="print the manifest instead")


def run(arguments: argparse.Namespace) -> int:
    """Print the table or the manifest."""
    from edge_sdk.contract.manifest import json_from_manifest
    from edge_sdk.terminal import bundle_table

    bundle = open_bundle(arguments)
    print(json_from_manifest(bundle.manifest).decode() if arguments.json else bundle_table(bundle))
    return 0
