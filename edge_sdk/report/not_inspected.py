"""What was not inspected: without it an empty table would read as a sound pipe."""

from edge_sdk.records import Gap, Inspection
from edge_sdk.report.figures import NOTHING, count, metre_range, metres, number, time_range
from edge_sdk.report.markup import Html, join, tag
from edge_sdk.report.wording import GAP_LONG, UNPROVEN

MAX_ROWS = 500
LEFT_OUT = {"superseded", "stopped"}  # of a live camera: no gap as long as looks come often enough


def not_inspected_section(inspection: Inspection) -> Html:
    """The gaps with their reasons, or the sentence that there are none."""
    gaps = inspection.coverage.gaps
    if not gaps:
        body: Html = tag("p", _no_gaps(inspection), " What the camera did not see, no one can tell from its film.")
    else:
        head = tag("tr", *(tag("th", name, scope="col") for name in ("Gap", "Why", "Chainage", "Film time", "Frames")))
        rows = [_row(i, gap) for i, gap in enumerate(gaps[:MAX_ROWS], 1)]
        more = f"The other {number(len(gaps) - MAX_ROWS, 0)} gaps are in report.json." if len(gaps) > MAX_ROWS else ""
        table = tag("table", tag("thead", head), tag("tbody", *rows), class_="plain")
        body = join([tag("div", table, class_="scroll"), tag("p", more, class_="note") if more else ""])
    return tag("section", tag("h2", "What was not inspected"), body, id="not-inspected")


def not_inspected_in_short(inspection: Inspection) -> tuple[str, str]:
    """The number of gaps, and what they come to."""
    gaps = inspection.coverage.gaps
    if not gaps:
        dropped = inspection.accounting.received - inspection.accounting.processed
        return "no gaps", "every frame was inspected" if not dropped else f"but dropped: {count(dropped, 'frame')}"
    frames = count(sum(gap.frames for gap in gaps), "frame")
    length_m = _length_m(gaps)
    at_least = "at least " if any(gap.from_m is None or gap.to_m is None for gap in gaps) else ""
    detail = f"{at_least}{metres(length_m)}, {frames}" if length_m else frames
    return count(len(gaps), "stretch") if len(gaps) == 1 else f"{number(len(gaps), 0)} stretches", detail


def nothing_proposed(inspection: Inspection) -> Html:
    """What stands in place of the table when there is no observation."""
    gaps, where = not_inspected_in_short(inspection)
    unseen = f" Gaps: {gaps} ({where})." if inspection.coverage.gaps else " No gap was recorded in what was inspected."
    if inspection.status != "complete":
        unseen += f" The inspection is {inspection.status}."
    link = tag("a", "What was not inspected", href="#not-inspected")
    return tag("p", tag("strong", "No observation was proposed."), " ", UNPROVEN, unseen, " See: ", link, ".", class_="nothing")


def _no_gaps(inspection: Inspection) -> str:
    dropped = inspection.accounting.received - inspection.accounting.processed
    if dropped and set(inspection.accounting.dropped) <= LEFT_OUT:
        return f"No gaps: {count(dropped, 'frame')} gave way to newer ones, and enough were looked at all along."
    if dropped:
        return f"No stretch was recorded as a gap, but frames were dropped ({number(dropped, 0)}): see the account of frames."
    return "No gaps: every received frame was inspected" + (" and has a chainage." if inspection.basis == "distance" else ".")


def _row(index: int, gap: Gap) -> Html:
    name = tag("th", f"G{index}", scope="row")
    where = "beyond " + metres(gap.from_m) if gap.from_m is not None and gap.to_m is None else metre_range(gap.from_m, gap.to_m)
    if gap.from_m is None and gap.to_m is not None:
        where = "up to " + metres(gap.to_m)
    cells = [
        tag("td", GAP_LONG[gap.reason] + ("" if gap.camera is None else f" (Camera {gap.camera}.)")),
        tag("td", "unknown" if where == NOTHING else where, class_="num"),
        tag("td", time_range(gap.from_s, gap.to_s), class_="num"),
        tag("td", number(gap.frames, 0), class_="num"),
    ]
    return tag("tr", name, *cells, id=f"gap-{index}")


def _length_m(gaps: tuple[Gap, ...]) -> float:
    """Metres of pipe within gaps whose ends are both known, each metre once."""
    spans = sorted(sorted((gap.from_m, gap.to_m)) for gap in gaps if gap.from_m is not None and gap.to_m is not None)
    total = 0.0
    reached = -float("inf")
    for low, high in spans:
        total += max(0.0, high - max(low, reached))
        reached = max(reached, high)
    return total
