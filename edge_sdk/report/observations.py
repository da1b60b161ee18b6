"""The table of observations: one row each, readable on paper and, as blocks, on a narrow screen."""

import math
from collections.abc import Callable

from edge_sdk.records import Inspection, Observation, ProposedCode, Score
from edge_sdk.report.entry import MAX_CARDS, Entry
from edge_sdk.report.figures import NOTHING, metre_range, number, time_range
from edge_sdk.report.markup import Html, join, tag
from edge_sdk.report.not_inspected import nothing_proposed
from edge_sdk.report.photos import link_to_file

NUM_FIRST = 5
Columns = dict[str, tuple[Callable[[Entry], Html | str], str | None]]  # by name: what stands in a row's cell, and its class in the page


def observations_section(inspection: Inspection, entries: tuple[Entry, ...]) -> Html:
    """Heading, what to review first, and the table; the sentence that nothing was proposed where there is none."""
    if not entries:
        return tag("section", tag("h2", "Observations"), nothing_proposed(inspection), id="observations")
    by_distance = inspection.basis == "distance"
    columns = _columns(by_distance=by_distance, by_camera=any(entry.observation.camera is not None for entry in entries))
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in ("No.", *columns))))
    rows = [_row(entry, columns) for entry in entries]
    table = tag("table", head, tag("tbody", *rows), class_="observations")
    return tag("section", tag("h2", "Observations"), _first(entries), table, _reading_help(), id="observations")


def position(item: Observation, *, by_distance: bool) -> Html:
    """Where an observation is, with what it may be off by and any flag on the chainage."""
    if not by_distance:
        return tag("span", time_range(item.time_s, item.time_to_s), class_="figure")
    if item.chainage_m is None:
        return join([tag("span", "unknown", class_="figure"), _small(f"at {time_range(item.time_s, item.time_to_s)} of the film")])
    lines = [tag("span", metre_range(item.chainage_m, item.chainage_to_m), class_="figure")]
    if item.chainage_uncertainty_m is not None:
        low, high = item.chainage_uncertainty_m
        lines.append(_small(f"{number(low, sign=True)} / {number(high, sign=True)} m"))
    if item.chainage_quality not in ("ok", "interpolated"):
        lines.append(tag("small", f"counter: {item.chainage_quality}", class_="flag"))
    return join(lines)


def class_name(item: Observation) -> Html:
    """The class in words, with its code and the coding system that the code belongs to."""
    code = tag("small", item.class_.coding_system, " ", tag("b", item.class_.code), class_="coded")
    return join([tag("span", item.class_.label, class_="label"), code])


def proposals(codes: tuple[ProposedCode, ...]) -> Html:
    """Proposed codes by coding system, with how near they are."""
    if not codes:
        return Html(NOTHING)
    parts = []
    for system in dict.fromkeys(code.coding_system for code in codes):
        of_system = [code for code in codes if code.coding_system == system]
        names = join((tag("b", code.code) for code in of_system), " or " if any(code.ambiguous for code in of_system) else ", ")
        how = ", ".join(dict.fromkeys(f"{code.confidence} confidence" for code in of_system))
        choose = "; a person must choose" if any(code.ambiguous for code in of_system) else ""
        parts.append(join([tag("span", names, class_="codes"), _small(system), _small(how + choose)]))
    return join(parts)


def score_bar(score: Score) -> Html:
    """The peak score as a bar, with a tick at the threshold."""
    peak, threshold = (_share(score.peak), _share(score.threshold))
    bar = tag(
        "svg",
        tag("rect", x=0, y=2, width=60, height=6, class_="bar-ground"),
        tag("rect", x=0, y=2, width=60 * peak, height=6, class_="bar"),
        tag("path", d=f"M{60 * threshold:.1f} 0v10", class_="bar-threshold"),
        viewBox="0 0 60 10", width=60, height=10, aria_hidden="true",
    )  # fmt: skip
    return join([tag("span", number(score.peak), class_="figure"), bar])


def _columns(*, by_distance: bool, by_camera: bool) -> Columns:
    camera: Columns = {"Camera": (lambda entry: NOTHING if entry.observation.camera is None else str(entry.observation.camera), "num")}
    return {
        "Chainage" if by_distance else "Film time": (lambda entry: position(entry.observation, by_distance=by_distance), "num"),
        **(camera if by_camera else {}),
        "Class": (lambda entry: class_name(entry.observation), None),
        "Kind": (_kind, "kind"),
        "Score": (lambda entry: score_bar(entry.observation.score), "num score"),
        "Priority": (lambda entry: number(entry.observation.review_priority), "num"),
        "Proposed codes": (lambda entry: proposals(entry.observation.proposed_codes), None),
        "Picture": (_picture, "thumb"),
    }


def _row(entry: Entry, columns: Columns) -> Html:
    first = tag("th", tag("a", str(entry.number), href=entry.link), scope="row", data_label="No.")
    rest = [tag("td", cell(entry), class_=kind, data_label=name) for name, (cell, kind) in columns.items()]
    return tag("tr", first, *rest, id=entry.row_id, class_=entry.observation.review_status)


def _kind(entry: Entry) -> Html:
    item = entry.observation
    review = tag("small", item.review_status, class_="review-status") if item.review_status != "proposed" else ""
    return join([item.kind, review])


def _picture(entry: Entry) -> Html:
    picture = entry.observation.picture
    if picture is None:
        return tag("small", "none kept")
    if entry.photos and entry.photos.thumbnail:
        image = tag("img", src=entry.photos.thumbnail, alt=f"Picture of observation {entry.number}", width=64)
        return tag("a", image, href=entry.link)
    if entry.carded:
        return tag("small", "not found")
    return tag("a", "open file", href=link_to_file(picture.path))


def _first(entries: tuple[Entry, ...]) -> Html:
    """Where a reviewer best begins."""
    waiting = [entry for entry in entries if entry.observation.review_status == "proposed"]
    if len(waiting) < 2:
        return Html("")
    ranked = sorted(waiting, key=lambda entry: -entry.observation.review_priority)[:NUM_FIRST]
    links = (tag("a", f"{entry.number} {entry.observation.class_.label}", href=entry.link) for entry in ranked)
    return tag("p", "Review first: ", join(links, ", "), ".", class_="first")


def _reading_help() -> Html:
    text = (
        "Score: the model's highest score in the observation's frames, 0 to 1; the tick on the bar is the class's threshold. "
        "Priority: class importance times score, an order for reviewing and no grade. "
        "Proposed codes: the nearest codes of another coding system, for a person to choose from."
    )
    return tag("p", text, class_="note")


def cards_note(entries: tuple[Entry, ...]) -> str:
    """The sentence that says which observations have no card; empty where all have one."""
    if len(entries) <= MAX_CARDS:
        return ""
    rest = number(len(entries) - MAX_CARDS, 0)
    return (
        f"Shown are the {MAX_CARDS} observations with the highest review priority, in the order of the table. The other {rest} are "
        "in the table only; their pictures are in the folder beside this page."
    )


def _share(value: float) -> float:
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else 0.0


def _small(text: str) -> Html:
    return tag("small", text)
