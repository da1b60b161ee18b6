"""Labels of points that cover neither each other nor a point: each takes the nearest free place around its own."""

import math
from collections.abc import Iterator
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

FONT_SIZE = 8
RADII_PT = (10, 16, 24, 34, 46, 60, 76, 94, 114, 136)
DIRECTIONS = 16
POINT_PX = 8.0  # half the side of what a marker covers


def place_labels(axes: Axes) -> None:
    """Name every labelled point of the axes. The figure must have been drawn once, and its layout be final."""
    points = [line for line in axes.get_lines() if not str(line.get_label()).startswith("_")]
    pixels = [axes.transData.transform((float(line.get_xdata()[0]), float(line.get_ydata()[0]))) for line in points]  # type: ignore[index, arg-type]
    taken = [Bbox.from_extents(x - POINT_PX, y - POINT_PX, x + POINT_PX, y + POINT_PX) for x, y in pixels]
    inside, renderer = axes.get_window_extent(), axes.get_figure(root=True).canvas.get_renderer()  # type: ignore[union-attr]
    for line, _ in sorted(zip(points, pixels, strict=True), key=lambda item: -item[1][1]):
        text = axes.annotate(
            str(line.get_label()).replace("$", r"\$"),
            (float(line.get_xdata()[0]), float(line.get_ydata()[0])),  # type: ignore[index, arg-type]
            xytext=(0, 0),
            textcoords="offset points",
            fontsize=FONT_SIZE,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
            color=line.get_color(),
            arrowprops={"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.6, "alpha": 0.6, "shrinkA": 0, "shrinkB": 3},
        )
        taken.append(_settle(text, taken, inside, renderer))


def _settle(text: Annotation, taken: list[Bbox], inside: Bbox, renderer: RendererBase) -> Bbox:
    """Move a label to the first place that is free and inside; to the last one tried where none is."""
    box = inside
    for right, up, horizontal in _places():
        text.set_position((right, up))
        text.set_horizontalalignment(horizontal)
        text.set_verticalalignment("center")
        text.update_positions(renderer)
        box = Text.get_window_extent(text).padded(2)  # of the words alone: an annotation's own would take in the line to its point
        fits = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
        if fits and not any(box.overlaps(other) for other in taken):
            break
    return box


def _places() -> Iterator[tuple[float, float, Literal["left", "center", "right"]]]:
    """Offsets in points, nearest first; of the same distance the sides before above and below."""
    for radius in RADII_PT:
        for number in range(DIRECTIONS):
            turn = math.pi * 2 * number / DIRECTIONS
            right, up = radius * math.cos(turn), radius * math.sin(turn)
            yield right, up, "left" if right > 1 else "right" if right < -1 else "center"
