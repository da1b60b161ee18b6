import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.records import Code, Coverage, Inspection
from edge_sdk.report.axis import Axis, axis_from_inspection
from edge_sdk.report.diagram import pipe_diagram
from edge_sdk.report.entry import entries_from_inspection
from edge_sdk.report.packing import packed
from report.hostile import gap, inspection, observation

LOW, HIGH = -1e5, 1e5


def drawn(run: Inspection) -> str:
    return pipe_diagram(run, entries_from_inspection(run, Path("nowhere")))


@given(st.floats(LOW, HIGH), st.floats(0.02, HIGH), st.booleans())
@settings(deadline=None)
def test_axis_has_a_few_round_ticks_within_its_ends(low: float, length: float, by_distance: bool) -> None:
    axis = Axis(by_distance, low, low + (length if by_distance else length + 1.0), 0.0, 100.0)

    assert 1 <= len(axis.ticks) <= 11
    assert all(axis.low - 1e-6 * axis.step <= tick <= axis.high + 1e-6 * axis.step for tick in axis.ticks)
    assert len({axis.tick_text(tick) for tick in axis.ticks}) == len(axis.ticks)


def test_short_drive_has_ticks_in_centimetres() -> None:
    coverage = Coverage(from_m=0.0, to_m=0.3, travelled_m=0.3, duration_s=3.0, gaps=())
    axis = axis_from_inspection(inspection(0, coverage=coverage), left=0.0, right=100.0)

    assert axis is not None
    assert [axis.tick_text(tick) for tick in axis.ticks] == ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25", "0.30"]


def test_drive_of_no_length_has_an_axis() -> None:
    coverage = Coverage(from_m=2.0, to_m=2.0, travelled_m=0.0, duration_s=0.0, gaps=())

    axis = axis_from_inspection(inspection(0, coverage=coverage), left=0.0, right=100.0)

    assert axis is not None
    assert axis.low < 2.0 < axis.high


def test_negative_chainage_lies_left_of_zero() -> None:
    axis = axis_from_inspection(inspection(), left=0.0, right=100.0)

    assert axis is not None
    assert axis.x(-0.4) < axis.x(0.0) < axis.x(9.6)
    assert "\u22120.40" in drawn(inspection())


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 100)), max_size=60))
@settings(deadline=None)
def test_what_is_placed_free_covers_nothing(items: list[tuple[float, float]]) -> None:
    extents = sorted((left, left + width) for left, width in items)

    placed = packed(extents, max_rows=4, space=2.0)

    for i, (place, extent) in enumerate(zip(placed, extents, strict=True)):
        before = [extents[j] for j in range(i) if placed[j].row == place.row]
        assert 0 <= place.row < 4
        assert not place.free or all(right + 2.0 <= extent[0] for _, right in before)


@pytest.mark.parametrize("num", [0, 1, 8, 200])
def test_every_observation_has_a_marker(num: int) -> None:
    assert len(re.findall(r'class="mark defect"', drawn(inspection(num)))) == num


def test_marker_without_room_keeps_its_link_and_loses_its_number() -> None:
    crowd = tuple(observation(i, chainage_m=5.0) for i in range(40))

    picture = drawn(inspection(0, observations=crowd))

    assert picture.count('href="#card-') == 40
    assert picture.count('class="number"') == 5


def test_point_continuous_and_fitting_look_different() -> None:
    fitting = Code(coding_system="SEWER-ML", code="GR", label="Branch pipe")
    items = (observation(0), observation(1, kind="continuous", chainage_to_m=3.0), observation(2, class_=fitting))

    shapes = re.findall(r'<(path|rect)[^>]*?class="mark (\w+)"', drawn(inspection(0, observations=items)))

    assert shapes == [("path", "defect"), ("rect", "defect"), ("rect", "inventory")]


def test_lanes_put_damage_before_fittings() -> None:
    codes = [Code(coding_system="SEWER-ML", code=code, label=code) for code in ("OK", "GR", "BE", "RB", "??")]
    items = tuple(observation(i, class_=code) for i, code in enumerate(codes))

    assert re.findall(r'<tspan class="code">(.*?)<', drawn(inspection(0, observations=items))) == ["RB", "BE", "GR", "OK", "??"]


def test_gap_is_hatched_and_named() -> None:
    gaps = (gap(), gap(reason="truncated", from_m=9.0, to_m=None))
    coverage = Coverage(from_m=0.0, to_m=9.0, travelled_m=9.0, duration_s=40.0, gaps=gaps)

    picture = drawn(inspection(coverage=coverage))

    assert picture.count('fill="url(#hatch)"') == 2
    assert "G1 unreadable" in picture
    assert "G2 film cut short" in picture


def test_three_hundred_gaps_keep_their_hatching() -> None:
    gaps = tuple(gap(from_m=i / 40, to_m=i / 40) for i in range(300))
    coverage = Coverage(from_m=0.0, to_m=9.0, travelled_m=9.0, duration_s=40.0, gaps=gaps)

    assert drawn(inspection(coverage=coverage)).count('fill="url(#hatch)"') == 300
