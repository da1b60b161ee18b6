"""An evaluation as one HTML page that needs no other file and no network."""

import base64
from collections.abc import Mapping
from html import escape

from trainer.evaluate.report import FEW, EvaluationReport, Figure, calibration_line, facts, headline, percent, title

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #1c1c1c; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; } .few { color: #888; } img { max-width: 100%; margin: 1rem 0; } p { margin: .2rem 0; }
"""
CAPTIONS = {
    "f2": "F2 of each class with its 95 % interval",
    "precision_recall": "Precision over recall of each class",
    "reliability": "Reliability of the scores",
    "confusion": "Images with the row's class and without the column's: per cent said to have the column's; diagonal: recall",
}
COLUMNS = ("class", "n", "threshold", "P %", "R %", "F1 %", "F2 % (95 %)", "AP % (95 %)")


def page_from_report(report: EvaluationReport, plots: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        report: The figures.
        plots: PNG files by a name in `CAPTIONS`.
    """
    heading = escape(title(report))
    figures = "".join(f"<tr><td>{escape(name)}</td><td>{escape(percent(figure))}</td></tr>" for name, figure in headline(report))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{heading}</title><style>{STYLE}</style></head><body>'
        f"<h1>{heading}</h1>{_paragraphs(facts(report))}"
        f"<h2>Over all classes</h2><table>{figures}</table>{_paragraphs(tuple(map(calibration_line, report.calibration)))}"
        f"<h2>Per class</h2><table><tr>{''.join(f'<th>{escape(name)}</th>' for name in COLUMNS)}</tr>{_rows(report)}</table>"
        f'<p class="few">Grey: fewer than {FEW} positives, the figures say little.</p>'
        f"<h2>Plots</h2>{''.join(_image(name, plots[name]) for name in CAPTIONS if name in plots)}</body></html>\n"
    )


def _rows(report: EvaluationReport) -> str:
    rows = []
    for row in report.classes:
        shares = (f"{100 * value:.1f}" for value in (row.precision, row.recall, row.f1))
        cells = (row.code, row.num_positive, f"{row.threshold:.2f}", *shares, _cell(row.f2), _cell(row.ap))
        grey = ' class="few"' if row.num_positive < FEW else ""
        rows.append(f"<tr{grey}>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>")
    return "".join(rows)


def _cell(figure: Figure) -> str:
    return f"{100 * figure.value:.1f} ({100 * figure.low:.0f} - {100 * figure.high:.0f})"


def _image(name: str, png: bytes) -> str:
    caption = escape(CAPTIONS[name])
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    return f'<figure><img alt="{caption}" src="{source}"><figcaption>{caption}</figcaption></figure>'


def _paragraphs(lines: tuple[str, ...]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)
