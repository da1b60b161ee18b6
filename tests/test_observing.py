"""Where a thing lies, bounded by the camera positions that saw it and the label rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.contract.manifest import LabelRule
from edge_sdk.observing import extent_of

SEWER_ML, RENDERED, EXACT = LabelRule(1.0, 0.3), LabelRule(2.0, 0.0), LabelRule(0.0, 0.0)


@pytest.mark.parametrize(
    ("low", "high", "rule", "looks", "expected"),
    [
        (18.0, 20.0, RENDERED, 1, (20.0, None, (0.0, 0.0))),
        (19.0, 20.0, RENDERED, 1, (20.0, None, (0.0, 1.0))),
        (20.0, 22.0, RENDERED, -1, (20.0, None, (0.0, 0.0))),
        (20.0, 21.0, RENDERED, -1, (20.0, None, (-1.0, 0.0))),
        (9.0, 10.3, SEWER_ML, 1, (10.0, None, (0.0, 0.0))),
        (2.0, 2.9, EXACT, 1, (2.9, None, (-0.9, 0.0))),
        (2.0, 5.0, EXACT, 1, (2.0, 5.0, (0.0, 0.0))),
        (2.0, 7.0, SEWER_ML, 1, (3.0, 6.7, (-1.3, 1.3))),
        (-7.0, -2.0, SEWER_ML, -1, (-6.7, -3.0, (-1.3, 1.3))),
    ],
)
def test_extents_by_hand(low: float, high: float, rule: LabelRule, looks: int, expected: object) -> None:
    assert tuple(extent_of(low, high, rule, looks=looks, continuous_m=1.0)) == expected


@given(
    place=st.floats(-50, 50),
    ahead=st.floats(0, 3),
    behind=st.floats(-0.5, 0.5),
    length=st.floats(0, 8),
    seen=st.floats(0.05, 1),
    looks=st.sampled_from([1, -1]),
)
def test_the_true_place_lies_within_the_stated_uncertainty(
    place: float, ahead: float, behind: float, length: float, seen: float, looks: int
) -> None:
    """A thing from `place` over `length`, seen from part of the stretch that the label rule allows; both directions of the drive."""
    rule = LabelRule(ahead, max(behind, -ahead))
    near, far = place - rule.look_ahead_m, place + length + rule.look_behind_m
    low, high = far - seen * (far - near), far  # the camera has passed it
    if looks < 0:
        place, low, high = -place - length, -high, -low

    extent = extent_of(low, high, rule, looks=looks, continuous_m=1.0)

    below, above = extent.uncertainty_m
    assert below <= 0.0 <= above
    nearest = place + length if looks > 0 else place
    ends = [extent.from_m] if extent.to_m is None else [extent.from_m, extent.to_m]
    assert any(end + below - 0.02 <= nearest <= end + above + 0.02 for end in ends)
