"""The gate's figures against plain computations."""

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.export.parity import Bounds, Logits, Truth, broken_bounds, gated_parity
from trainer.export.parity_interval import delta_interval
from trainer.export.thresholds import tuned_thresholds

NUM_CLASSES = len(taxonomy())
FROZEN = np.full(NUM_CLASSES, 0.5)


def problem(num: int = 400, seed: int = 0) -> tuple[Logits, Truth]:
    rng = np.random.default_rng(seed)
    targets = [(rng.random((num, NUM_CLASSES)) < 0.3).astype(np.uint8) for _ in range(2)]
    logits = [(3 * target - 1.5 + rng.standard_normal(target.shape)).astype(np.float32) for target in targets]
    return Logits(*logits), Truth(targets[0], targets[1], "drawn", "Test")


def noisy(logits: Logits, *, by: float, shift: float = 0.0) -> Logits:
    rng = np.random.default_rng(1)
    return Logits(*((array + shift + by * rng.standard_normal(array.shape)).astype(np.float32) for array in logits))


def gated(own: Logits, reference: Logits, truth: Truth, **options: object):  # type: ignore[no-untyped-def]
    return gated_parity(
        own, reference, truth, FROZEN, precision="fp16", reference_name="torch", provider="here", num_resamples=50,
        **{"bounds": Bounds(), **options},  # type: ignore[arg-type]
    )  # fmt: skip


def naive_f2_ciw(scores: NDArray[np.float64], targets: NDArray[np.uint8], thresholds: NDArray[np.float64]) -> float:
    total = 0.0
    for c in range(NUM_CLASSES):
        hit = sum(bool(s >= thresholds[c] and t) for s, t in zip(scores[:, c], targets[:, c], strict=True))
        said, there = int((scores[:, c] >= thresholds[c]).sum()), int((targets[:, c] > 0).sum())
        total += taxonomy().ciw[c] * (5 * hit / (4 * there + said) if there + said else 0.0)
    return float(total / taxonomy().ciw.sum())


def naive_f1_normal(scores: NDArray[np.float64], targets: NDArray[np.uint8]) -> float:
    said, there = [not any(s >= 0.5) for s in scores], [not any(t) for t in targets]
    hit = sum(a and b for a, b in zip(said, there, strict=True))
    return 2 * hit / (sum(said) + sum(there)) if said or there else 0.0


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits.astype(np.float64)))


def test_deltas_are_those_of_a_plain_computation() -> None:
    reference, truth = problem(seed=3)
    own = noisy(reference, by=0.5, shift=0.4)

    parity = gated(own, reference, truth)

    scores, expected = sigmoid(own.logits_NC), sigmoid(reference.logits_NC)
    tuned, tuned_expected = (tuned_thresholds(sigmoid(logits.val_MC), truth.val_MC) for logits in (own, reference))
    f2, f2_expected = (naive_f2_ciw(s, truth.targets_NC, FROZEN) for s in (scores, expected))
    assert parity.f2_ciw == pytest.approx(f2, abs=1e-12)
    assert parity.delta_f2_ciw == pytest.approx(f2 - f2_expected, abs=1e-12)
    assert parity.delta_f1_normal == pytest.approx(
        naive_f1_normal(scores, truth.targets_NC) - naive_f1_normal(expected, truth.targets_NC), abs=1e-12
    )
    assert parity.delta_f2_ciw_tuned == pytest.approx(
        naive_f2_ciw(scores, truth.targets_NC, tuned) - naive_f2_ciw(expected, truth.targets_NC, tuned_expected), abs=1e-12
    )
    assert parity.decision_flips == int(((scores >= 0.5) != (expected >= 0.5)).sum()) > 0


def test_a_shift_of_all_scores_costs_much_frozen_and_nothing_re_tuned() -> None:
    reference, truth = problem(num=1500)

    parity = gated(noisy(reference, by=0.0, shift=-0.8), reference, truth)

    assert parity.delta_f2_ciw < -0.02
    assert abs(parity.delta_f2_ciw_tuned) < 0.002
    assert [clause.partition("F2_CIW ")[2].split(",")[0] for clause in broken_bounds(parity)] == ["at the frozen thresholds"]


def test_an_identical_graph_flips_nothing_and_passes_bounds_of_zero() -> None:
    reference, truth = problem()

    parity = gated(reference, reference, truth, bounds=Bounds(0.0, 0.0), flips_allowed=False)

    assert (parity.decision_flips, parity.max_abs_dp, parity.delta_f2_ciw, parity.delta_f2_ciw_interval) == (0, 0.0, 0.0, (0.0, 0.0))
    assert parity.passed is True


@pytest.mark.parametrize(
    ("frozen", "tuned", "flips_allowed", "words"),
    [
        (-0.0051, 0.0, True, ["loses 0.51 points of F2_CIW at the frozen thresholds, 0.5 allowed"]),
        (-0.005, -0.003, True, []),
        (0.2, 0.2, True, []),
        (0.0, -0.004, True, ["loses 0.40 points of F2_CIW at re-tuned thresholds, 0.3 allowed"]),
        (0.0, 0.0, False, ["flips 7 decisions against torch, none allowed"]),
        (-0.1, -0.1, False, ["frozen", "re-tuned", "flips"]),
    ],
)
def test_each_bound_is_named_with_how_much_it_is_broken(frozen: float, tuned: float, flips_allowed: bool, words: list[str]) -> None:
    reference, truth = problem(num=50)
    parity = replace(gated(reference, reference, truth), delta_f2_ciw=frozen, delta_f2_ciw_tuned=tuned, decision_flips=7)

    broken = broken_bounds(parity, flips_allowed=flips_allowed)

    assert len(broken) == len(words)
    assert all(word in clause for word, clause in zip(words, broken, strict=True))


def test_the_interval_covers_the_true_difference_as_often_as_it_says() -> None:
    """The truth is the difference over 40,000 images; samples of 300 of them are drawn again and again."""
    population, truth = problem(num=40_000)
    scores, expected = (sigmoid(logits.logits_NC) for logits in (noisy(population, by=0.8, shift=-0.2), population))
    difference = [naive_free(s, truth.targets_NC) for s in (scores, expected)]
    rng, covered, num_samples = np.random.default_rng(5), 0, 60
    for _ in range(num_samples):
        rows = rng.choice(len(scores), 300, replace=False)
        low, high = delta_interval(scores[rows], expected[rows], truth.targets_NC[rows], FROZEN, num_resamples=200)
        covered += low <= difference[0] - difference[1] <= high

    assert 0.85 <= covered / num_samples <= 1.0


def naive_free(scores: NDArray[np.float64], targets: NDArray[np.uint8]) -> float:
    """F2_CIW at 0.5 of many images."""
    said, there = scores >= 0.5, targets > 0
    f2 = 5 * (said & there).sum(axis=0) / (4 * there.sum(axis=0) + said.sum(axis=0))
    return float(f2 @ taxonomy().ciw / taxonomy().ciw.sum())


def test_the_paired_interval_is_narrower_than_the_figure_s_own() -> None:
    reference, truth = problem()
    own = noisy(reference, by=0.1)

    low, high = delta_interval(sigmoid(own.logits_NC), sigmoid(reference.logits_NC), truth.targets_NC, FROZEN)
    silent = np.zeros_like(sigmoid(reference.logits_NC))  # finds nothing: the difference to it is the figure itself
    alone = delta_interval(sigmoid(own.logits_NC), silent, truth.targets_NC, FROZEN)

    assert low < 0.01 and high > -0.01
    assert high - low < 0.5 * (alone[1] - alone[0])
