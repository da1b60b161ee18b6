import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.data.names import FileNames


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12)))
def test_names_come_back_as_they_were(names: list[str]) -> None:
    packed = FileNames(names)

    assert list(packed) == names
    assert [packed[row] for row in range(len(packed))] == names
    assert list(packed[1:-1]) == names[1:-1]
    assert packed == FileNames(names)
    assert pickle.loads(pickle.dumps(packed)) == packed


def test_rows_are_taken_in_the_order_asked_for() -> None:
    names = FileNames(["a", "bb", "", "dddd"])

    assert list(names.take(np.array([3, 0, 3]))) == ["dddd", "a", "dddd"]
    assert names[-1] == "dddd"
    with pytest.raises(IndexError):
        names[4]


def test_name_that_is_not_utf8_survives() -> None:
    odd = b"kan\xe6l.png".decode("utf-8", "surrogateescape")

    assert list(FileNames([odd, "x"])) == [odd, "x"]
