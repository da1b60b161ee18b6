import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.contract.metrics import average_precision, sewer_metrics
from edge_sdk.contract.taxonomy import taxonomy
from golden_cases import FOLDER, Case, cases

TOLERANCE = 1e-12


@pytest.mark.parametrize("case", cases("sewer_metric"), ids=lambda case: case.name)
def test_metric_reproduces_golden_sewer_metric(case: Case) -> None:
    fields = case.fields
    metrics = sewer_metrics(fields["scores"], fields["targets"], fields["weights"], threshold=float(fields["threshold"]))

    assert metrics.f2_ciw == pytest.approx(float(fields["F2_CIW"]), abs=TOLERANCE)
    if "bug" not in case.tags:  # the reference miscounts Normal where scores are raw logits and the threshold is not above 0
        assert metrics.f1_normal == pytest.approx(float(fields["F1_Normal"]), abs=TOLERANCE)
    zeroed = {name: np.nan_to_num(fields[name][:17]) for name in ("F2_class", "F1_class", "P_class", "R_class")}  # 0/0 is 0 here
    for ours, name in (
        (metrics.f2_C, "F2_class"),
        (metrics.f1_C, "F1_class"),
        (metrics.precision_C, "P_class"),
        (metrics.recall_C, "R_class"),
    ):
        np.testing.assert_allclose(ours, zeroed[name], atol=TOLERANCE, rtol=0, err_msg=name)
    np.testing.assert_array_equal(metrics.num_positive_C, fields["Ng"][:17])
    check_average_precision(metrics.ap_C, fields)
    if "mAP" in fields and not tied(fields["scores"]).any():
        assert metrics.mean_ap == pytest.approx(float(fields["mAP"]), abs=TOLERANCE)


def check_average_precision(ap_C: np.ndarray, fields: dict[str, np.ndarray]) -> None:
    """Where scores tie, the reference's ranking is the sort's accident, unless the case states the stable order's figure."""
    if "AP_stable_later_index_first" in fields:
        np.testing.assert_allclose(ap_C, fields["AP_stable_later_index_first"], atol=TOLERANCE, rtol=0)
    if "AP" in fields:
        defined = ~tied(fields["scores"])
        np.testing.assert_allclose(ap_C[defined], fields["AP"][defined], atol=TOLERANCE, rtol=0)


def tied(scores: np.ndarray) -> np.ndarray:
    """Per class, whether two images have the same score."""
    return np.array([len(np.unique(column)) < len(column) for column in scores.T])


def test_class_list_reproduces_golden_ciw() -> None:
    with (FOLDER / "ciw" / "ciw.csv").open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["label_index"]))

    assert taxonomy().codes == tuple(row["code"] for row in rows)
    np.testing.assert_allclose(taxonomy().ciw, [float(row["ciw"]) for row in rows], atol=TOLERANCE, rtol=0)


def naive_f2(scores: np.ndarray, targets: np.ndarray, threshold: float) -> float:
    tp = fp = fn = 0
    for score, target in zip(scores, targets, strict=True):
        said, there = score >= threshold, target == 1
        tp, fp, fn = tp + (said and there), fp + (said and not there), fn + (there and not said)
    return 5 * tp / (5 * tp + 4 * fn + fp) if tp else 0.0


@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from([0.3, 0.5, 0.9]))
def test_f2_ciw_equals_the_closed_formula_for_any_scores(num: int, seed: int, threshold: float) -> None:
    rng = np.random.default_rng(seed)
    scores, targets = rng.random((num, 17)).round(1), rng.integers(0, 2, (num, 17))
    ciw = taxonomy().ciw

    expected = sum(naive_f2(scores[:, c], targets[:, c], threshold) * ciw[c] for c in range(17)) / ciw.sum()

    assert sewer_metrics(scores, targets, ciw, threshold=threshold).f2_ciw == pytest.approx(expected, abs=TOLERANCE)


@given(st.integers(2, 30), st.integers(0, 2**32 - 1))
def test_metrics_do_not_depend_on_the_order_of_images(num: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, targets, order = rng.random((num, 17)), rng.integers(0, 2, (num, 17)), rng.permutation(num)

    first, second = (sewer_metrics(s, t, taxonomy().ciw) for s, t in ((scores, targets), (scores[order], targets[order])))

    assert first.f2_ciw == pytest.approx(second.f2_ciw) and first.f1_normal == pytest.approx(second.f1_normal)
    np.testing.assert_allclose(first.ap_C, second.ap_C)


def test_thresholds_may_differ_by_class() -> None:
    scores, targets = np.full((1, 17), 0.4), np.ones((1, 17), int)
    thresholds = np.full(17, 0.5)
    thresholds[0] = 0.4

    metrics = sewer_metrics(scores, targets, taxonomy().ciw, threshold=thresholds)

    assert metrics.f2_ciw == pytest.approx(taxonomy().ciw[0] / taxonomy().ciw.sum())


def test_average_precision_by_hand() -> None:
    assert average_precision(np.array([0.9, 0.8, 0.7]), np.array([True, False, True])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0.9]), np.array([False])) == 0.0


@pytest.mark.parametrize(
    ("scores", "targets"),
    [
        (np.zeros((2, 17)), np.zeros((3, 17), int)),
        (np.zeros((0, 17)), np.zeros((0, 17), int)),
        (np.full((1, 17), np.nan), np.zeros((1, 17), int)),
    ],
)
def test_unusable_input_is_refused(scores: np.ndarray, targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"agree|empty|NaN"):
        sewer_metrics(scores, targets, taxonomy().ciw)
