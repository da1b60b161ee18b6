"""Scores of a graph on validation images, and what it cost against the graph it was made from."""

# N images, C classes

from typing import NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.metrics import sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime.onnx import OnnxSession
from trainer.errors import ExportError
from trainer.export.quantize_record import Cost

BATCH = 16
MIN_STD_SHARE = 0.5  # of a class's logits over the images, against fp32's; 8 bits move it by hundredths, a broken graph to 0
CONSTANT = 1e-3  # a class whose fp32 logits vary less was never learnt: nothing to lose


class Validation(NamedTuple):
    """Images (N, H, W, 3) with labels (N, C), the thresholds frozen at export (C,), and the fp32 graph's logits (N, C), run once."""

    images_NHWC: NDArray[np.uint8]
    targets_NC: NDArray[np.uint8]
    thresholds_C: NDArray[np.float64]
    reference_NC: NDArray[np.float32]
    data_name: str
    split: str
    threads: int

    def first(self, num: int) -> "Validation":
        """About `num` images, spread evenly."""
        rows = slice(None, None, max(1, len(self.images_NHWC) // num))
        return self._replace(
            images_NHWC=self.images_NHWC[rows][:num], targets_NC=self.targets_NC[rows][:num], reference_NC=self.reference_NC[rows][:num]
        )


class Difference(NamedTuple):
    """Of scores (0..1), decisions, and F2_CIW in points before and after."""

    max_abs_dp: float
    mean_abs_dp: float
    flips: int
    f2_before: float
    f2_after: float

    @property
    def lost(self) -> float:
        """Points of F2_CIW."""
        return self.f2_before - self.f2_after


def logits_of(graph: onnx.ModelProto, images_NHWC: NDArray[np.uint8], *, precision: str, threads: int) -> NDArray[np.float32]:
    """Logits (N, C) through the robot's session on the CPU."""
    session = OnnxSession(graph.SerializeToString(), precision=precision, threads=threads)
    try:
        starts = range(0, len(images_NHWC), BATCH)
        return np.concatenate([session.run(images_NHWC[start : start + BATCH]).logits_NC for start in starts])
    finally:
        session.close()


def difference(logits_NC: NDArray[np.float32], validation: Validation, precision: str) -> Difference:
    """A graph's logits against fp32's at the frozen thresholds.

    Raises:
        ExportError: If they are not finite.
    """
    if not np.isfinite(logits_NC).all():
        num = int((~np.isfinite(logits_NC)).any(axis=1).sum())
        raise ExportError(
            f"{precision}: the converted graph gives NaN or infinity on {num} of {len(logits_NC)} images; it overflows, deploy fp32"
        )
    scores_NC, before_NC = scores_from_logits(logits_NC), scores_from_logits(validation.reference_NC)
    change_NC, at = np.abs(scores_NC - before_NC), validation.thresholds_C
    flips = int(((scores_NC >= at) != (before_NC >= at)).sum())
    return Difference(float(change_NC.max()), float(change_NC.mean()), flips, _f2(before_NC, validation), _f2(scores_NC, validation))


def check_alive(logits_NC: NDArray[np.float32], reference_NC: NDArray[np.float32], precision: str) -> None:
    """Refuse a graph whose outputs hardly depend on the image any more, though fp32's do.

    Raises:
        ExportError: Names the class.
    """
    std_C, expected_C = logits_NC.std(axis=0), reference_NC.std(axis=0)
    share_C = np.where(expected_C > CONSTANT, std_C / np.maximum(expected_C, CONSTANT), 1.0)
    if not share_C.min() >= MIN_STD_SHARE:
        worst = int(np.nanargmin(share_C)) if np.isfinite(share_C).any() else 0
        raise ExportError(
            f"{precision}: the logits of {taxonomy().codes[worst]} vary with {share_C[worst]:.2f} of fp32's standard deviation over "
            f"{len(logits_NC)} images, {MIN_STD_SHARE:g} is the least; the converted graph is broken, deploy fp32"
        )


def cost_of(found: Difference, validation: Validation, max_drop: float) -> Cost:
    """The record's form."""
    return Cost(
        data_name=validation.data_name,
        split=validation.split,
        num_images=len(validation.images_NHWC),
        f2_ciw_before=found.f2_before,
        f2_ciw_after=found.f2_after,
        max_drop=max_drop,
        max_abs_dp=found.max_abs_dp,
        mean_abs_dp=found.mean_abs_dp,
        decision_flips=found.flips,
    )


def _f2(scores_NC: NDArray[np.float64], validation: Validation) -> float:
    return 100 * sewer_metrics(scores_NC, validation.targets_NC, taxonomy().ciw, threshold=validation.thresholds_C).f2_ciw
