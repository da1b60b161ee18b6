"""`sewer-edge run`: film in, observations along the pipe out."""

import argparse
import sys
from pathlib import Path

from edge_sdk.verbs.bundle_options import PRECISIONS, PROVIDERS, add_trust, open_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source, odometer, output and model."""
    parser.add_argument("source", help="a film, a folder of stills, or one still")
    parser.add_argument("--odometer", type=Path, help="CSV file: file, frame or time_s, and distance_m, counter_ft or the like")
    parser.add_argument("--odometer-unit", choices=["m", "cm", "mm", "ft", "in"], help="unit of the counter where its column does not say")
    parser.add_argument("--fps", type=float, help="frames per second of a folder (default 1), or in place of the film's own")
    parser.add_argument("--out", type=Path, help="folder for the results (default: <source>-inspection)")
    parser.add_argument("--overwrite", action="store_true", help="write into --out even if it is not empty")
    parser.add_argument("--no-film", action="store_true", help="do not write the annotated film")
    parser.add_argument("--threads", type=_threads, help="threads for one inference (default: every core)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="which graph of the bundle (default: auto, the quickest)")
    parser.add_argument("--require", choices=PROVIDERS, help="run on this runtime or not at all (default: the best that works)")
    parser.add_argument(
        "--thresholds", choices=["frozen", "tuned"], default="frozen",
        help="the bundle's, the same for every precision (default), or those tuned to the very graph",
    )  # fmt: skip
    parser.add_argument("--bundle", type=Path, help="a bundle file or folder (default: the shipped one)")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> int:
    """Inspect a film and write its reports."""
    from edge_sdk.inspect_film import inspect_film
    from edge_sdk.terminal import ProgressLine, observation_table

    inspection, written = inspect_film(
        arguments.source,
        bundle=open_bundle(arguments),
        odometer=arguments.odometer,
        odometer_unit=arguments.odometer_unit,
        fps=arguments.fps,
        out=arguments.out,
        overwrite=arguments.overwrite,
        film=not arguments.no_film,
        threads=arguments.threads,
        precision=arguments.precision,
        require=arguments.require,
        thresholds=arguments.thresholds,
        say=lambda line: print(f"model: {line}", file=sys.stderr),
        progress=ProgressLine(),
    )
    print(observation_table(inspection))
    if inspection.model.data_kind == "rendered":
        print("note: The model was trained on rendered images only; how well it works on real film is not known.", file=sys.stderr)
    for notice in inspection.notices:
        print(f"note: {notice}", file=sys.stderr)
    for what, path in written.items():
        print(f"{what:>12}  {path}", file=sys.stderr)
    if inspection.status == "interrupted":
        raise KeyboardInterrupt
    if inspection.status == "incomplete":
        print(f"error: the inspection is incomplete: {'; '.join(inspection.status_reasons)}", file=sys.stderr)
        return 1
    return 0


def _threads(text: str) -> int:
    threads = int(text)
    if not 1 <= threads <= 1024:
        raise argparse.ArgumentTypeError("1 to 1024")
    return threads
