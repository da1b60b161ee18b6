"""`sewer-edge run`: film or live cameras in, observations along the pipe out."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge_sdk.verbs.bundle_options import PRECISIONS, PROVIDERS, add_trust, open_bundle

if TYPE_CHECKING:
    from edge_sdk.records import Inspection

MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Source, odometer, output and model."""
    parser.add_argument(
        "source", nargs="+",
        help="a film, a folder of stills, one still; or one to four live cameras: rtsp://, http://, v4l2:///dev/video0, csi://0, gst:...",
    )  # fmt: skip
    parser.add_argument(
        "--odometer", type=Path,
        help="CSV file: file, frame or time_s, and distance_m, counter_ft or the like; of a live run: to which lines are appended",
    )  # fmt: skip
    parser.add_argument("--odometer-unit", choices=["m", "cm", "mm", "ft", "in"], help="unit of the counter where its column does not say")
    parser.add_argument("--fps", type=float, help="frames per second of a folder (default 1), or in place of the film's own")
    parser.add_argument("--out", type=Path, help="folder for the results (default: <source>-inspection, or live-<time>)")
    folder = parser.add_mutually_exclusive_group()
    folder.add_argument("--overwrite", action="store_true", help="write into --out even if it is not empty")
    folder.add_argument("--resume", action="store_true", help="live: go on with the run in --out, or begin it; the time between is a gap")
    parser.add_argument("--no-film", action="store_true", help="do not write the annotated film")
    parser.add_argument("--threads", type=_threads, help="threads for one inference (default: every core)")
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help="which graph of the bundle (default: auto, the quickest)")
    parser.add_argument("--require", choices=PROVIDERS, help="run on this runtime or not at all (default: the best that works)")
    parser.add_argument(
        "--thresholds", choices=["frozen", "tuned"], default="frozen",
        help="the bundle's, the same for every precision (default), or those tuned to the very graph",
    )  # fmt: skip
    parser.add_argument("--bundle", type=Path, help="a bundle file or folder (default: the shipped one)")
    live = parser.add_argument_group("live cameras", "run until Ctrl-C ends or SIGTERM interrupts them; lost ones are asked again for ever")
    live.add_argument("--duration", type=_seconds, metavar="S", help="stop after so many seconds")
    live.add_argument("--no-frame", type=_seconds, default=2.0, metavar="S", help="a camera silent for so long is lost (default 2)")
    live.add_argument("--metrics", type=_port, metavar="PORT", help="serve /metrics and /healthz on 127.0.0.1 (default: no socket)")
    live.add_argument("--status", action="store_true", help="show the state of the run on stderr")
    live.add_argument("--json-logs", action="store_true", help="log as JSON, one object a line")
    add_trust(parser)


def run(arguments: argparse.Namespace) -> int:
    """Inspect and write the reports."""
    from edge_sdk.camera import is_live
    from edge_sdk.errors import InputError

    live = [is_live(uri) for uri in arguments.source]
    if all(live):
        return _run_live(arguments)
    if len(live) > 1:
        raise InputError(f"{len(live)} sources, not all of them live cameras; give one film or folder, or one to four cameras")
    if arguments.resume:
        raise InputError(f"{arguments.source[0]} is not live: only a live run goes on, a film is inspected anew; leave --resume out")
    return _run_film(arguments)


def _run_film(arguments: argparse.Namespace) -> int:
    from edge_sdk.inspect_film import inspect_film
    from edge_sdk.terminal import ProgressLine

    (source,) = arguments.source
    inspection, written = inspect_film(source, film=not arguments.no_film, progress=ProgressLine(), **_common(arguments))
    _show(inspection, written)
    if inspection.status == "interrupted":
        raise KeyboardInterrupt
    return _exit_code(inspection)


def _run_live(arguments: argparse.Namespace) -> int:
    from edge_sdk.inspect_live import inspect_live
    from edge_sdk.live_run.line import LiveLine, observation_line
    from edge_sdk.supervision import configure_logging

    if arguments.json_logs:
        configure_logging(json=True)
    line = LiveLine()
    inspection, written = inspect_live(
        arguments.source,
        duration_s=arguments.duration,
        no_frame_timeout_s=arguments.no_frame,
        metrics_port=arguments.metrics,
        resume=arguments.resume,
        on_observation=lambda observation: print(observation_line(observation), file=sys.stderr, flush=True),
        on_status=line.show if arguments.status else None,
        **_common(arguments),
    )
    if arguments.status:
        line.close()
    _show(inspection, written)
    if inspection.status == "interrupted":
        print(f"note: the inspection is interrupted: {'; '.join(inspection.status_reasons)}", file=sys.stderr)
        raise KeyboardInterrupt
    return _exit_code(inspection)


def _common(arguments: argparse.Namespace) -> dict[str, Any]:
    """The options of film and live runs alike."""
    return {
        "bundle": open_bundle(arguments),
        "odometer": arguments.odometer,
        "odometer_unit": arguments.odometer_unit,
        "fps": arguments.fps,
        "out": arguments.out,
        "overwrite": arguments.overwrite,
        "threads": arguments.threads,
        "precision": arguments.precision,
        "require": arguments.require,
        "thresholds": arguments.thresholds,
        "say": lambda line: print(f"model: {line}", file=sys.stderr),
    }


def _show(inspection: "Inspection", written: dict[str, Path]) -> None:
    from edge_sdk.terminal import observation_table

    print(observation_table(inspection))
    if inspection.model.data_kind == "rendered":
        print("note: The model was trained on rendered images only; how well it works on real film is not known.", file=sys.stderr)
    for notice in inspection.notices:
        print(f"note: {notice}", file=sys.stderr)
    if inspection.source.kind == "live" and inspection.coverage.gaps:
        print(f"note: {len(inspection.coverage.gaps)} stretches were not inspected; the report names them.", file=sys.stderr)
    for what, path in written.items():
        print(f"{what:>12}  {path}", file=sys.stderr)


def _exit_code(inspection: "Inspection") -> int:
    if inspection.status in ("complete", "interrupted"):
        return 0
    print(f"error: the inspection is {inspection.status}: {'; '.join(inspection.status_reasons)}", file=sys.stderr)
    return 1


def _threads(text: str) -> int:
    threads = int(text)
    if not 1 <= threads <= 1024:
        raise argparse.ArgumentTypeError("1 to 1024")
    return threads


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 1e7:
        raise argparse.ArgumentTypeError("a number of seconds above 0")
    return seconds


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= MAX_PORT:
        raise argparse.ArgumentTypeError(f"1 to {MAX_PORT}")
    return port
