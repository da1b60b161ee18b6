"""What the reader must not take from the report: fields nobody assessed, and how exact a chainage is."""

from collections import Counter

from edge_sdk.records import NOT_ASSESSED as NEVER_ASSESSED
from edge_sdk.records import Inspection
from edge_sdk.report.figures import number
from edge_sdk.report.markup import Html, join, tag
from edge_sdk.report.wording import NOT_ASSESSED, QUALITY, UNPROVEN


def not_assessed_section(inspection: Inspection) -> Html:
    """Each field that stays empty, and why."""
    named = dict.fromkeys(name for item in inspection.observations for name in item.not_assessed) or dict.fromkeys(NEVER_ASSESSED)
    rows = []
    for name in named:
        title, why = NOT_ASSESSED.get(name, (name, "Left to a person."))
        rows.append(join([tag("dt", title), tag("dd", why)]))
    intro = "These fields are empty in every file of this report; an empty field is never a finding of zero."
    classes = tag("p", UNPROVEN, " Water level and vermin, for instance, are not among them.")
    return tag("section", tag("h2", "What was not assessed"), tag("p", intro), tag("dl", *rows, class_="terms"), classes, id="not-assessed")


def chainage_section(inspection: Inspection) -> Html:
    """How to read positions, and how often each quality flag occurs."""
    if inspection.basis == "time":
        text = (
            "There was no odometer. Observations are placed by film time, from first to last sight; how far the robot drove is not known, "
            "and a stop counts as length."
        )
        return tag("section", tag("h2", "Positions"), tag("p", text), id="chainage")
    counted = Counter(item.chainage_quality for item in inspection.observations)
    rows = [
        tag("tr", tag("th", name, scope="row"), tag("td", meaning), tag("td", number(counted[name], 0), class_="num"))  # type: ignore[index]
        for name, meaning in QUALITY.items()
    ]
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in ("Flag", "Meaning", "Observations"))))
    table = tag("div", tag("table", head, tag("tbody", *rows), class_="plain"), class_="scroll")
    return tag("section", tag("h2", "Chainage and its uncertainty"), *map(_paragraph, _EXPLAINED), table, id="chainage")


_EXPLAINED = (
    "Chainage is the counter's reading, believed as it stands: where it is preset below zero, jumps or is reset, chainage does the same.",
    "A frame shows pipe ahead of the camera, so that a positive frame does not say where exactly a thing lies. The figures under a "
    "chainage (−0.30 / +1.00 m, say) are what it may be off by; in the diagram they are the thin line.",
    "A continuous observation runs from the first to the second chainage. The flag says how the chainage of its strongest frame is known:",
)


def _paragraph(text: str) -> Html:
    return tag("p", text)
