"""Drawings as inline SVG: stacked bars, distributions, points. Colours after Okabe and Ito, told apart with any colour vision."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmarks.distribution import Histogram
from edge_sdk.report.markup import Html, tag

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#555555")
WIDTH, LEFT, RIGHT, TOP = 960.0, 230.0, 930.0, 10.0
ROW, BAR = 30.0, 20.0
LEAST_SPAN = 10.0  # of an axis that does not begin at 0
PLOT_HEIGHT, AXIS, LEGEND_LEFT = 220.0, 40.0, 70.0


class Axis(NamedTuple):
    """Values to drawing units, linear or logarithmic."""

    low: float
    high: float
    left: float
    right: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value lies."""
        low, high, value = (math.log10(max(v, 1e-9)) if self.log else v for v in (self.low, self.high, value))
        return self.left + (self.right - self.left) * (value - low) / ((high - low) or 1.0)

    def ticks(self) -> list[float]:
        """Round values along it."""
        if self.log:
            decades = range(math.floor(math.log10(max(self.low, 1e-9))), math.ceil(math.log10(self.high)) + 1)
            found = [t for d in decades for t in (10.0**d, 2 * 10.0**d, 5 * 10.0**d) if self.low <= t <= self.high]
            if len(found) > 2:
                return found
        step = 10.0 ** math.floor(math.log10(((self.high - self.low) or 1.0) / 4))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.high - self.low) / (step * factor) <= 8)
        first = math.ceil(self.low / step - 1e-9)
        return [round(step * i, 10) for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def stacked_bars(rows: Mapping[str, Mapping[str, float]], *, unit: str) -> Html:
    """A bar per row, made of its parts; parts keep their colour from row to row."""
    parts = list(dict.fromkeys(part for row in rows.values() for part in row))
    axis = Axis(0.0, max(sum(row.values()) for row in rows.values()) or 1.0, LEFT, RIGHT)
    drawn: list[Html] = []
    for i, (name, row) in enumerate(rows.items()):
        y, at = TOP + i * ROW, 0.0
        drawn.append(_text(name, LEFT - 10, y + 15, "end"))
        for part, value in row.items():
            title = tag("title", f"{name}, {part}: {value:.2f} {unit}")
            width = axis.at(at + value) - axis.at(at)
            drawn.append(tag("rect", title, x=axis.at(at), y=y, width=max(width, 0.5), height=BAR, fill=_colour(parts, part)))
            if width > 46:
                drawn.append(_text(f"{value:.1f}", axis.at(at) + width / 2, y + 15, "middle", fill="#fff"))
            at += value
    bottom = TOP + len(rows) * ROW
    return _with_legend([_x_axis(axis, TOP, bottom, unit), *drawn], parts, bottom + AXIS)


def distributions(histograms: Mapping[str, Histogram], *, marks: Mapping[str, Mapping[str, float]]) -> Html:
    """Shares per logarithmic bin as filled steps, with the percentiles marked below the axis."""
    edges = [edge for histogram in histograms.values() for edge in histogram.edges_ms()]
    axis, bottom = Axis(min(edges), max(edges), 60.0, RIGHT, log=True), TOP + PLOT_HEIGHT
    top_share = max(max(h.counts) / sum(h.counts) for h in histograms.values())
    names, drawn = list(histograms), [_x_axis(axis, TOP, bottom, "ms")]
    for name, histogram in histograms.items():
        points = [(axis.at(histogram.edges_ms()[0]), bottom)]
        for i, num in enumerate(histogram.counts):
            y = bottom - PLOT_HEIGHT * num / sum(histogram.counts) / top_share
            points += [(axis.at(histogram.edges_ms()[i]), y), (axis.at(histogram.edges_ms()[i + 1]), y)]
        points.append((points[-1][0], bottom))
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        colour = _colour(names, name)
        drawn.append(tag("polygon", tag("title", name), points=path, fill=colour, fill_opacity=0.35, stroke=colour))
        for label, value in marks.get(name, {}).items():
            drawn.append(tag("line", tag("title", f"{name}, {label}: {value:.2f} ms"), x1=axis.at(value), x2=axis.at(value), y1=bottom - 14,
                             y2=bottom + 6, stroke=colour, stroke_width=2))  # fmt: skip
    return _with_legend(drawn, names, bottom + AXIS)


def points(series: Mapping[str, Mapping[str, float]], *, unit: str) -> Html:
    """A row per key with a point for each of the series: how far two differ is seen at once."""
    keys = list(dict.fromkeys(key for row in series.values() for key in row))
    axis = Axis(0.0, max((v for row in series.values() for v in row.values()), default=1.0) or 1.0, LEFT, RIGHT)
    drawn: list[Html] = []
    for i, key in enumerate(keys):
        y = TOP + i * 20 + 8
        drawn += [tag("line", x1=LEFT, x2=RIGHT, y1=y, y2=y, stroke="#e1e6ea"), _text(key, LEFT - 10, y + 4, "end")]
        for number, (name, row) in enumerate(series.items()):
            if key in row:
                title, radius = tag("title", f"{key}, {name}: {row[key]:.1f} {unit}"), max(7.0 - 1.4 * number, 2.5)  # equal ones: rings
                drawn.append(tag("circle", title, cx=axis.at(row[key]), cy=y, r=radius, fill=_colour(list(series), name)))
    bottom = TOP + len(keys) * 20
    return _with_legend([_x_axis(axis, TOP, bottom, unit), *drawn], list(series), bottom + AXIS)


class Spot(NamedTuple):
    """A point of a scatter: where, how large its area, and its name."""

    name: str
    x: float
    y: float
    area: float


def scatter(spots: Sequence[Spot], *, x_unit: str, y_unit: str) -> Html:
    """Points over two axes; the lower right is worse, the upper left better."""
    bottom, names = TOP + PLOT_HEIGHT, list(dict.fromkeys(spot.name for spot in spots))
    x_axis = Axis(0.0, 1.2 * max(spot.x for spot in spots), 70.0, RIGHT)
    y_axis = _around([spot.y for spot in spots], bottom)
    largest = max(spot.area for spot in spots) or 1.0
    drawn = [_x_axis(x_axis, TOP, bottom, x_unit), _text(y_unit, 70.0, TOP + 4, "start")]
    for value in y_axis.ticks():
        drawn += [tag("line", x1=70, x2=RIGHT, y1=y_axis.at(value), y2=y_axis.at(value), stroke="#e1e6ea")]
        drawn += [_text(f"{value:g}", 62.0, y_axis.at(value) + 4, "end")]
    for spot in sorted(spots, key=lambda spot: -spot.area):  # small ones on top
        title = tag("title", f"{spot.name}: {spot.y:.1f} {y_unit} at {spot.x:.2f} {x_unit}")
        radius = 4 + 10 * math.sqrt(spot.area / largest)
        fill = _colour(names, spot.name)
        drawn.append(tag("circle", title, cx=x_axis.at(spot.x), cy=y_axis.at(spot.y), r=radius, fill=fill, fill_opacity=0.7))
    return _with_legend(drawn, names, bottom + AXIS)


def _around(values: Sequence[float], bottom: float) -> Axis:
    """Upwards, around the values and never tighter than `LEAST_SPAN`: graphs of one network lie points apart, not tens of them."""
    span = max(max(values) - min(values), LEAST_SPAN)
    return Axis(max(min(values) - span / 2, 0.0), max(values) + span / 2, bottom, TOP)


def lines(series: Mapping[str, Sequence[tuple[float, float]]], *, x_unit: str, y_unit: str) -> Html:
    """Lines over a linear axis from 0, with the ideal (in proportion to the first point) dashed."""
    bottom = TOP + PLOT_HEIGHT
    x_axis = Axis(0.0, max(x for line in series.values() for x, _ in line) * 1.05, 70.0, RIGHT)
    y_axis = Axis(0.0, max(y for line in series.values() for _, y in line) * 1.1 or 1.0, bottom, TOP)
    drawn = [_x_axis(x_axis, TOP, bottom, x_unit), _text(y_unit, 76.0, TOP + 4, "start")]
    drawn += [_text(f"{value:g}", 62.0, y_axis.at(value) + 4, "end") for value in y_axis.ticks()]
    for name, line in series.items():
        path = " ".join(f"{x_axis.at(x):.1f},{y_axis.at(y):.1f}" for x, y in line)
        drawn.append(tag("polyline", tag("title", name), points=path, fill="none", stroke=_colour(list(series), name), stroke_width=2))
        for x, y in line:
            title = tag("title", f"{name}: {y:.1f} {y_unit} at {x:g} {x_unit}")
            drawn.append(tag("circle", title, cx=x_axis.at(x), cy=y_axis.at(y), r=4, fill=_colour(list(series), name)))
    return _with_legend(drawn, list(series), bottom + AXIS)


def _svg(parts: Sequence[str], height: float) -> Html:
    return tag("svg", *parts, viewBox=f"0 0 {WIDTH:g} {height:g}", class_="pipe", role="img")


def _x_axis(axis: Axis, top: float, bottom: float, unit: str) -> Html:
    drawn = []
    for value in axis.ticks():
        x = axis.at(value)
        drawn += [tag("line", x1=x, x2=x, y1=top, y2=bottom, class_="grid"), _text(f"{value:g}", x, bottom + 18, "middle")]
    return tag("g", *drawn, _text(unit, RIGHT + 2, bottom + 34, "end"))


def _with_legend(drawn: Sequence[str], names: Sequence[str], bottom: float) -> Html:
    """The drawing with its names below, in as many lines as they need."""
    shown, x, y = [], LEGEND_LEFT, bottom + 8
    for name in names:
        width = 34 + 6.6 * len(name)
        if x > LEGEND_LEFT and x + width > WIDTH:
            x, y = LEGEND_LEFT, y + 20
        shown += [tag("rect", x=x, y=y, width=12, height=12, fill=_colour(names, name)), _text(name, x + 17, y + 10, "start")]
        x += width
    return _svg([*drawn, *shown], y + 18)


def _text(text: str, x: float, y: float, anchor: str, *, fill: str | None = None) -> Html:
    style = f"fill: {fill}" if fill else None
    return tag("text", text, x=x, y=y, text_anchor=anchor, style=style)


def _colour(names: Sequence[str], name: str) -> str:
    return COLOURS[list(names).index(name) % len(COLOURS)]
