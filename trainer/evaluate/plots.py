"""Curves of a run as PNG, from nothing but its `metrics.jsonl`."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from trainer.run_folder import metrics_lines

FOLDER = "plots"
TITLES = {
    ("train", "loss"): "loss",
    ("train", "lr"): "learning rate",
    ("train", "grad_norm"): "gradient norm before clipping",
    ("train", "loss_dino"): "loss, DINO's part",
    ("train", "loss_bce"): "loss, the labels' part",
    ("train", "teacher_information"): "teacher's information in nats; 0 is a collapse",
    ("val", "f2_ciw"): "F2_CIW on Val at 0.5",
    ("val", "f1_normal"): "F1_Normal on Val at 0.5",
    ("val", "rankme"): "RankMe on Val",
}
DPI = 110


def write_plots(folder: Path) -> list[Path]:
    """One picture for each curve a run has logged, and one of F2 per class; the files written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # slow to load, and a run ends but once
    from matplotlib.figure import Figure

    curves = _curves(metrics_lines(folder))
    pictures = {name: {title: curves[part, name]} for (part, name), title in TITLES.items() if (part, name) in curves}
    by_class = {name: curve for (part, name), curve in curves.items() if part == "val_f2"}
    if by_class:
        pictures["f2_by_class"] = by_class
    (folder / FOLDER).mkdir(exist_ok=True)
    written = []
    for name, lines in pictures.items():
        figure = Figure(figsize=(7.0, 4.0), layout="constrained")
        FigureCanvasAgg(figure)
        _draw(figure.subplots(), lines, log=name == "lr")
        written.append(folder / FOLDER / f"{name}.png")
        figure.savefig(written[-1], dpi=DPI)
    return written


def _curves(lines: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[list[int], list[float]]]:
    """(part, name) -> (steps, values)."""
    curves: dict[tuple[str, str], tuple[list[int], list[float]]] = defaultdict(lambda: ([], []))
    for line in lines:
        for name in line.keys() - {"part", "step"}:
            steps, values = curves[line["part"], name]
            steps.append(line["step"])
            values.append(line[name])
    return dict(curves)


def _draw(axes: Any, lines: dict[str, tuple[list[int], list[float]]], *, log: bool) -> None:
    from matplotlib import colormaps

    colours = colormaps["tab20"]
    for number, (title, (steps, values)) in enumerate(lines.items()):
        axes.plot(steps, values, label=title, color=colours(number % colours.N), marker="." if len(steps) < 30 else "", linewidth=1.2)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    if log and all(value > 0 for _, values in lines.values() for value in values):
        axes.set_yscale("log")
    if len(lines) > 1:
        axes.set_title("F2 per class on Val at 0.5")
        axes.legend(ncols=2, fontsize="x-small", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    else:
        axes.set_title(next(iter(lines)))
