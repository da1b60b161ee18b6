"""Sections to Markdown and to one page that needs no other file and no network."""

from collections.abc import Sequence
from importlib.resources import files

from benchmarks.report.section import Section, Table
from edge_sdk.report.html import POLICY, STYLE
from edge_sdk.report.markup import Html, join, tag

OWN_STYLE = """
svg.pipe { margin: 10px 0 2px; } .figures { width: auto; min-width: 50%; margin: 6px 0 14px; }
.figures th, .figures td { padding: 4px 14px 4px 0; } .figures td:not(:first-child) { white-space: nowrap; text-align: right; }
.figures thead th:not(:first-child) { text-align: right; } .figures thead th:first-child { white-space: normal; }
.figures.words td:not(:first-child), .figures.words thead th { white-space: normal; text-align: left; }
.figures td:first-child, .figures th:first-child { min-width: 10.5em; overflow-wrap: break-word; }
.figures.words td:not(:first-child) { min-width: 11em; overflow-wrap: break-word; }
.chart { overflow-x: auto; } .chart svg.pipe { min-width: 640px; }
@media print {
  .scroll, .chart { overflow: visible; } .chart svg.pipe { min-width: 0; } figure { break-inside: avoid; }
  .figures { font-size: 8pt; } .figures th, .figures td { padding: 3px 8px 3px 0; }
}
h2.machine { margin-top: 44px; font-size: 1.45rem; border-top: 2px solid var(--faint); padding-top: 18px; }
"""
WIDE = 40  # a cell longer than this holds words, not figures


def markdown_from(title: str, sections: Sequence[Section]) -> str:
    """The report as Markdown, without the drawings: their figures are in the tables."""
    lines = [f"# {title}"]
    for section in sections:
        lines += ["", f"{'#' * section.level} {section.title}"]
        lines += [line for note in section.notes for line in ("", note)]
        for table in section.tables:
            lines += ["", _row(table.heads), _row(("---",) * len(table.heads)), *map(_row, table.rows)]
    return "\n".join(lines) + "\n"


def page_from(title: str, sections: Sequence[Section]) -> str:
    """The report as a page."""
    style = Html(files("edge_sdk.report").joinpath(STYLE).read_text(encoding="utf-8") + OWN_STYLE)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        tag("style", style),
    )
    body = tag("body", tag("main", tag("p", "sewer-edge benchmarks", class_="eyebrow"), tag("h1", title), *map(_section, sections)))
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en-GB')}\n"


def _section(section: Section) -> Html:
    heading = tag("h2", section.title, class_="machine" if section.level == 1 else None)
    notes = join(tag("p", note, class_="note") for note in section.notes)
    drawings = join(tag("figure", tag("div", drawing, class_="chart"), tag("figcaption", caption)) for caption, drawing in section.drawings)
    return tag("section", heading, notes, drawings, *map(_table, section.tables))


def _table(table: Table) -> Html:
    words = any(len(cell) > WIDE for row in table.rows for cell in row[1:])
    head = tag("thead", tag("tr", *(tag("th", head, scope="col") for head in table.heads)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in table.rows))
    return tag("div", tag("table", head, body, class_="figures words" if words else "figures"), class_="scroll", tabindex="0")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
