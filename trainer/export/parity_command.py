"""The command `parity`: its arguments, and what it says."""

import argparse
import sys
from pathlib import Path

from trainer.argument_types import count, natural, points


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("exports", type=Path, nargs="+", metavar="EXPORT", help="folder written by export, with what quantize added")
    parser.add_argument("--data", type=Path, help="folder in Sewer-ML's layout, if it is no longer where the export found it")
    parser.add_argument("--checkpoint", type=Path, help="run or checkpoint it was exported from, if that is no longer where it was")
    parser.add_argument("--split", choices=("Train", "Val", "Test"), default="Test", help="which split the figures are of (Test)")
    parser.add_argument("--num", type=count, metavar="N", help="only so many images of each split, for a trial (all)")
    parser.add_argument("--threads", type=natural, default=0, help="of onnxruntime while scoring (all cores)")
    parser.add_argument("--bound", type=points, default=0.5, metavar="POINTS", help="largest loss of F2_CIW, thresholds as they are (0.5)")
    parser.add_argument("--bound-tuned", type=points, default=0.3, metavar="POINTS", help="the same with re-tuned thresholds (0.3)")
    parser.add_argument("--latency", action="store_true", help="time single images too, each graph in a process of its own")
    parser.add_argument("--pareto", type=Path, metavar="PNG", help="measure nothing: draw what was measured, size and latency over F2_CIW")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, write and print the table; or draw."""
    return _draw(args) if args.pareto else _measure(args)


def _measure(args: argparse.Namespace) -> int:
    from trainer.errors import ExportError
    from trainer.export.parity import Bounds
    from trainer.export.parity_run import measure_parity
    from trainer.export.parity_table import text_from_parity

    if args.checkpoint and len(args.exports) > 1:
        raise ExportError("--checkpoint belongs to one export folder; measure the others on their own")
    broken = []
    for export in args.exports:
        record = measure_parity(
            export,
            data_root=args.data,
            checkpoint=args.checkpoint,
            split=args.split,
            num=args.num,
            threads=args.threads,
            bounds=Bounds(args.bound / 100, args.bound_tuned / 100),
            latency=args.latency,
            say=lambda text: print(text, file=sys.stderr),  # noqa: T201
        )
        print(text_from_parity(record))  # noqa: T201
        broken += [f"{export}: {clause}" for clause in record.broken]
    if broken:
        raise ExportError(f"parity is broken: {'; '.join(broken)}")
    return 0


def _draw(args: argparse.Namespace) -> int:
    from trainer.errors import ExportError
    from trainer.export.pareto import write_pareto
    from trainer.export.parity_record import read_parity

    records = []
    for export in args.exports:
        record = read_parity(export)
        if record is None:
            raise ExportError(f"{export}: not measured yet; run 'parity {export}' first")
        records.append(record)
    for path in write_pareto(records, args.pareto):
        print(path)  # noqa: T201
    return 0
