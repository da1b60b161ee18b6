"""What an evaluation says, as one typed record; and as text and CSV. The data set's name stands above every figure."""

# C classes (index C: Normal), B bins

import csv
import io
from typing import Literal

import msgspec

Origin = Literal["protocol-0.5", "tuned-on-validation"]

KINDS = {
    "sewer-ml": "Sewer-ML",
    "rendered": "rendered frames: these are not Sewer-ML figures",
    "other": "other frames: these are not Sewer-ML figures",
}
ORIGINS = {"protocol-0.5": "the protocol's fixed 0.5", "tuned-on-validation": "one per class, tuned on Val for F2"}
FEW = 20  # positives below which a class's figures say little


class Figure(msgspec.Struct, frozen=True):
    """A fraction of 1 with its bootstrap interval (95 %, by image)."""

    value: float
    low: float
    high: float


class ClassReport(msgspec.Struct, frozen=True, kw_only=True):
    """One class; `num_positive` of the evaluated images show it."""

    code: str
    num_positive: int
    threshold: float
    precision: float
    recall: float
    f1: float
    f2: Figure
    ap: Figure


class CalibrationReport(msgspec.Struct, frozen=True, kw_only=True):
    """Errors and mean negative log-likelihood (nats) at one temperature, and the bins behind the first error."""

    temperature: float
    error: float
    error_classwise: float
    nll: float
    bin_score: tuple[float, ...]
    bin_positive: tuple[float, ...]
    bin_num: tuple[int, ...]


class EvaluationReport(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint on a split.

    `calibration` is that of the scores as trained, then that at the temperature fitted on Val, where there is a Val. `confusion` is
    (C+1, C+1), see `cooccurrence.py`; None where no image could tell. `remarks` are what a reader must know to read the figures rightly.
    """

    data_name: str
    data_kind: Literal["rendered", "sewer-ml", "other"]
    data_licence: str
    split: str
    num_images: int
    num_normal: int
    remarks: tuple[str, ...]
    checkpoint: str
    backbone: str
    task: str
    step: int
    trained_on: str
    git_revision: str
    threshold_origin: Origin
    f2_ciw: Figure
    f1_normal: Figure
    mean_ap: Figure
    classes: tuple[ClassReport, ...]
    calibration: tuple[CalibrationReport, ...]
    confusion: tuple[tuple[float | None, ...], ...]
    num_resamples: int
    seed: int


def title(report: EvaluationReport) -> str:
    """The data set, and what it is not."""
    return f"{report.data_name} ({KINDS[report.data_kind]})"


def facts(report: EvaluationReport) -> tuple[str, ...]:
    """Lines under the title: what was measured, how."""
    return (
        f"split {report.split}, {report.num_images} images, {report.num_normal} of them normal; licence {report.data_licence}",
        f"{report.task} {report.backbone}, step {report.step}, trained on {report.trained_on}; {report.checkpoint}",
        f"thresholds: {ORIGINS[report.threshold_origin]}; 95 % intervals from {report.num_resamples} resamples, seed {report.seed}",
        *(f"note: {remark}" for remark in report.remarks),
    )


def headline(report: EvaluationReport) -> tuple[tuple[str, Figure], ...]:
    """The figures over all classes, by name."""
    return (("F2_CIW", report.f2_ciw), ("F1_Normal", report.f1_normal), ("mAP", report.mean_ap))


def text_from_report(report: EvaluationReport) -> str:
    """The table for a terminal."""
    lines = [title(report), *facts(report), ""]
    lines += [f"{name:10} {percent(figure)}" for name, figure in headline(report)]
    lines += [""]
    lines += [calibration_line(calibration) for calibration in report.calibration]
    lines += ["", "class      n  threshold      P      R     F1     F2  (95 %)           AP  (95 %)"]
    lines += [_class_line(row) for row in report.classes]
    return "\n".join(lines) + "\n"


def percent(figure: Figure) -> str:
    """`58.18 % (57.9 - 58.5)`."""
    return f"{100 * figure.value:6.2f} % ({100 * figure.low:.1f} - {100 * figure.high:.1f})"


def calibration_line(calibration: CalibrationReport) -> str:
    """One line of figures at one temperature."""
    origin = "scores as trained" if calibration.temperature == 1.0 else f"temperature {calibration.temperature:.3f}, fitted on Val"
    return (
        f"calibration error {100 * calibration.error:.2f} % (mean over classes {100 * calibration.error_classwise:.2f} %), "
        f"NLL {calibration.nll:.4f}: {origin}"
    )


def csv_from_report(report: EvaluationReport) -> str:
    """One row per class, then Normal and the figures over all classes; empty where a figure does not exist."""
    where = [report.data_name, report.data_kind, report.split, report.threshold_origin]
    rows: list[list[object]] = [
        [*where, row.code, row.num_positive, row.threshold, row.precision, row.recall, row.f1, *_values(row.f2), *_values(row.ap)]
        for row in report.classes
    ]
    none: list[object] = [""] * 3
    rows += [
        [*where, "Normal", report.num_normal, *none, *_values(report.f1_normal)[:1], *none, *none],
        [*where, "F2_CIW", report.num_images, *none, "", *_values(report.f2_ciw), *none],
        [*where, "mAP", report.num_images, *none, "", *none, *_values(report.mean_ap)],
    ]
    file = io.StringIO()
    header = "data,kind,split,thresholds,class,n,threshold,precision,recall,f1,f2,f2_low,f2_high,ap,ap_low,ap_high"
    csv.writer(file, lineterminator="\n").writerows([header.split(","), *rows])
    return file.getvalue()


def _values(figure: Figure) -> list[object]:
    return [figure.value, figure.low, figure.high]


def _class_line(row: ClassReport) -> str:
    shares = "".join(f"{100 * value:7.1f}" for value in (row.precision, row.recall, row.f1))
    few = "  few" if row.num_positive < FEW else ""
    return f"{row.code:5}{row.num_positive:7}{row.threshold:11.2f}{shares}{_short(row.f2)}{_short(row.ap)}{few}".rstrip()


def _short(figure: Figure) -> str:
    return f"{100 * figure.value:7.1f}  {f'({100 * figure.low:.0f} - {100 * figure.high:.0f})':11}"
