"""The parity gate: what a graph lost against what was trained, in scores, in decisions and in the metric, and whether that is allowed.

Two losses of F2_CIW are bounded. At the frozen thresholds (those of the fp32 graph), since that is what happens to whoever exchanges
the graph alone; and with the thresholds of both tuned anew on validation images, since quantisation shifts scores even where it keeps
their order. Only losses break a bound: a gain is chance, and shows in the flips.
"""

# N measured images, M validation images, C classes

from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import Parity, Precision
from edge_sdk.contract.metrics import SewerMetrics, sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from trainer.evaluate.bootstrap import NUM_RESAMPLES
from trainer.export.parity_interval import delta_interval
from trainer.export.thresholds import tuned_thresholds

ROUNDING = 1e-12


class Bounds(NamedTuple):
    """The largest losses of F2_CIW the gate allows, as fractions of 1: at the frozen thresholds, and at re-tuned ones."""

    frozen: float = 0.005
    tuned: float = 0.003


BOUNDS = Bounds()


class Logits(NamedTuple):
    """What one graph said of the measured images (N, C) and of the validation images (M, C)."""

    logits_NC: NDArray[np.float32]
    val_MC: NDArray[np.float32]


class Truth(NamedTuple):
    """Labels (N, C) and (M, C) of the same images, the data's name and the measured split's."""

    targets_NC: NDArray[np.uint8]
    val_MC: NDArray[np.uint8]
    data_name: str
    split: str


class Figures(NamedTuple):
    """Metric of a graph at the frozen and at its own tuned thresholds (C,)."""

    frozen: SewerMetrics
    tuned: SewerMetrics
    thresholds_C: NDArray[np.float64]


def parity_of(
    logits_NC: NDArray[np.float32],
    reference_NC: NDArray[np.float32],
    thresholds_C: NDArray[np.float64],
    *,
    precision: Precision,
    reference: str,
) -> Parity:
    """Compare the logits of the same images in scores and decisions.

    Args:
        logits_NC: Of the exported graph.
        reference_NC: Of what it was made from.
        thresholds_C: A flip is a (image, class) decided differently at these.
        precision: The graph's.
        reference: Names what it is compared with.
    """
    scores_NC, expected_NC = scores_from_logits(logits_NC), scores_from_logits(reference_NC)
    difference_NC = np.abs(scores_NC - expected_NC)
    flips = int(((scores_NC >= thresholds_C) != (expected_NC >= thresholds_C)).sum())
    return Parity(precision, reference, len(logits_NC), float(difference_NC.max()), float(difference_NC.mean()), flips)


def figures_of(logits: Logits, truth: Truth, frozen_C: NDArray[np.float64]) -> Figures:
    """The metric on the measured images, thresholds re-tuned on the validation images."""
    scores_NC, tuned_C = scores_from_logits(logits.logits_NC), tuned_thresholds(scores_from_logits(logits.val_MC), truth.val_MC)
    frozen, tuned = (sewer_metrics(scores_NC, truth.targets_NC, taxonomy().ciw, threshold=at) for at in (frozen_C, tuned_C))
    return Figures(frozen, tuned, tuned_C)


def gated_parity(
    logits: Logits,
    reference: Logits,
    truth: Truth,
    frozen_C: NDArray[np.float64],
    *,
    precision: Precision,
    reference_name: str,
    provider: str,
    bounds: Bounds,
    flips_allowed: bool = True,
    num_resamples: int = NUM_RESAMPLES,
) -> Parity:
    """Everything the manifest states of a graph against its reference, with the gate's verdict.

    Args:
        logits: The graph's.
        reference: Of the same images, by what the graph was made from.
        truth: Their labels.
        frozen_C: The thresholds the bundle decides by.
        precision: The graph's.
        reference_name: Names what it is compared with.
        provider: What ran the graph.
        bounds: The largest losses allowed.
        flips_allowed: False where the arithmetic is the reference's own: then no decision may differ.
        num_resamples: For the interval.
    """
    own, theirs = figures_of(logits, truth, frozen_C), figures_of(reference, truth, frozen_C)
    scores_NC, expected_NC = scores_from_logits(logits.logits_NC), scores_from_logits(reference.logits_NC)
    parity = replace(
        parity_of(logits.logits_NC, reference.logits_NC, frozen_C, precision=precision, reference=reference_name),
        data_name=truth.data_name,
        split=truth.split,
        provider=provider,
        f2_ciw=own.frozen.f2_ciw,
        f1_normal=own.frozen.f1_normal,
        delta_f2_ciw=own.frozen.f2_ciw - theirs.frozen.f2_ciw,
        delta_f2_ciw_interval=delta_interval(scores_NC, expected_NC, truth.targets_NC, frozen_C, num_resamples=num_resamples),
        delta_f1_normal=own.frozen.f1_normal - theirs.frozen.f1_normal,
        f2_ciw_tuned=own.tuned.f2_ciw,
        delta_f2_ciw_tuned=own.tuned.f2_ciw - theirs.tuned.f2_ciw,
        delta_f1_normal_tuned=own.tuned.f1_normal - theirs.tuned.f1_normal,
        bound=bounds.frozen,
        bound_tuned=bounds.tuned,
    )
    return replace(parity, passed=not broken_bounds(parity, flips_allowed=flips_allowed))


def broken_bounds(parity: Parity, *, flips_allowed: bool = True) -> tuple[str, ...]:
    """What of the gate a graph breaks and by how much, a clause each; empty where it passes."""
    broken = []
    for delta, bound, where in (
        (parity.delta_f2_ciw, parity.bound, "at the frozen thresholds"),
        (parity.delta_f2_ciw_tuned, parity.bound_tuned, "at re-tuned thresholds"),
    ):
        if delta is not None and bound is not None and -delta > bound + ROUNDING:
            broken.append(f"loses {-100 * delta:.2f} points of F2_CIW {where}, {100 * bound:g} allowed")
    if not flips_allowed and parity.decision_flips:
        broken.append(f"flips {parity.decision_flips} decisions against {parity.reference}, none allowed")
    return tuple(broken)
