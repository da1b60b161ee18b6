"""Cards: an observation's picture beside the same with heat and boxes, its figures, and room for a reviewer's decision on paper."""

from edge_sdk.records import Inspection, Observation, Picture
from edge_sdk.report.entry import Entry
from edge_sdk.report.figures import number, time_range
from edge_sdk.report.markup import Html, join, own_words, tag
from edge_sdk.report.observations import cards_note, position, proposals, score_bar
from edge_sdk.report.photos import link_to_file

ASSESSED = {
    "clock_from": "Clock from",
    "clock_to": "Clock to",
    "quantification_1": "Quantification 1",
    "quantification_2": "Quantification 2",
    "characterisation_1": "Characterisation 1",
    "characterisation_2": "Characterisation 2",
    "at_joint": "At a joint",
    "severity": "Severity",
}


def cards_section(inspection: Inspection, entries: tuple[Entry, ...]) -> Html:
    """All cards; nothing where there is no observation."""
    if not entries:
        return Html("")
    by_distance = inspection.basis == "distance"
    note = cards_note(entries)
    explain = (
        "Left the frame as it came, right the same with the region that speaks for the class: the warmer, the more. A box marks a region "
        "of the picture, not the outline of a defect and not a clock position."
    )
    cards = [_card(entry, by_distance=by_distance) for entry in entries if entry.carded]
    notes = [tag("p", text, class_="note") for text in (note, explain) if text]
    return tag("section", tag("h2", "Pictures"), *notes, *cards, id="pictures", class_="cards")


def _card(entry: Entry, *, by_distance: bool) -> Html:
    item = entry.observation
    title = tag("h3", tag("a", str(entry.number), href=entry.row_link, class_="badge"), item.class_.label)
    code = tag("p", item.class_.coding_system, " ", tag("b", item.class_.code), class_="coded")
    head = tag("div", title, code, class_="card-head")
    return tag("article", head, _pictures(entry), _facts(item, by_distance=by_distance), _decision(item), id=entry.card_id, class_="card")


def _pictures(entry: Entry) -> Html:
    picture, photos = entry.observation.picture, entry.photos
    if picture is None:
        return tag("p", "No picture was kept for this observation.", class_="placeholder")
    frame_uri, heat_uri = (photos.frame, photos.heat) if photos else (None, None)
    plain = _figure(frame_uri, picture.path, f"Observation {entry.number}", f"Frame, SHA-256 {picture.sha256[:16]}")
    heat = _figure(heat_uri, picture.heatmap_path, f"Observation {entry.number} with heat and boxes", _boxes(picture))
    return tag("div", plain, heat, class_="pair")


def _figure(uri: str | None, path: str, alt: str, caption: str) -> Html:
    if uri is None:
        shown = own_words(f"Picture not found: {path}", "p", class_="placeholder")
    else:
        shown = tag("a", tag("img", src=uri, alt=alt), href=link_to_file(path))
    return tag("figure", shown, tag("figcaption", caption, " · ", own_words(path, class_="path")))


def _boxes(picture: Picture) -> str:
    num = len(picture.boxes)
    return f"Heat and {'no box' if not num else 'one box' if num == 1 else f'{num} boxes'}"


def _facts(item: Observation, *, by_distance: bool) -> Html:
    rows: list[tuple[str, Html | str]] = [
        ("Chainage" if by_distance else "Film time", position(item, by_distance=by_distance)),
        *([] if item.camera is None else [("Camera", str(item.camera))]),
        ("Kind", item.kind),
        ("Score", join([score_bar(item.score), tag("small", f"threshold {number(item.score.threshold)}")])),
        ("Priority", number(item.review_priority)),
        ("Proposed", proposals(item.proposed_codes)),
        ("Film", join([time_range(item.time_s, item.time_to_s), _frames(item)])),
    ]
    rows += [(name, str(value)) for field, name in ASSESSED.items() if (value := getattr(item, field)) is not None]
    facts = [tag("div", tag("dt", name), tag("dd", value)) for name, value in rows]
    if item.remark:
        facts.append(tag("div", tag("dt", "Remark"), own_words(item.remark, "dd", class_="remark"), class_="wide"))
    return tag("dl", *facts, class_="card-facts")


def _frames(item: Observation) -> Html:
    frame = f"frame {number(item.frame_index, 0)}" + (f" ({item.frame_name})" if item.frame_name else "")
    return own_words(f"{frame}; {number(item.score.frames_positive, 0)} positive", "small")


def _decision(item: Observation) -> Html:
    """Boxes to tick by hand; what has been decided already stands ticked."""
    choices = (("accepted", "accept"), ("edited", "edit"), ("rejected", "reject"))
    boxes = [tag("span", "☒ " if item.review_status == status else "☐ ", word) for status, word in choices]
    lines = (tag("span", "Code", class_="line"), tag("span", "Remark", class_="line long"))
    return tag("p", tag("span", "Review", class_="term"), *boxes, *lines, class_="decision")
