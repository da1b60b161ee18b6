from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import ExportError
from trainer.export.bounded import layers_to_return

LAYERS = tuple("abcdefg")


def never() -> Sequence[str]:
    raise AssertionError("the order was asked for")


def test_nothing_is_returned_where_all_of_int8_is_within_the_bound() -> None:
    assert layers_to_return(lambda returned: 0.5, never, max_drop=0.5, what="int8-trt") == ()


@pytest.mark.parametrize("sensitive", [1, 2, 3, 6])
def test_exactly_the_sensitive_layers_are_returned(sensitive: int) -> None:
    def lost(returned: frozenset[str]) -> float:
        return float(len(set(LAYERS[:sensitive]) - returned))

    assert layers_to_return(lost, lambda: LAYERS, max_drop=0.5, what="int8-trt") == LAYERS[:sensitive]


def test_trials_grow_with_the_logarithm_of_the_layers() -> None:
    tried = []

    def lost(returned: frozenset[str]) -> float:
        tried.append(len(returned))
        return 1.0 if len(returned) < 30 else 0.0

    layers_to_return(lost, lambda: [str(number) for number in range(49)], max_drop=0.5, what="int8-trt")

    assert len(tried) <= 7


@given(st.lists(st.floats(0, 2), min_size=8, max_size=8))
def test_what_is_returned_was_measured_within_the_bound(losses: list[float]) -> None:
    measured = {}

    def lost(returned: frozenset[str]) -> float:
        measured[returned] = losses[len(returned)]
        return measured[returned]

    try:
        returned = layers_to_return(lost, lambda: LAYERS, max_drop=0.5, what="int8-trt")
    except ExportError:
        assert min(measured.values()) > 0.5
    else:
        assert measured[frozenset(returned)] <= 0.5
        assert len(returned) < len(LAYERS)


def test_bound_that_no_int8_layer_keeps_is_one_line_that_says_what_else_there_is() -> None:
    with pytest.raises(ExportError, match=r"^int8-x86: all in int8 loses 3.00 points.*fp16.*--max-drop.*simulated") as caught:
        layers_to_return(lambda returned: 3.0, lambda: LAYERS, max_drop=0.5, what="int8-x86")

    assert "\n" not in str(caught.value)
