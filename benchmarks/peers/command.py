"""Peers: `install` their environments, `run` them beside ours, `report` records that are there, `list` who they are."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.measuring import Bench
from benchmarks.peers.catalogue import ENVIRONMENTS, MODES, WAYS, ways_named
from benchmarks.peers.environment import make_environment
from benchmarks.record import Measurement, check_writable, read_records
from benchmarks.words import line_of
from edge_sdk.bundle import Bundle
from edge_sdk.errors import InputError, OutputError

INTO = Path("build/peers")
OUT = Path("build/peers/peers.jsonl")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The four commands."""
    commands = parser.add_subparsers(required=True, metavar="install | run | report | list", dest="what")
    install = commands.add_parser("install", help="make the peers' environments")
    install.add_argument("names", nargs="*", metavar="ENVIRONMENT", help=f"{', '.join(ENVIRONMENTS)} (all)")
    install.add_argument(
        "--borrow", action="store_true", help="torch and the like from this environment instead of gigabytes from the index"
    )
    install.add_argument(
        "--with", dest="extra", action="append", default=[], metavar="REQUIREMENT", help="install this too, e.g. a build of torch"
    )
    run_parser = commands.add_parser("run", help="measure in turns")
    run_parser.add_argument("names", nargs="*", metavar="PEER", help=f"{', '.join(WAYS)} (all)")
    run_parser.add_argument("--film", type=Path, help="a film of yours (default: the demo drive, enlarged to 1080p)")
    run_parser.add_argument("--bundle", type=Path, help="a bundle with a graph of --precision (default: the shipped one)")
    run_parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub", help="trust this public key too")
    run_parser.add_argument("--precision", choices=["fp32", "int8-x86", "int8-trt"], default="fp32", help="the graph everybody runs (fp32)")
    run_parser.add_argument("--rounds", type=int, default=3, help="(3)")
    run_parser.add_argument("--frames", type=int, default=160, help="of a film pass (160)")
    run_parser.add_argument("--live-frames", type=int, default=125, help="of a camera pass, at 25 a second (125)")
    run_parser.add_argument("--mode", choices=MODES, help="only one (both)")
    run_parser.add_argument("--peers-resize", choices=["linear", "area"], default="linear", help="linear as people write, or area (linear)")
    run_parser.add_argument("--out", type=Path, default=OUT, metavar="FILE.jsonl", help=f"append the records to this file ({OUT})")
    report = commands.add_parser("report", help="the table of records that are there")
    report.add_argument("records", nargs="+", type=Path, metavar="FILE.jsonl")
    report.add_argument("--out", type=Path, metavar="FILE", help="write FILE.md and FILE.json too")
    commands.add_parser("list", help="who is compared, and what differs in the work")
    for command in (install, run_parser):
        command.add_argument("--into", type=Path, default=INTO, help=f"folder of the environments ({INTO})")


def run(arguments: argparse.Namespace) -> int:
    """Do one of them; 1 where a peer could not be installed or says something else than our graph."""
    return {"install": _install, "run": _run, "report": _report, "list": _list}[arguments.what](arguments)


def _install(arguments: argparse.Namespace) -> int:
    unknown = [name for name in arguments.names if name not in ENVIRONMENTS]
    if unknown:
        raise InputError(f"no environment is called {unknown[0]!r}; choose from {', '.join(ENVIRONMENTS)}")
    done = [_installed(name, arguments) for name in arguments.names or ENVIRONMENTS]
    return int(not all(done))


def _installed(name: str, arguments: argparse.Namespace) -> bool:
    """Whether it went; if not the others may, and its reason is kept for the table."""
    try:
        make_environment(name, arguments.into, borrow=arguments.borrow, extra=arguments.extra, say=_say)
    except InputError as error:
        _say(f"error: {error}")
        return False
    return True


def _run(arguments: argparse.Namespace) -> int:
    from benchmarks.peers.rounds import Rounds, check_installed
    from benchmarks.peers.stage import Model, Plan, stage_of
    from benchmarks.subject import ref_of

    if min(arguments.rounds, arguments.frames, arguments.live_frames) < 1:
        raise InputError("--rounds, --frames and --live-frames must be at least 1")
    ways = ways_named(arguments.names)
    check_installed(arguments.names, arguments.into)
    check_writable(arguments.out)
    model = Model(Bundle.open(arguments.bundle, trust=arguments.trust), arguments.bundle, arguments.trust, arguments.precision)
    plan = Plan(
        ways=ways,
        rounds=arguments.rounds,
        num_frames={"file": arguments.frames, "live": arguments.live_frames},
        kernel=arguments.peers_resize,
        into=arguments.into,
        modes=[arguments.mode] if arguments.mode else MODES,
    )
    ref = ref_of(model.bundle, model.graph)
    with stage_of(plan, arguments.film, model) as stage:
        records = Rounds(plan, stage, model, Bench(out=arguments.out, verb="peers", bundle=ref, say=_say_record)).run()
    return _write(records, arguments.out)


def _report(arguments: argparse.Namespace) -> int:
    return _write(read_records(arguments.records), arguments.out)


def _list(arguments: argparse.Namespace) -> int:
    for way in WAYS.values():
        print(f"{way.name:16} {way.title}; {' and '.join(way.modes)}; {way.work or 'reads, resizes, infers'}")
    return 0


def _write(records: Sequence[Measurement], out: Path | None) -> int:
    """Print the table, and keep it as Markdown and JSON beside the records."""
    from benchmarks.peers.summary import summary_of
    from benchmarks.peers.table import markdown

    summary = summary_of(records)
    page = markdown(summary)
    print(page)
    if out is not None:
        try:
            out.with_suffix(".md").write_text(page, encoding="utf-8")
            out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=1))
        except OSError as error:
            raise OutputError(f"{out}: {error.strerror}; choose another --out") from error
    return int(any(row.broken for row in summary.rows))


def _say_record(record: Measurement) -> None:
    """One line without what all passes share."""
    _say(line_of(msgspec.structs.replace(record, settings={"round": record.settings["round"]})))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
