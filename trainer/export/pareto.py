"""What accuracy costs: size and latency of every measured graph over its F2_CIW, of several exports in one picture.

Teacher, students and precisions are points; the line joins those that nothing beats in both figures (the Pareto front). Figures of
different images must not stand in one picture, and are refused.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.errors import ExportError
from trainer.export.pareto_labels import place_labels
from trainer.export.parity_record import GraphRow, ParityRecord

DPI = 130
COLOURS = ("#1f5a8a", "#c8641e", "#3c8c3c", "#8a3c8a", "#7a6a2a", "#2a8a8a")
MARKERS = {"fp32": "o", "fp16": "s", "int8-trt": "^", "int8-x86": "D"}
GREY = "#888888"
FORMATS: dict[str, dict[str, Any]] = {".png": {"metadata": {"Software": None}}, ".svg": {"metadata": {"Date": None}}}


class Point(NamedTuple):
    """A graph: its cost, its F2_CIW in per cent, and how it is shown."""

    cost: float
    f2_ciw: float
    label: str
    colour: str
    marker: str


def write_pareto(records: Sequence[ParityRecord], path: Path) -> list[Path]:
    """Draw the picture as PNG and SVG.

    Args:
        records: Comparisons on the same images.
        path: Where to; the suffix is replaced by each of the two.

    Returns:
        The files written.

    Raises:
        ExportError: If the comparisons are of different images, or nothing was measured.
    """
    _check(records)
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    first = records[0]
    figure.suptitle(f"{first.data_name} {first.split}, {first.num_images} images".replace("$", r"\$"), fontsize=10)
    size, latency = figure.subplots(1, 2, sharey=True)
    _panel(size, _points(records, _megabytes), "size of the file in MB")
    _panel(latency, _points(records, _p50_ms), f"latency in ms, p50 of single images, 1 thread\n{_machine(records)}")
    size.set_ylabel("F2_CIW in per cent, at the frozen thresholds")
    figure.canvas.draw()
    figure.set_layout_engine("none")  # labels are placed in pixels: nothing may move any more
    for axes in (size, latency):
        place_labels(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    written = [path.with_suffix(suffix) for suffix in FORMATS]
    for file, options in zip(written, FORMATS.values(), strict=True):
        figure.savefig(file, dpi=DPI, **options)
    return written


def front(points: Sequence[Point]) -> list[Point]:
    """Points that no other beats in both cost and F2_CIW, by rising cost."""
    best, kept = float("-inf"), []
    for point in sorted(points, key=lambda point: (point.cost, -point.f2_ciw)):
        if point.f2_ciw > best:
            best = point.f2_ciw
            kept.append(point)
    return kept


def _check(records: Sequence[ParityRecord]) -> None:
    seen = {(record.data_name, record.split, record.num_images, record.num_positive_C) for record in records}
    if len(seen) != 1:
        of = "; ".join(f"{record.name}: {record.data_name} {record.split}, {record.num_images} images" for record in records)
        raise ExportError(f"comparisons of different images do not belong into one picture ({of}); measure all on the same")
    if not any(row.f2_ciw is not None and row.num_bytes is not None for record in records for row in record.rows):
        raise ExportError("no graph was measured, there is nothing to draw; run 'parity'")


def _points(records: Sequence[ParityRecord], cost: Any) -> list[Point]:
    points = []
    for record, colour in zip(records, itertools.cycle(COLOURS), strict=False):
        for row in record.rows:
            value = cost(row)
            if value is not None and row.f2_ciw is not None and row.precision is not None and row.name.startswith("onnx"):
                label = f"{record.name} {row.precision}" + (" (gate broken)" if row.broken else "")
                points.append(Point(value, 100 * row.f2_ciw, label, colour, MARKERS[row.precision]))
    return points


def _panel(axes: Axes, points: Sequence[Point], title: str) -> None:
    axes.set_xlabel(title)
    if not points:
        axes.text(0.5, 0.5, "not measured", ha="center", va="center", transform=axes.transAxes, color=GREY)
        return
    best = front(points)
    axes.plot([p.cost for p in best], [p.f2_ciw for p in best], color=GREY, linewidth=1, linestyle="--", zorder=1)
    for point in points:
        axes.plot(point.cost, point.f2_ciw, point.marker, color=point.colour, markersize=7, zorder=2, label=point.label)
    low, high = min(p.cost for p in points), max(p.cost for p in points)
    axes.set_xscale("log")
    axes.set_xlim(low / 1.6, high * 1.6)  # room for labels beside the outermost points
    ticks = _ticks(low / 1.6, high * 1.6)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.margins(y=0.15)
    axes.grid(alpha=0.3)


def _ticks(low: float, high: float) -> list[float]:
    decades = (step * 10.0**power for power in range(-3, 7) for step in (1, 2, 5))
    return [tick for tick in decades if low <= tick <= high]


def _megabytes(row: GraphRow) -> float | None:
    return None if row.num_bytes is None else row.num_bytes / 1e6


def _p50_ms(row: GraphRow) -> float | None:
    return next((item.p50_ms for item in row.latency if item.threads == 1), None)


def _machine(records: Sequence[ParityRecord]) -> str:
    known = sorted({f"{m.cpu}, {m.num_cores} cores, load {m.load:.1f}" for m in (record.machine for record in records) if m})
    return "; ".join(known).replace("$", r"\$")
