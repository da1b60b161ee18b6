"""What a study came to, as one typed record; and as Markdown and CSV.

Two kinds of figures, never in one column: ours, under the name of the data they were measured on, and those published on Sewer-ML.
"""

import csv
import io
from collections.abc import Sequence
from typing import Literal

import msgspec

from trainer.evaluate.report import KINDS, Figure
from trainer.study.folder import CellResult
from trainer.study.published import SOURCE, Published, published_for
from trainer.study.run import CellOutcome, Study
from trainer.study.table2 import Cell

PUBLISHED_ON = "published on Sewer-ML"
NONE = "–"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One cell; `reason` says why it failed. `measured` is of the report's data set, `published_on_sewer_ml` is of Sewer-ML."""

    cell: str
    backbone: str
    title: str
    from_dino: bool
    percent: int | None  # of the labels; None: it reads none
    status: Literal["done", "failed", "to come"]
    reason: str | None
    measured: CellResult | None
    published_on_sewer_ml: Published


class StudyReport(msgspec.Struct, frozen=True, kw_only=True):
    """The head of the table and its rows; `settings` are lines for a reader."""

    table: str
    data_name: str
    data_kind: Literal["rendered", "sewer-ml", "other"]
    data_licence: str
    data_digest: str
    num_train: int
    split: str
    num_measured: int
    scale: str
    settings: tuple[str, ...]
    published: str
    rows: tuple[Row, ...]


def report_of(study: Study, outcomes: Sequence[CellOutcome]) -> StudyReport:
    """Join outcomes and published figures."""
    record = study.record
    return StudyReport(
        table=record.table,
        data_name=record.data.name,
        data_kind=record.data.kind,
        data_licence=record.data.licence,
        data_digest=record.digest,
        num_train=record.num_train,
        split=record.split,
        num_measured=record.num_measured,
        scale=record.scale,
        settings=_settings(study, [outcome.cell for outcome in outcomes]),
        published=SOURCE,
        rows=tuple(map(_row, outcomes)),
    )


def title(report: StudyReport) -> str:
    """The data set, and what it is not."""
    return f"{report.table} on {report.data_name} ({KINDS[report.data_kind]})"


def head(report: StudyReport) -> tuple[str, ...]:
    """What must be read before the figures."""
    measured = f"measured on {report.split} ({report.num_measured:,} images) at threshold 0.5 (mAP: none), best checkpoint by F2_CIW on Val"
    chosen = "; the checkpoint was chosen on Val too, which flatters the figures" if report.split == "Val" else ""
    return (
        _warning(report),
        f"Ours: {report.data_name}, {report.num_train:,} training images, {measured}{chosen}. Intervals: 95 %, by image.",
        *report.settings,
        f"Published: {report.published}.",
    )


def columns(report: StudyReport) -> tuple[str, ...]:
    """Headings; the data set's name stands in each of ours."""
    ours, published = f"ours on {report.data_name}", PUBLISHED_ON
    names = ("F2_CIW % (95 %)", "F1_Normal % (95 %)", "mAP % (95 %)", "RankMe", "training images", "epochs", "minutes")
    return (
        *("backbone", "step", "labels"),
        *(f"{ours}: {name}" for name in names),
        *(f"{published}: {name}" for name in ("F2_CIW %", "F1_Normal %", "RankMe")),
    )


def cells_of_row(row: Row) -> tuple[str, ...]:
    """The row's texts, one for each of `columns`."""
    labels, published = NONE if row.percent is None else f"{row.percent} %", row.published_on_sewer_ml
    theirs = (_number(value) for value in (published.f2_ciw, published.f1_normal, published.rankme))
    return (row.backbone, row.title, labels, *_ours(row), *theirs)


def markdown_from_report(report: StudyReport) -> str:
    """The head and the table."""
    lines = [f"# {_plain(title(report))}", "", *(f"{_plain(line)}\n" for line in head(report))]
    headings = columns(report)
    lines += [_line(headings), _line(["---"] * 3 + ["---:"] * (len(headings) - 3)), *(_line(cells_of_row(row)) for row in report.rows)]
    return "\n".join(lines) + "\n"


def csv_from_report(report: StudyReport) -> str:
    """One row per cell; data set, kind and scale in each, because rows are cut out of tables. Figures are per cent."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in report.rows:
        writer.writerow([report.data_name, report.data_kind, report.split, report.scale, *_csv_cells(row)])
    return file.getvalue()


CSV_COLUMNS = (
    *("data", "kind", "split", "scale", "cell", "backbone", "step", "labels_percent", "status", "reason"),
    *("f2_ciw", "f2_ciw_low", "f2_ciw_high", "f1_normal", "f1_normal_low", "f1_normal_high"),
    *("mean_ap", "mean_ap_low", "mean_ap_high", "rankme"),
    *("training_images", "epochs", "seconds"),
    *("sewer_ml_published_f2_ciw", "sewer_ml_published_f1_normal", "sewer_ml_published_rankme"),
)


def _csv_cells(row: Row) -> list[object]:
    ours, published = row.measured, row.published_on_sewer_ml
    figures: list[object] = [""] * 13
    if ours:
        scores = (ours.f2_ciw, ours.f1_normal, ours.mean_ap)
        figures = [*(value for score in scores for value in _percents(score)), ours.rankme, ours.num_train, ours.epochs, ours.seconds]
    theirs = (published.f2_ciw, published.f1_normal, published.rankme)
    return [row.cell, row.backbone, row.title, row.percent, row.status, row.reason, *figures, *theirs]


def _row(outcome: CellOutcome) -> Row:
    cell = outcome.cell
    return Row(
        cell=cell.name,
        backbone=cell.backbone_title,
        title=cell.title,
        from_dino=cell.from_dino,
        percent=None if cell.task == "dino" else cell.percent,
        status="done" if outcome.result else "failed" if outcome.failure else "to come",
        reason=outcome.failure,
        measured=outcome.result,
        published_on_sewer_ml=published_for(cell),
    )


def _settings(study: Study, cells: Sequence[Cell]) -> tuple[str, ...]:
    """Scale, size of the images, and how many of them."""
    spec = study.config(cells[0]).preprocess
    part = f", 1 of {study.every_nth} training images" if study.every_nth > 1 else ", all training images"
    return (
        f"Scale {study.record.scale}: {study.scale.about}. Images at {spec.width}x{spec.height} px{part}. "
        "Minutes are of training with its validations.",
    )


def _warning(report: StudyReport) -> str:
    if report.data_kind == "sewer-ml" and report.scale == "full":
        return "Both columns are of Sewer-ML. The paper does not say on which split its figures were taken."
    if report.data_kind == "sewer-ml":
        return f"Both columns are of Sewer-ML, ours at scale {report.scale}: with less training than published, no reproduction."
    return (
        f"Our columns are of {report.data_name}, the published ones of Sewer-ML: different images, not to be compared as results. "
        "What may be compared is which row of a column stands above which."
    )


def _ours(row: Row) -> tuple[str, ...]:
    ours = row.measured
    if ours is None:
        return (f"failed: {row.reason}" if row.status == "failed" else row.status, *[NONE] * 6)
    scores = (_interval(figure) for figure in (ours.f2_ciw, ours.f1_normal, ours.mean_ap))
    return (*scores, _number(ours.rankme), f"{ours.num_train:,}", str(ours.epochs), f"{ours.seconds / 60:.1f}")


def _percents(figure: Figure | None) -> list[object]:
    if figure is None:
        return [""] * 3
    return [round(100 * value, 4) for value in (figure.value, figure.low, figure.high)]


def _interval(figure: Figure | None) -> str:
    return NONE if figure is None else f"{100 * figure.value:.2f} ({100 * figure.low:.1f} - {100 * figure.high:.1f})"


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def _plain(text: str) -> str:
    """Markdown means nothing in a name."""
    return "".join(f"\\{letter}" if letter in "|*`<[" else letter for letter in text)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"
