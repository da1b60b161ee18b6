"""The pipe as a drawing: a bar along the chainage with what was not inspected hatched, and one lane of markers per class below.

A point is a diamond (damage) or a square (fitting), a continuous observation a bar over its length; a thin line shows what the position
may be off by. Each marker carries the observation's number and leads to its card. Lanes grow by rows where markers would overlap.
"""

from dataclasses import dataclass

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.records import Code, Coverage, Gap, Inspection
from edge_sdk.report.axis import Axis, axis_from_inspection, span_of_coverage, span_of_gap, span_of_observation, span_of_uncertainty
from edge_sdk.report.entry import Entry
from edge_sdk.report.figures import count, metre_range, number, time_range
from edge_sdk.report.markup import Html, join, tag
from edge_sdk.report.packing import packed
from edge_sdk.report.wording import GAP_SHORT

# drawing units; the page scales the drawing to its width
WIDTH, LEFT, RIGHT = 960.0, 226.0, 940.0
PIPE_HEIGHT, ROW_HEIGHT, LANE_PADDING = 26.0, 17.0, 9.0
TAG_HEIGHT, AXIS_HEIGHT = 15.0, 44.0
MARKER, DIGIT = 5.5, 6.0  # half a marker's size; width of a digit of its number
TAG_CHAR = 7.0  # of a bold letter above the pipe, in the widest of the usual fonts
MAX_ROWS, MAX_TAG_ROWS = 5, 4
MAX_LABEL = 36


@dataclass(frozen=True, slots=True)
class _Lane:
    code: Code
    kind: str
    entries: list[Entry]


def pipe_diagram(inspection: Inspection, entries: tuple[Entry, ...]) -> Html:
    """The drawing as inline SVG, or a sentence where nothing has a place along the axis."""
    axis = axis_from_inspection(inspection, left=LEFT, right=RIGHT)
    if axis is None:
        return tag("p", "Nothing to draw: no frame has a chainage.", class_="note")
    tags, pipe_top = _gap_tags(inspection.coverage.gaps, axis)
    lanes_top = pipe_top + PIPE_HEIGHT + AXIS_HEIGHT
    lanes, bottom = _lanes(_by_class(entries, axis), axis, lanes_top)
    parts = [_hatch(), _grid(axis, pipe_top + PIPE_HEIGHT, bottom), _pipe(inspection.coverage, axis, pipe_top)]
    parts += [_gap(i, gap, axis, pipe_top, bottom) for i, gap in enumerate(inspection.coverage.gaps, 1)]
    parts += [tags, lanes]
    what = "Pipe diagram along " + ("the chainage" if axis.by_distance else "film time") + f": {count(len(entries), 'observation')}"
    title = tag("title", what + "; the same is in the tables below")
    return tag("svg", title, *parts, viewBox=f"0 0 {WIDTH:g} {bottom + 6:g}", class_="pipe", role="group", aria_label=what)


def _by_class(entries: tuple[Entry, ...], axis: Axis) -> list[_Lane]:
    """Lanes of the classes that occur: damage first, then fittings, each in the order of the class list; unknown codes last."""
    order = {c.code: i for i, c in enumerate(sorted(taxonomy().classes, key=lambda c: c.kind))}
    kinds: dict[str, str] = {c.code: c.kind for c in taxonomy().classes}
    lanes: dict[tuple[str, str], _Lane] = {}
    for entry in entries:
        if span_of_observation(entry.observation, by_distance=axis.by_distance) is None:
            continue
        code = entry.observation.class_
        lanes.setdefault((code.coding_system, code.code), _Lane(code, kinds.get(code.code, "defect"), [])).entries.append(entry)
    return sorted(lanes.values(), key=lambda lane: (order.get(lane.code.code, len(order)), lane.code.code))


def _lanes(lanes: list[_Lane], axis: Axis, top: float) -> tuple[Html, float]:
    """All lanes from `top` down, and where they end."""
    if not lanes:
        text = tag("text", "No observation was proposed along this axis", x=(LEFT + RIGHT) / 2, y=top + 16, class_="empty")
        return text, top + 26
    drawn = []
    for i, lane in enumerate(lanes):
        lane_html, height = _lane(lane, axis, top, shaded=i % 2 == 0)
        drawn.append(lane_html)
        top += height
    return join(drawn), top


def _lane(lane: _Lane, axis: Axis, top: float, *, shaded: bool) -> tuple[Html, float]:
    items = sorted(((_reach(entry, axis), entry) for entry in lane.entries), key=lambda item: item[0])
    rows = packed([reach for reach, _ in items], max_rows=MAX_ROWS, space=3)
    height = max(place.row for place in rows) * ROW_HEIGHT + ROW_HEIGHT + LANE_PADDING
    middle = top + (LANE_PADDING + ROW_HEIGHT) / 2
    ground = tag("rect", x=0, y=top, width=WIDTH, height=height, class_="lane") if shaded else ""
    label = tag(
        "text", tag("tspan", lane.code.code[:8], class_="code"), tag("tspan", _shortened(lane.code.label), dx=6),
        x=6, y=middle + 4, class_="lane-label",
    )  # fmt: skip
    markers = [
        _marker(entry, axis, middle + place.row * ROW_HEIGHT, lane.kind, numbered=place.free)
        for (_, entry), place in zip(items, rows, strict=True)
    ]
    return join([ground, label, *markers]), height


def _reach(entry: Entry, axis: Axis) -> tuple[float, float]:
    """Left and right end of a marker with its uncertainty and number."""
    left, right = _drawn(entry, axis)
    return left, right + 3 + DIGIT * len(str(entry.number))


def _drawn(entry: Entry, axis: Axis) -> tuple[float, float]:
    """Left and right end of a marker with its uncertainty."""
    left, right = _ends(entry, axis)
    whisker = span_of_uncertainty(entry.observation, by_distance=axis.by_distance)
    low, high = (left, right) if whisker is None else (axis.x(whisker[0]), axis.x(whisker[1]))
    return min(left - MARKER, low), max(right + MARKER, high)


def _ends(entry: Entry, axis: Axis) -> tuple[float, float]:
    span = span_of_observation(entry.observation, by_distance=axis.by_distance)
    assert span is not None, "only observations with a place are in a lane"
    return axis.x(span[0]), axis.x(span[1])


def _marker(entry: Entry, axis: Axis, y: float, kind: str, *, numbered: bool) -> Html:
    item = entry.observation
    left, right = _ends(entry, axis)
    if item.kind == "continuous":
        shape = tag("rect", x=left, y=y - 4.5, width=max(right - left, 4), height=9, rx=2, class_=f"mark {kind}")
    else:
        shape = _point(left, y, kind)
    text = tag("text", str(entry.number), x=_drawn(entry, axis)[1] + 2.5, y=y + 3.6, class_="number") if numbered else ""
    where = metre_range(item.chainage_m, item.chainage_to_m) if axis.by_distance else time_range(item.time_s, item.time_to_s)
    title = tag("title", f"{entry.number}: {item.class_.label}, {where}, score {number(item.score.peak)}{_by(item.camera)}")
    return tag("a", title, _whisker(entry, axis, y), shape, text, href=entry.link, class_=item.review_status)


def _point(x: float, y: float, kind: str) -> Html:
    if kind == "inventory":
        return tag("rect", x=x - 4.5, y=y - 4.5, width=9, height=9, class_="mark inventory")
    return tag("path", d=f"M{x:.1f} {y - MARKER - 0.5:.1f}l6 6l-6 6l-6-6z", class_=f"mark {kind}")


def _whisker(entry: Entry, axis: Axis, y: float) -> Html:
    span = span_of_uncertainty(entry.observation, by_distance=axis.by_distance)
    if span is None:
        return Html("")
    left, right = axis.x(span[0]), axis.x(span[1])
    return tag("path", d=f"M{left:.1f} {y:.1f}H{right:.1f}M{left:.1f} {y - 3:.1f}v6M{right:.1f} {y - 3:.1f}v6", class_="whisker")


def _pipe(coverage: Coverage, axis: Axis, top: float) -> Html:
    """The pipe over the range that was driven."""
    span = span_of_coverage(coverage, by_distance=axis.by_distance)
    if span is None:
        return Html("")
    left, right = axis.x(span[0]), axis.x(span[1])
    body = tag("rect", x=left, y=top, width=max(right - left, 1), height=PIPE_HEIGHT, class_="bore")
    walls = tag("path", d=f"M{left:.1f} {top:.1f}H{right:.1f}M{left:.1f} {top + PIPE_HEIGHT:.1f}H{right:.1f}", class_="wall")
    return join([body, walls, tag("text", "Inspected", x=6, y=top + PIPE_HEIGHT / 2 + 4, class_="lane-label")])


def _grid(axis: Axis, top: float, bottom: float) -> Html:
    """Ticks with labels under the pipe, and fine lines down the lanes."""
    parts = []
    for position in axis.ticks:
        x = axis.x(position)
        zero = " zero" if abs(position) < axis.step / 2 else ""
        parts.append(tag("path", d=f"M{x:.1f} {top + 24:.1f}V{bottom:.1f}", class_="grid" + zero))
        parts.append(tag("path", d=f"M{x:.1f} {top:.1f}v6", class_="tick"))
        parts.append(tag("text", axis.tick_text(position), x=x, y=top + 18, class_="tick-label"))
    name = "Chainage, m" if axis.by_distance else "Film time, min:s"
    return join([*parts, tag("text", name, x=6, y=top + 18, class_="lane-label")])


def _hatch() -> Html:
    line = tag("path", d="M0 0V7", class_="hatch-line")
    ground = tag("rect", width=7, height=7, class_="hatch-ground")
    pattern = tag("pattern", ground, line, id="hatch", width=7, height=7, patternUnits="userSpaceOnUse", patternTransform="rotate(45)")
    return tag("defs", pattern)


def _gap(index: int, gap: Gap, axis: Axis, top: float, bottom: float) -> Html:
    span = span_of_gap(gap, by_distance=axis.by_distance)
    if span is None:
        return Html("")
    open_ended = axis.by_distance and gap.to_m is None
    left = axis.x(span[0])
    width = max((axis.right if open_ended else axis.x(span[1])) - left, 3.0)
    title = tag("title", f"Gap: {GAP_SHORT[gap.reason]}{_by(gap.camera)}")
    shade = tag("rect", x=left, y=top + PIPE_HEIGHT, width=width, height=bottom - top - PIPE_HEIGHT, class_="gap-shade")
    bar = tag("rect", x=left, y=top, width=width, height=PIPE_HEIGHT, fill="url(#hatch)", class_="gap")
    return tag("a", title, shade, bar, href=f"#gap-{index}")


def _gap_tags(gaps: tuple[Gap, ...], axis: Axis) -> tuple[Html, float]:
    """The gaps' numbers and reasons above the pipe, and where the pipe begins below them."""
    found = [(span, i, gap) for i, gap in enumerate(gaps, 1) if (span := span_of_gap(gap, by_distance=axis.by_distance))]
    found.sort(key=lambda item: (item[0], item[1]))
    texts = [f"G{i} {GAP_SHORT[gap.reason]}" for _, i, gap in found]
    extents = []
    for (span, _, _), text in zip(found, texts, strict=True):
        width = TAG_CHAR * len(text)
        left = min(axis.x(span[0]), WIDTH - width)  # at the right end the text leans back over the pipe
        extents.append((left, left + width))
    rows = packed(extents, max_rows=MAX_TAG_ROWS, space=8)
    height = (max((place.row for place in rows if place.free), default=-1) + 1) * TAG_HEIGHT + 4
    drawn = [
        tag("text", text, x=left, y=height - 7 - place.row * TAG_HEIGHT, class_="gap-tag")
        for (left, _), text, place in zip(extents, texts, rows, strict=True)
        if place.free
    ]
    return join(drawn), height


def _by(camera: int | None) -> str:
    return "" if camera is None else f", camera {camera}"


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
