"""The label-efficiency curve: F2_CIW over the share of labels, from DINO's weights and from random ones.

Ours and the published one stand in pictures of their own, each under the name of its data.
"""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from trainer.evaluate.report import KINDS
from trainer.study.published import SOURCE
from trainer.study.report import PUBLISHED_ON, Row, StudyReport

DPI = 110
COLOURS = {"ViT-T/16": "#1f5a8a", "ViT-S/16": "#c8641e"}

Point = tuple[int, float, float, float]  # per cent of labels; F2_CIW and its interval in per cent


def curve_plot(report: StudyReport) -> bytes:
    """Both pictures, as PNG."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    ours, published = figure.subplots(1, 2)
    rows = [row for row in report.rows if row.title.startswith("fine-tuning") and row.percent is not None]
    heading = f"{report.data_name}, {report.split}, scale {report.scale}\n({KINDS[report.data_kind]})"
    _draw(ours, rows, measured=True, heading=heading.replace("$", r"\$"))
    remark = SOURCE if report.data_kind == "sewer-ml" else "other images: compare shapes, not heights"
    _draw(published, rows, measured=False, heading=f"{PUBLISHED_ON}\n({remark})")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def _draw(axes: Axes, rows: Sequence[Row], *, measured: bool, heading: str) -> None:
    percents = sorted({row.percent for row in rows if row.percent})
    for backbone, colour in COLOURS.items():
        for from_dino, style in ((True, "o-"), (False, "s--")):
            points = _points([row for row in rows if (row.backbone, row.from_dino) == (backbone, from_dino)], measured=measured)
            if points:
                _line(axes, points, style, colour, f"{backbone}, {'from DINO' if from_dino else 'from random weights'}")
    if axes.lines:
        axes.legend(fontsize="small")
    axes.set_xscale("log")
    axes.set_xticks(percents, [f"{percent} %" for percent in percents])
    axes.set_xticks([], minor=True)
    axes.set(xlabel="labels used", ylabel="F2_CIW in %", xlim=(0.8 * min(percents, default=10), 125), ylim=(0, None))
    axes.set_title(heading, fontsize=9)
    axes.grid(alpha=0.3)


def _line(axes: Axes, points: Sequence[Point], style: str, colour: str, label: str) -> None:
    percents, values, lows, highs = zip(*points, strict=True)
    axes.plot(percents, values, style, color=colour, label=label, linewidth=1.4, markersize=4)
    # A percentile interval need not hold the value itself, so no error bars from it.
    axes.vlines(percents, lows, highs, color=colour, linewidth=1.0, alpha=0.6)


def _points(rows: Sequence[Row], *, measured: bool) -> list[Point]:
    points: list[Point] = []
    for row in rows:
        ours, published = row.measured and row.measured.f2_ciw, row.published_on_sewer_ml.f2_ciw
        if measured and ours:
            points.append((row.percent or 100, 100 * ours.value, 100 * ours.low, 100 * ours.high))
        elif not measured and published is not None:
            points.append((row.percent or 100, published, published, published))
    return sorted(points)
