"""The plots of an evaluation as PNG. Every plot carries the data set's name and kind: plots are cut out of reports."""

# N images, C classes

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.evaluate.report import EvaluationReport, title

DPI = 110
COLUMNS = 6
BLUE, ORANGE, GREY = "#1f5a8a", "#c8641e", "#888888"


def f2_plot(report: EvaluationReport) -> bytes:
    """F2 per class with its interval, and the number of positives."""
    figure = _figure(report, "F2 per class, 95 % interval", (10, 3.6))
    axes = figure.subplots()
    values, lows, highs = (np.array([getattr(row.f2, name) for row in report.classes]) for name in ("value", "low", "high"))
    places = np.arange(len(values))
    axes.bar(places, values, color=BLUE, width=0.7)
    # A percentile interval need not hold the value itself where positives are few.
    axes.vlines(places, lows, highs, color="black", linewidth=1.2)
    axes.set_xticks(places, [f"{row.code}\n{row.num_positive}" for row in report.classes])
    axes.set(ylim=(0, 1), ylabel="F2", xlabel="class and number of positives")
    axes.axhline(report.f2_ciw.value, color=ORANGE, linewidth=1, label=f"F2_CIW {100 * report.f2_ciw.value:.2f} %")
    axes.legend(loc="upper right")
    return _png(figure)


def precision_recall_plot(report: EvaluationReport, scores_NC: NDArray[np.floating], positive_NC: NDArray[np.bool_]) -> bytes:
    """One curve per class, with the point at the threshold."""
    num_rows = -(-len(report.classes) // COLUMNS)
    figure = _figure(report, "Precision over recall; the point is at the threshold", (10, 1.9 * num_rows))
    grid = figure.subplots(num_rows, COLUMNS, sharex=True, sharey=True).ravel()
    for axes, row, scores_N, positive_N in zip(grid, report.classes, scores_NC.T, positive_NC.T, strict=False):
        hits = np.cumsum(positive_N[np.argsort(scores_N, kind="stable")[::-1]])
        axes.plot(hits / max(hits[-1], 1), hits / np.arange(1, len(hits) + 1), color=BLUE, linewidth=1.2)
        axes.plot([row.recall], [row.precision], "o", color=ORANGE, markersize=4)
        axes.set_title(f"{row.code}, n {row.num_positive}, AP {100 * row.ap.value:.0f} %", fontsize=8)
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    for axes in grid[len(report.classes) :]:
        axes.set_axis_off()
    return _png(figure)


def reliability_plot(report: EvaluationReport) -> bytes:
    """Share of positives over score, before and at the fitted temperature."""
    figure = _figure(report, "Reliability of the scores", (6, 3.8))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle="--")
    for calibration, colour in zip(report.calibration, (BLUE, ORANGE), strict=False):
        there = np.array(calibration.bin_num) > 0
        name = f"temperature {calibration.temperature:.2f}, error {100 * calibration.error:.2f} %"
        axes.plot(np.array(calibration.bin_score)[there], np.array(calibration.bin_positive)[there], "o-", color=colour, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean score of the bin", ylabel="share of positives")
    axes.legend(loc="upper left")
    return _png(figure)


def confusion_plot(report: EvaluationReport) -> bytes:
    """Of the images with the row's class and without the column's, the share said to have it; diagonal: recall."""
    codes = [*taxonomy().codes, "Normal"]
    share_ab = np.array([[np.nan if value is None else value for value in row] for row in report.confusion])
    figure = _figure(report, "There: row, said: column", (8.6, 7.8))
    axes = figure.subplots()
    axes.imshow(share_ab, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(codes)), codes, rotation=90)
    axes.set_yticks(range(len(codes)), codes)
    for a, b in zip(*np.nonzero(share_ab >= 0.005), strict=True):
        share = share_ab[a, b]
        axes.text(b, a, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color="white" if share > 0.5 else "black")
    return _png(figure)


def _figure(report: EvaluationReport, what: str, size: tuple[float, float]) -> Figure:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    # $ would start a formula.
    figure.suptitle(f"{title(report)}\n{report.split}: {what}".replace("$", r"\$"), fontsize=9)
    return figure


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()
