"""The key to the pipe diagram, and what the diagram cannot show."""

from edge_sdk.records import Inspection
from edge_sdk.report.axis import span_of_observation
from edge_sdk.report.entry import Entry
from edge_sdk.report.markup import Html, join, tag


def diagram_legend(inspection: Inspection) -> Html:
    """The key, in the order things appear."""
    by_distance = inspection.basis == "distance"
    rows = [
        (_sign(tag("path", d="M14 2l6 6l-6 6l-6-6z", class_="mark defect")), "damage or deposit, at a point"),
        (_sign(tag("rect", x=9.5, y=3.5, width=9, height=9, class_="mark inventory")), "connection or transition, at a point"),
        (_sign(tag("rect", x=2, y=3.5, width=24, height=9, rx=2, class_="mark defect")), "continuous, over its length"),
        (_sign(tag("path", d="M3 8H25M3 5v6M25 5v6", class_="whisker")), "where it may lie"),
        (_sign(tag("rect", x=2, y=2, width=24, height=12, fill="url(#hatch)", class_="gap")), "gap: not inspected, or not placed"),
    ]
    shown = [row for i, row in enumerate(rows) if by_distance or i != 3] if inspection.observations else rows[-1:]
    return tag("ul", *(tag("li", sign, text) for sign, text in shown), class_="legend")


def diagram_notes(inspection: Inspection, entries: tuple[Entry, ...]) -> Html:
    """The basis of the axis, and what has no place on it."""
    by_distance = inspection.basis == "distance"
    notes: list[str] = []
    if not by_distance:
        notes.append("There was no odometer: the axis is film time, not distance. Where the robot stood still, the axis runs on.")
    elif (inspection.coverage.from_m or 0) < 0:
        notes.append("The counter starts below zero; its zero is the heavier line.")
    homeless = [entry for entry in entries if span_of_observation(entry.observation, by_distance=by_distance) is None]
    if homeless:
        links = join((tag("a", str(entry.number), href=entry.link) for entry in homeless[:40]), ", ")
        more = f" and {len(homeless) - 40} more" if len(homeless) > 40 else ""
        notes.append(join(["Without chainage, and therefore not in the diagram: ", links, more, "."]))
    gaps = [f"G{i}" for i, gap in enumerate(inspection.coverage.gaps, 1) if by_distance and gap.from_m is None and gap.to_m is None]
    if gaps:
        notes.append(f"Gaps at an unknown chainage: {', '.join(gaps[:40])}{' and more' if len(gaps) > 40 else ''}.")
    return join(tag("p", note, class_="note") for note in notes)


def _sign(shape: Html) -> Html:
    return tag("svg", shape, viewBox="0 0 28 16", width=28, height=16, aria_hidden="true")
