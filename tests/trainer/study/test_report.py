import csv
import io
import re
from pathlib import Path

import msgspec
import pytest

from trainer.data.provenance import Provenance
from trainer.evaluate.report import Figure
from trainer.study.curve import curve_plot
from trainer.study.folder import CellResult, StudyRecord
from trainer.study.page import page_from_report
from trainer.study.report import StudyReport, cells_of_row, columns, csv_from_report, head, markdown_from_report, report_of, title
from trainer.study.run import CellOutcome, Study
from trainer.study.scale import scale_named
from trainer.study.table2 import cells_of
from trainer.study.workload import seconds_left

HOSTILE = "odd | <b>$et</b>"

# F2_CIW and F1_Normal of the paper's Table 2, in its own order
TABLE_2 = {
    "vit-tiny": {
        "hybrid": (37.95, 80.96), "linear": (25.84, 57.04),
        "dino-10": (28.58, 82.14), "random-10": (32.65, 82.29),
        "dino-50": (52.78, 88.32), "random-50": (50.15, 87.60),
        "dino-100": (58.18, 89.76), "random-100": (58.94, 89.68),
    },
    "vit-small": {
        "hybrid": (43.48, 86.54), "linear": (30.87, 62.65),
        "dino-10": (50.05, 87.45), "random-10": (36.44, 83.48),
        "dino-50": (57.17, 90.18), "random-50": (56.23, 88.60),
        "dino-100": (60.39, 90.13), "random-100": (58.81, 89.95),
    },
}  # fmt: skip
RANKME = {"vit-tiny-dino": 74.37, "vit-tiny-hybrid": 26.71, "vit-small-dino": 50.56, "vit-small-hybrid": 26.87}


def result(f2_ciw: float | None) -> CellResult:
    figure = None if f2_ciw is None else Figure(f2_ciw, f2_ciw - 0.01, f2_ciw + 0.01)
    return CellResult(
        settings={}, digest="d", model_sha256="m", weights_sha256=None, num_train=1234, epochs=3, seconds=60.0, f2_ciw=figure,
        f1_normal=figure, mean_ap=figure, rankme=11.11 if f2_ciw is None else None,
    )  # fmt: skip


def report(name: str = "rendered-v9", kind: str = "rendered", *, scale: str = "small", split: str = "Test") -> StudyReport:
    """Every cell done, ours with 12.34 %."""
    data = msgspec.convert(
        {"name": name, "kind": kind, "licence": "none", "label_rule": {"look_ahead_m": 1.0, "look_behind_m": 0.3}}, Provenance
    )
    record = StudyRecord(
        table="table2", scale=scale, data=data, digest="d", split=split, num_train=40_000, num_val=10, num_measured=20,  # type: ignore[arg-type]
    )  # fmt: skip
    study = Study(Path("out"), Path("data"), record, scale_named(scale), 2, {})
    cells = cells_of(study.scale)
    return report_of(study, [CellOutcome(cell, result(None if cell.task == "dino" else 0.1234)) for cell in cells])


def test_published_figures_stand_in_their_rows() -> None:
    rows = {row["cell"]: row for row in csv.DictReader(io.StringIO(csv_from_report(report(scale="full"))))}

    shown = {
        backbone: {
            key: (
                float(rows[f"{backbone}-{key}"]["sewer_ml_published_f2_ciw"]),
                float(rows[f"{backbone}-{key}"]["sewer_ml_published_f1_normal"]),
            )
            for key in cells
        }
        for backbone, cells in TABLE_2.items()
    }
    assert shown == TABLE_2
    assert {cell: float(row["sewer_ml_published_rankme"]) for cell, row in rows.items() if row["sewer_ml_published_rankme"]} == RANKME
    assert len(rows) == 18


def test_our_figures_never_stand_under_a_published_heading_nor_theirs_under_ours() -> None:
    whole = report()
    headings = columns(whole)
    ours, published = (
        [place for place, heading in enumerate(headings) if start in heading] for start in ("rendered-v9", "published on Sewer-ML")
    )

    assert (len(ours), len(published), len(headings)) == (7, 3, 13)
    assert not any("Sewer-ML" in headings[place] for place in ours)
    for row in whole.rows:
        texts = cells_of_row(row)
        assert len(texts) == len(headings)
        assert not any("12.34" in texts[place] or "11.11" in texts[place] for place in published)
        theirs = [figure for figure in msgspec.structs.astuple(row.published_on_sewer_ml) if figure is not None]
        assert not any(f"{figure:.2f}" in texts[place] for figure in theirs for place in ours)


@pytest.mark.parametrize("kind", ["rendered", "other"])
def test_head_says_that_the_columns_are_of_different_images(kind: str) -> None:
    whole = report(kind=kind)

    for text in (markdown_from_report(whole), page_from_report(whole, b"")):
        before_table = re.split(r"<table>|\n\| ", text)[0]
        assert "these are not Sewer-ML figures" in before_table
        assert "not to be compared as results" in before_table
        assert "40,000 training images" in before_table
        assert "1 of 2 training images" in before_table


def test_head_says_so_where_both_are_of_sewer_ml() -> None:
    full, small = report("Sewer-ML", "sewer-ml", scale="full"), report("Sewer-ML", "sewer-ml", scale="small")

    assert title(full) == "table2 on Sewer-ML (Sewer-ML)"
    assert head(full)[0].startswith("Both columns are of Sewer-ML")
    assert "no reproduction" in head(small)[0]


def test_figures_on_val_are_marked() -> None:
    assert "flatters" in head(report(split="Val"))[1]
    assert "flatters" not in head(report(split="Test"))[1]


def test_page_is_whole_and_takes_any_name() -> None:
    whole = report(HOSTILE)

    page = page_from_report(whole, curve_plot(whole))

    assert "<b>$et" not in page
    assert "odd | &lt;b&gt;$et&lt;/b&gt;" in page
    assert "data:image/png;base64,iVBOR" in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)
    table_lines = [line for line in markdown_from_report(whole).splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in table_lines} == {14}


def test_time_left_follows_the_work_that_is_left() -> None:
    assert seconds_left([], 10.0) is None
    assert seconds_left([(5.0, 10.0)], 20.0) == pytest.approx(40.0)
    assert seconds_left([(5.0, 10.0), (5.0, 20.0)], 10.0) == pytest.approx(10.0 * (5.0 + 20.0) / (2.5 + 5.0))
