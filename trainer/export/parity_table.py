"""A comparison as text for the terminal, as Markdown and as CSV. Figures in per cent and points, in CSV as fractions of 1."""

import csv
import io
from collections.abc import Iterator, Sequence

from trainer.export.parity_record import GraphRow, ParityRecord

HEADING = (
    "graph", "F2_CIW", "F1_Normal", "ΔF2_CIW [95 %]", "Δ re-tuned", "ΔF1_Normal", "max|dp|", "mean|dp|", "flips", "MB",
    "ms 1 thr", "ms all", "gate",
)  # fmt: skip
BUSY = 0.25  # of the cores: above it latencies are marked


def text_from_parity(record: ParityRecord) -> str:
    """The whole comparison for a terminal."""
    rows = [HEADING, *map(_cells, record.rows)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADING))]
    lines = ["  ".join(c.ljust(w) if i in (0, len(HEADING) - 1) else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
             for row in rows]  # fmt: skip
    return "\n".join([_title(record), "", *(line.rstrip() for line in lines), "", *_class_lines(record), "", *_notes(record)])


def markdown_from_parity(record: ParityRecord) -> str:
    """The same as Markdown."""
    table = [_markdown_row(HEADING), "|---" * len(HEADING) + "|", *(_markdown_row(_cells(row)) for row in record.rows)]
    measured = _measured(record)
    heading = ("class", "n", *(row.name for row in measured))
    classes = [_markdown_row(heading), "|---" * len(heading) + "|", *map(_markdown_row, _class_cells(record))]
    notes = [f"- {note}" for note in _notes(record)]
    return "\n".join([f"# {_title(record)}", "", *table, "", "F2 per class at the frozen thresholds:", "", *classes, "", *notes]) + "\n"


def csv_from_parity(record: ParityRecord) -> str:
    """One line per graph, everything in it."""
    parity_fields = (
        "reference", "provider", "max_abs_dp", "mean_abs_dp", "decision_flips", "delta_f2_ciw", "delta_f1_normal", "delta_f2_ciw_tuned",
        "delta_f1_normal_tuned", "bound", "bound_tuned", "passed",
    )  # fmt: skip
    own_fields = ("name", "precision", "num_bytes", "not_measured", "f2_ciw", "f1_normal", "f2_ciw_tuned")
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([
        *own_fields, *parity_fields, "delta_f2_ciw_low", "delta_f2_ciw_high", "p50_ms_1_thread", "p50_ms_all_threads", "broken",
        "data_name", "split", "num_images", *(f"f2_{code}" for code in record.codes),
    ])  # fmt: skip
    for row in record.rows:
        interval = (row.parity and row.parity.delta_f2_ciw_interval) or ("", "")
        writer.writerow([
            *(_plain(getattr(row, name)) for name in own_fields),
            *(_plain(getattr(row.parity, name) if row.parity else None) for name in parity_fields),
            *interval, _plain(_p50(row, 1)), _plain(_p50(row, 0)), "; ".join(row.broken),
            record.data_name, record.split, record.num_images, *(row.f2_C or [""] * len(record.codes)),
        ])  # fmt: skip
    return file.getvalue()


def _title(record: ParityRecord) -> str:
    return f"{record.name} ({record.backbone}) on {record.data_name} {record.split}, {record.num_images} images, against {record.reference}"


def _cells(row: GraphRow) -> tuple[str, ...]:
    p, size = row.parity, "" if row.num_bytes is None else f"{row.num_bytes / 1e6:.1f}"
    times = tuple("" if (value := _p50(row, num)) is None else f"{value:.2f}" for num in (1, 0))
    head = (row.name, _percent(row.f2_ciw), _percent(row.f1_normal))
    if p is None:
        return (*head, *[""] * 6, size, *times, _verdict(row))
    low, high = p.delta_f2_ciw_interval or (0.0, 0.0)
    delta = f"{_points(p.delta_f2_ciw)} [{_points(low)}, {_points(high)}]"
    moved = (delta, _points(p.delta_f2_ciw_tuned), _points(p.delta_f1_normal))
    return (*head, *moved, f"{p.max_abs_dp:.2g}", f"{p.mean_abs_dp:.2g}", str(p.decision_flips), size, *times, _verdict(row))


def _verdict(row: GraphRow) -> str:
    if row.not_measured is not None:
        return "not measured"
    if row.broken:
        return "BROKEN"
    if row.parity is None:
        return "reference"
    return "passed" if row.parity.passed else "tried"


def _measured(record: ParityRecord) -> list[GraphRow]:
    return [row for row in record.rows if row.f2_C]


def _class_cells(record: ParityRecord) -> Iterator[Sequence[str]]:
    for c, (code, num) in enumerate(zip(record.codes, record.num_positive_C, strict=True)):
        yield (code, str(num), *(f"{100 * row.f2_C[c]:.1f}" for row in _measured(record)))


def _class_lines(record: ParityRecord) -> Iterator[str]:
    names = [row.name for row in _measured(record)]
    yield "F2 per class at the frozen thresholds, in per cent; n is the number of images with the class"
    yield f"{'class':5} {'n':>6}  " + "  ".join(f"{name:>13}" for name in names)
    for code, num, *figures in _class_cells(record):
        yield f"{code:5} {num:>6}  " + "  ".join(f"{figure:>13}" for figure in figures)


def _notes(record: ParityRecord) -> Iterator[str]:
    yield (
        f"The gate allows {100 * record.bound:g} points of F2_CIW lost at the frozen thresholds and {100 * record.bound_tuned:g} at ones "
        f"tuned anew per graph on {record.num_val_images} images of Val."
    )
    yield from record.remarks
    yield from (f"{row.name}: not measured, {row.not_measured}" for row in record.rows if row.not_measured is not None)
    yield from (f"broken: {clause}" for clause in record.broken)
    machine = record.machine
    if machine is not None:
        busy = machine.load > BUSY * machine.num_cores
        yield (
            f"Latency: p50 of single images on {machine.cpu}, {machine.num_cores} cores, load {machine.load:.1f} before"
            + (": the machine was busy, rank by these figures at most" if busy else "")
        )


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _p50(row: GraphRow, threads: int) -> float | None:
    return next((item.p50_ms for item in row.latency if item.threads == threads), None)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2f}"


def _points(delta: float | None) -> str:
    return "" if delta is None else f"{100 * delta:+.2f}"


def _plain(value: object) -> object:
    return "" if value is None else value
