import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.localize import MAX_BOXES, boxes_from_heat, heat_from_map


def test_the_box_lies_where_the_cells_speak() -> None:
    cells = np.full((7, 7), -4.0, np.float32)
    cells[1:3, 4:6] = 6.0  # rows 1-2, columns 4-5 of 7

    (box,) = boxes_from_heat(heat_from_map(cells, height=280, width=350))

    assert (box.left, box.right) == pytest.approx((200, 300), abs=30) and (box.top, box.bottom) == pytest.approx((40, 120), abs=25)
    assert box.score == pytest.approx(1.0, abs=0.01)


def test_at_most_three_boxes_the_hottest_first() -> None:
    cells = np.full((14, 14), -4.0, np.float32)
    for i, (row, column) in enumerate([(1, 1), (1, 12), (12, 1), (12, 12)]):
        cells[row, column] = 6.0 + i

    boxes = boxes_from_heat(heat_from_map(cells, height=280, width=280))

    assert len(boxes) == MAX_BOXES
    assert [box.score for box in boxes] == sorted((box.score for box in boxes), reverse=True)


def test_a_class_that_is_everywhere_fills_the_frame_and_none_is_no_heat() -> None:
    everywhere = heat_from_map(np.full((7, 7), 3.0, np.float32), height=70, width=70)
    flat = heat_from_map(np.full((7, 7), -3.0, np.float32), height=70, width=70)

    assert everywhere.min() > 0.999 and boxes_from_heat(everywhere)[0].right == 70
    assert (flat == 0).all() and boxes_from_heat(flat) == ()


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.integers(16, 90), st.integers(16, 90))
def test_heat_and_boxes_stay_in_their_ranges(seed: int, side: int, height: int, width: int) -> None:
    cells = np.random.default_rng(seed).normal(-1, 3, (side, side)).astype(np.float32)

    heat = heat_from_map(cells, height=height, width=width)

    assert heat.shape == (height, width) and heat.dtype == np.float32 and heat.min() >= 0 and heat.max() <= 1
    for box in boxes_from_heat(heat):
        assert 0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height
