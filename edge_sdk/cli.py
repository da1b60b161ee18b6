"""The command line: `sewer-edge run | info | selftest | unpack`.

Parses, calls, and turns our errors into one line and exit code 1. stdout is data, stderr is talk; 0 is fine, 1 our error or an
incomplete inspection (whose results are written all the same), 2 wrong usage, 130 interrupted.
"""

import argparse
import io
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from edge_sdk import __version__
from edge_sdk.errors import EdgeSdkError

if TYPE_CHECKING:
    from edge_sdk.bundle import Bundle


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
    verbs = parser.add_subparsers(required=True, metavar="run | info | selftest | unpack")
    run = verbs.add_parser("run", help="film in, observations along the pipe out")
    run.add_argument("source", help="a film, a folder of stills, or one still")
    run.add_argument("--odometer", type=Path, help="CSV file: file, frame or time_s, and distance_m, counter_ft or the like")
    run.add_argument("--odometer-unit", choices=["m", "cm", "mm", "ft", "in"], help="unit of the counter where its column does not say")
    run.add_argument("--fps", type=float, help="frames per second of a folder (default 1), or in place of the film's own")
    run.add_argument("--out", type=Path, help="folder for the results (default: <source>-inspection)")
    run.add_argument("--overwrite", action="store_true", help="write into --out even if it is not empty")
    run.add_argument("--no-film", action="store_true", help="do not write the annotated film")
    run.add_argument("--threads", type=_threads, help="threads for one inference (default: every core)")
    run.set_defaults(command=_run)
    info = verbs.add_parser("info", help="what a bundle is, where it comes from and how good it is")
    info.add_argument("bundle", nargs="?", type=Path, help="a bundle file or folder (default: the shipped one)")
    info.add_argument("--json", action="store_true", help="print the manifest instead")
    info.set_defaults(command=_info)
    selftest = verbs.add_parser("selftest", help="run a bundle's golden frames on this machine")
    selftest.add_argument("bundle", nargs="?", type=Path, help="a bundle file or folder (default: the shipped one)")
    selftest.set_defaults(command=_selftest)
    unpack = verbs.add_parser("unpack", help="write a bundle file as a folder, for looking at")
    unpack.add_argument("bundle", type=Path)
    unpack.add_argument("out", type=Path)
    unpack.set_defaults(command=_unpack)
    run.add_argument("--bundle", type=Path, help="a bundle file or folder (default: the shipped one)")
    for verb in (run, info, selftest):
        verb.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub", help="trust this public key too")
        verb.add_argument("--allow-unsigned", action="store_true", help="open a bundle that nobody signed, for a trial")
    return parser


def _run(arguments: argparse.Namespace) -> int:
    from edge_sdk.inspect_film import inspect_film
    from edge_sdk.terminal import ProgressLine, observation_table

    inspection, written = inspect_film(
        arguments.source,
        bundle=_open(arguments),
        odometer=arguments.odometer,
        odometer_unit=arguments.odometer_unit,
        fps=arguments.fps,
        out=arguments.out,
        overwrite=arguments.overwrite,
        film=not arguments.no_film,
        threads=arguments.threads,
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


def _info(arguments: argparse.Namespace) -> int:
    from edge_sdk.contract.manifest import json_from_manifest
    from edge_sdk.terminal import bundle_table

    bundle = _open(arguments)
    print(json_from_manifest(bundle.manifest).decode() if arguments.json else bundle_table(bundle))
    return 0


def _selftest(arguments: argparse.Namespace) -> int:
    from edge_sdk.inspector import self_test, session_from_bundle

    bundle, passed = _open(arguments), True
    for graph in bundle.manifest.graphs:
        session = session_from_bundle(bundle, graph)
        report = self_test(bundle, session)
        session.close()
        passed &= report.passed
        print(
            f"{bundle.identity}  {graph.precision}  {session.provider}  {report.num_frames} golden frames  "
            f"max |dp| {report.max_abs_dp:.6f} (allowed {report.tolerance:g})  {'passed' if report.passed else 'FAILED'}"
        )
    if not passed:
        print("error: this model must not serve on this machine", file=sys.stderr)
    return 0 if passed else 1


def _unpack(arguments: argparse.Namespace) -> int:
    from edge_sdk.bundle import unpack_bundle

    unpack_bundle(arguments.bundle, arguments.out)
    print(arguments.out)
    return 0


def _open(arguments: argparse.Namespace) -> "Bundle":
    from edge_sdk.bundle import Bundle

    return Bundle.open(arguments.bundle, trust=arguments.trust, allow_unsigned=arguments.allow_unsigned)


def _threads(text: str) -> int:
    threads = int(text)
    if not 1 <= threads <= 1024:
        raise argparse.ArgumentTypeError("1 to 1024")
    return threads


def _interrupt(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
