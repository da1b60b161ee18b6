"""A study as one HTML page that needs no other file and no network."""

import base64
from html import escape

from trainer.evaluate.page import STYLE
from trainer.study.report import Row, StudyReport, cells_of_row, columns, head, title

OWN_STYLE = (
    STYLE.replace("72rem", "96rem")
    + ".warning { font-weight: 600; } .published { background: #f3f0ea; } .failed { color: #a02020; } th { vertical-align: bottom; }"
    + "tr:not(.failed) td { white-space: nowrap; } td:nth-child(2), th:nth-child(2) { text-align: left; }"
)
NUM_PUBLISHED = 3  # columns at the right that are of Sewer-ML


def page_from_report(report: StudyReport, curve_png: bytes) -> str:
    """The page, the curve inside."""
    heading, (warning, *facts) = escape(title(report)), map(escape, head(report))
    source = f"data:image/png;base64,{base64.b64encode(curve_png).decode()}"
    caption = f"F2_CIW over the share of labels: left on {escape(report.data_name)}, right as published on Sewer-ML"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{heading}</title><style>{OWN_STYLE}</style></head><body>'
        f'<h1>{heading}</h1><p class="warning">{warning}</p>{"".join(f"<p>{fact}</p>" for fact in facts)}'
        f"<table>{_cells('th', columns(report))}{''.join(map(_row, report.rows))}</table>"
        f'<h2>Label efficiency</h2><figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>'
        "</body></html>\n"
    )


def _row(row: Row) -> str:
    cells = _cells("td", cells_of_row(row))
    return cells.replace("<tr>", '<tr class="failed">') if row.status == "failed" else cells


def _cells(tag: str, texts: tuple[str, ...]) -> str:
    first = len(texts) - NUM_PUBLISHED
    marks = ("" if place < first else ' class="published"' for place in range(len(texts)))
    return f"<tr>{''.join(f'<{tag}{mark}>{escape(text)}</{tag}>' for mark, text in zip(marks, texts, strict=True))}</tr>"
