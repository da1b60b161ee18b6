"""The top of the page: whose report this is, what state it is in, and what everyone must know before reading on."""

from edge_sdk.records import Inspection
from edge_sdk.report.figures import NOTHING, count, film_time, metre_range, metres, number, utc_time
from edge_sdk.report.markup import Html, join, own_words, tag
from edge_sdk.report.not_inspected import not_inspected_in_short
from edge_sdk.report.wording import AI_PROPOSAL, DROPPED

STATUS = {
    "complete": ("✓", "Complete", "Every frame of the source was inspected."),
    "incomplete": ("!", "Incomplete", "Part of the source was not inspected."),
    "interrupted": ("!", "Interrupted", "The run was stopped before the end of the source."),
    "recovered": ("!", "Recovered", "The run broke off (power loss or kill); this is what its journal holds."),
}
LIVE_INTERRUPTED = "The run was stopped while its cameras were live, and nobody had said that the inspection was over."


def page_header(inspection: Inspection) -> Html:
    """Title, status and banners."""
    created = utc_time(inspection.created_utc)
    eyebrow = tag("p", "Sewer inspection report", class_="eyebrow")
    title = own_words(inspection.source.name, "h1")
    facts = tag("p", f"Inspected {created}", tag("span", " · run ", tag("code", inspection.run_id)), class_="facts")
    return tag("header", tag("div", tag("div", eyebrow, title, facts), _status_badge(inspection), class_="masthead"), _banners(inspection))


def review_state(inspection: Inspection) -> str:
    """How far a person has come: the proposal banner's text, or that everything is reviewed."""
    waiting = sum(item.review_status == "proposed" for item in inspection.observations)
    if waiting == len(inspection.observations):
        return AI_PROPOSAL
    if waiting:
        return f"{AI_PROPOSAL}: {waiting} of {len(inspection.observations)} observations wait for a person"
    return "Reviewed: a person has decided on every observation"


def summary(inspection: Inspection) -> Html:
    """The run in a few figures."""
    coverage, counts = inspection.coverage, inspection.accounting
    continuous = sum(item.kind == "continuous" for item in inspection.observations)
    num = len(inspection.observations)
    kinds = f"{number(num - continuous, 0)} at a point, {number(continuous, 0)} continuous" if num else "none proposed"
    dropped = [f"{number(num, 0)} {DROPPED.get(reason, reason)}" for reason, num in counts.dropped.items() if num]
    gaps, where = not_inspected_in_short(inspection)
    counter = f"counter {metre_range(coverage.from_m, coverage.to_m)}" if coverage.from_m is not None else "no odometer"
    return tag(
        "dl",
        _tile("Observations", number(num, 0), kinds),
        _tile("Travelled", metres(coverage.travelled_m), counter),
        _tile("Film", film_time(coverage.duration_s), "minutes : seconds"),
        _tile("Frames", number(counts.received, 0), f"{number(counts.processed, 0)} inspected; " + (", ".join(dropped) or "none dropped")),
        _tile("Gaps", gaps, where, warn=bool(coverage.gaps)),
        class_="tiles",
    )


def _tile(name: str, value: str, detail: str, *, warn: bool = False) -> Html:
    return tag("div", tag("dt", name), tag("dd", value, class_="big"), tag("dd", detail), class_="tile warn" if warn else "tile")


def _status_badge(inspection: Inspection) -> Html:
    sign, word, _ = STATUS[inspection.status]
    return tag("p", tag("span", sign, class_="sign", aria_hidden="true"), word, class_=f"status {inspection.status}")


def _banners(inspection: Inspection) -> Html:
    banners = []
    if inspection.status != "complete":
        _, word, sentence = STATUS[inspection.status]
        is_live = inspection.source.kind == "live"  # which has no end of its own
        sentence = LIVE_INTERRUPTED if is_live and inspection.status == "interrupted" else sentence
        banners.append(_banner("alarm", f"{word}. {sentence}", *inspection.status_reasons))
    reviewed = all(item.review_status != "proposed" for item in inspection.observations) and inspection.observations
    advice = "" if reviewed else "Each entry is a suggestion by a neural network until a qualified person accepts, edits or rejects it."
    banners.append(_banner("calm" if reviewed else "caution", review_state(inspection), advice))
    if inspection.model.data_kind == "rendered":
        text = "The model has learnt from computer-made pictures only. How well it works on real film is not known."
        banners.append(_banner("caution", "Trained on rendered images", text))
    if inspection.notices:
        banners.append(_banner("calm", "Notes on this run" if len(inspection.notices) > 1 else "Note on this run", *inspection.notices))
    return join(banners)


def _banner(kind: str, heading: str, *lines: str) -> Html:
    shown = [line for line in lines if line]
    body = tag("ul", *(tag("li", line) for line in shown)) if len(shown) > 1 else tag("p", *shown) if shown else Html("")
    return tag("div", tag("strong", heading), body, class_=f"banner {kind}")


def facts_of_source(inspection: Inspection) -> Html:
    """What was looked at and where chainage came from, as terms and values."""
    source, odometer = inspection.source, inspection.odometer
    announced = NOTHING if source.announced_frames is None else number(source.announced_frames, 0)
    read_by = f", read by {source.decoder}" if source.decoder else ""
    picture = f"{source.width} × {source.height} pixels, {number(source.fps)} frames per second{read_by}"
    if odometer is None:
        counter: str = "none; observations are placed by film time"
    else:
        counter = f"{odometer.name}: {count(odometer.samples, 'reading')} by {odometer.key} in {odometer.unit}, "
        counter += f"{count(odometer.jumps, 'jump')}, {count(odometer.resets, 'reset')}"
    rows = [("Source", f"{source.name} ({source.kind})"), ("Picture", picture), ("Announced frames", announced), ("Odometer", counter)]
    return join(join([tag("dt", name), own_words(value, "dd")]) for name, value in rows)
