"""The report as one page: style, drawing and pictures inside it, no script, nothing fetched from anywhere."""

from importlib.resources import files
from pathlib import Path

from edge_sdk.records import Inspection
from edge_sdk.report.cards import cards_section
from edge_sdk.report.diagram import pipe_diagram
from edge_sdk.report.entry import Entry, entries_from_inspection
from edge_sdk.report.header import page_header, review_state, summary
from edge_sdk.report.identity import accounting_section, identity_section, sign_off, thresholds_section
from edge_sdk.report.legend import diagram_legend, diagram_notes
from edge_sdk.report.limits import chainage_section, not_assessed_section
from edge_sdk.report.markup import Html, own_words, tag
from edge_sdk.report.not_inspected import not_inspected_section
from edge_sdk.report.observations import observations_section

STYLE = "page.css"
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser itself refuses to fetch or run anything


def html_from_inspection(inspection: Inspection, folder: Path) -> str:
    """The whole page.

    Args:
        inspection: The record.
        folder: Where the pictures' paths begin; a missing picture leaves a placeholder.
    """
    entries = entries_from_inspection(inspection, folder)
    page = tag("html", _head(inspection), tag("body", tag("main", *_sections(inspection, entries)), _footer(inspection)), lang="en-GB")
    return f"<!DOCTYPE html>\n{page}\n"


def _sections(inspection: Inspection, entries: tuple[Entry, ...]) -> list[Html]:
    return [
        page_header(inspection),
        tag("section", tag("h2", "At a glance"), summary(inspection), id="summary"),
        _diagram_section(inspection, entries),
        observations_section(inspection, entries),
        not_inspected_section(inspection),
        cards_section(inspection, entries),
        not_assessed_section(inspection),
        chainage_section(inspection),
        identity_section(inspection),
        thresholds_section(inspection),
        accounting_section(inspection),
        sign_off(),
    ]


def _diagram_section(inspection: Inspection, entries: tuple[Entry, ...]) -> Html:
    drawing = tag("div", pipe_diagram(inspection, entries), class_="scroll", tabindex="0")
    notes = diagram_notes(inspection, entries)
    heading = "Along the pipe" if inspection.basis == "distance" else "Along the film"
    return tag("section", tag("h2", heading), drawing, diagram_legend(inspection), notes, id="diagram")


def _head(inspection: Inspection) -> Html:
    style = files(__package__).joinpath(STYLE).read_text(encoding="utf-8")
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{inspection.source.name}: inspection report"),
        tag("style", Html(style)),
    )


def _footer(inspection: Inspection) -> Html:
    rendered = " · trained on rendered images" if inspection.model.data_kind == "rendered" else ""
    model = f"{inspection.model.bundle} {inspection.model.version}"
    text = f"{review_state(inspection)}{rendered} · {model} · run {inspection.run_id}"
    return tag("footer", own_words(f"{inspection.source.name} · {text}", "p"))
