"""The command `reproduce`: its arguments, and what it says."""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.study.run import CellOutcome, Study

INTERRUPTED = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("table", help="what to reproduce: table2, of Otero & Mateus (DINO on Sewer-ML)")
    parser.add_argument("--data", type=Path, required=True, help="folder in Sewer-ML's layout with Train, Val and DATASET.yaml")
    parser.add_argument("--out", type=Path, required=True, help="folder of the study; the same command goes on in it")
    parser.add_argument("--scale", default="tiny", help="tiny (a CPU, minutes), small (a GPU), full (as published); see study/scales.yaml")
    parser.add_argument("--threads", type=_count, help="CPU threads of torch (all free cores but one; with a GPU torch decides)")
    parser.add_argument("--workers", type=_count, help="loader processes (1; with a GPU up to 8)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run what is not done yet, write the table after each cell, and print it at the end."""
    from trainer.study.cell import CellInterruptedError
    from trainer.study.run import TABLES, machine_overrides, open_study, run_cells
    from trainer.study.scale import scale_named

    for name in ("lightning.fabric", "lightning.pytorch"):  # the runs' opening lines name device and precision
        logging.getLogger(name).setLevel(logging.WARNING)
    scale = scale_named(args.scale)
    machine = machine_overrides(threads=args.threads, workers=args.workers)
    study = open_study(args.table, args.scale, scale, data_root=args.data, out=args.out, machine=machine)
    _say(_opening(study))
    last: list[CellOutcome] = []

    def show(outcomes: list["CellOutcome"]) -> None:
        last[:] = outcomes
        write_report(study, outcomes)

    try:
        run_cells(study, TABLES[args.table](scale), say=_say, show=show, strict=args.debug)
    except (CellInterruptedError, KeyboardInterrupt) as error:
        _say(f"{str(error) or 'interrupted'}; the same command goes on from here")
        return INTERRUPTED
    print((args.out / f"{args.table}.md").read_text(encoding="utf-8"), end="")  # noqa: T201
    _say(f"{args.out / args.table}.html")
    return _verdict(last)


def write_report(study: "Study", outcomes: Sequence["CellOutcome"]) -> None:
    """The table as far as it is, in all its forms."""
    import msgspec

    from trainer.study.curve import curve_plot
    from trainer.study.page import page_from_report
    from trainer.study.report import csv_from_report, markdown_from_report, report_of

    report, out = report_of(study, outcomes), study.out
    curve = curve_plot(report)
    (out / f"{report.table}.md").write_text(markdown_from_report(report), encoding="utf-8")
    (out / f"{report.table}.csv").write_text(csv_from_report(report), encoding="utf-8")
    (out / f"{report.table}.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    (out / f"{report.table}.html").write_text(page_from_report(report, curve), encoding="utf-8")
    (out / "label_efficiency.png").write_bytes(curve)


def _opening(study: "Study") -> str:
    record, scale = study.record, study.scale
    data = f"{record.data.name} ({record.data.kind}), figures on {record.split}"
    return f"{record.table} on {data}; scale {record.scale}: {scale.about}, {scale.time or 'time not measured'}"


def _verdict(outcomes: Sequence["CellOutcome"]) -> int:
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        _say(f"error: {len(failed)} of {len(outcomes)} cells failed, first {failed[0].cell.name}: {failed[0].failure}")
    return int(bool(failed))


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text}: at least 0")
    return number


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201
