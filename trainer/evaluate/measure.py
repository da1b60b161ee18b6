"""From logits and labels to the figures of an evaluation."""

# N images, C classes, R resamples

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.metrics import SewerMetrics, sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from trainer.evaluate.bootstrap import Resampled, interval, resampled
from trainer.evaluate.calibration import calibration_error, classwise_calibration_error, negative_log_likelihood, reliability
from trainer.evaluate.cooccurrence import confusion
from trainer.evaluate.report import CalibrationReport, ClassReport, EvaluationReport, Figure


class Scored(NamedTuple):
    """A split's logits (N, C) and what is there (N, C)."""

    logits_NC: NDArray[np.float32]
    positive_NC: NDArray[np.bool_]


def measured(
    scored: Scored,
    thresholds_C: NDArray[np.float64],
    *,
    temperature: float | None,
    num_resamples: int,
    seed: int,
    about: Mapping[str, object],
) -> EvaluationReport:
    """All figures of a split.

    Args:
        scored: Its logits and labels.
        thresholds_C: What decides, on scores at temperature 1.
        temperature: Fitted elsewhere, for calibration figures beside those as trained; None: none.
        num_resamples: For the intervals.
        seed: Of the resamples.
        about: The report's fields that say what was measured.
    """
    scores_NC, positive_NC, ciw = scores_from_logits(scored.logits_NC), scored.positive_NC, taxonomy().ciw
    metrics = sewer_metrics(scores_NC, positive_NC.astype(np.uint8), ciw, threshold=thresholds_C)
    again = resampled(scores_NC, positive_NC, ciw, threshold=thresholds_C, num_resamples=num_resamples, seed=seed)
    share_ab = confusion(scores_NC >= thresholds_C, positive_NC)
    figures = {
        "num_images": metrics.num_images,
        "num_normal": metrics.num_normal,
        "f2_ciw": _figure(metrics.f2_ciw, again.f2_ciw_R),
        "f1_normal": _figure(metrics.f1_normal, again.f1_normal_R),
        "mean_ap": _figure(metrics.mean_ap, again.mean_ap_R),
        "classes": _classes(metrics, again, thresholds_C),
        "calibration": tuple(_calibration(scored, at) for at in (1.0, temperature) if at is not None),
        "confusion": [[None if np.isnan(share) else share for share in row] for row in share_ab.tolist()],
    }
    return msgspec.convert({**about, **figures, "num_resamples": num_resamples, "seed": seed}, EvaluationReport)


def _classes(metrics: SewerMetrics, again: Resampled, thresholds_C: NDArray[np.float64]) -> tuple[ClassReport, ...]:
    return tuple(
        ClassReport(
            code=code,
            num_positive=int(metrics.num_positive_C[c]),
            threshold=float(thresholds_C[c]),
            precision=float(metrics.precision_C[c]),
            recall=float(metrics.recall_C[c]),
            f1=float(metrics.f1_C[c]),
            f2=_figure(metrics.f2_C[c], again.f2_RC[:, c]),
            ap=_figure(metrics.ap_C[c], again.ap_RC[:, c]),
        )
        for c, code in enumerate(taxonomy().codes)
    )


def _calibration(scored: Scored, temperature: float) -> CalibrationReport:
    scores_NC = scores_from_logits(scored.logits_NC, temperature)
    bins = reliability(scores_NC, scored.positive_NC)
    return CalibrationReport(
        temperature=temperature,
        error=calibration_error(scores_NC, scored.positive_NC),
        error_classwise=classwise_calibration_error(scores_NC, scored.positive_NC),
        nll=negative_log_likelihood(scored.logits_NC, scored.positive_NC, temperature),
        bin_score=tuple(bins.score_B.tolist()),
        bin_positive=tuple(bins.positive_B.tolist()),
        bin_num=tuple(bins.num_B.tolist()),
    )


def _figure(value: float, values_R: NDArray[np.float64]) -> Figure:
    return Figure(float(value), *interval(values_R))
