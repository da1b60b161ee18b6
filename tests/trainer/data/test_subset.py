import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.trainer.folders import write_split
from trainer.config import Config, DataConfig
from trainer.data.names import FileNames
from trainer.data.sewer_ml import Split, read_split
from trainer.data.subset import label_fraction, take, training_part
from trainer.data.training import read_data
from trainer.errors import DataError


def split_of(targets_NC: NDArray[np.uint8]) -> Split:
    files = FileNames(f"{number:08d}.png" for number in range(len(targets_NC)))
    return Split("Train", Path("SewerML_Train.csv"), Path("Train"), files, targets_NC)


def combinations(num: int, num_kinds: int, seed: int) -> NDArray[np.uint8]:
    """Images of `num_kinds` label combinations, the first ones common."""
    rng = np.random.default_rng(seed)
    kinds = (rng.random((num_kinds, 17)) < 0.2).astype(np.uint8)
    return kinds[np.minimum(rng.geometric(0.15, num) - 1, num_kinds - 1)]


def counts(split: Split) -> Counter[bytes]:
    return Counter(target_C.tobytes() for target_C in split.targets_NC)


@pytest.mark.parametrize("fraction", [0.01, 0.05, 0.1, 0.5])
def test_every_combination_keeps_its_share_to_within_one_image(fraction: float) -> None:
    whole = split_of(combinations(5000, 40, 0))

    part = label_fraction(whole, fraction, 42)

    eligible = {kind: num for kind, num in counts(whole).items() if num > 1}
    assert len(part) == round(fraction * sum(eligible.values()))
    for kind, num in eligible.items():
        assert abs(counts(part)[kind] - fraction * num) < 1.5, num


@given(seed=st.integers(0, 50), fractions=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)))
def test_smaller_fractions_lie_in_larger_ones(seed: int, fractions: tuple[float, float]) -> None:
    whole = split_of(combinations(200, 12, seed))

    small, large = (set(label_fraction(whole, fraction, seed).files) for fraction in sorted(fractions))

    assert small <= large


def test_fraction_is_the_same_for_a_seed_and_another_for_another() -> None:
    whole = split_of(combinations(1000, 20, 0))

    first, again, other = (list(label_fraction(whole, 0.1, seed).files) for seed in (42, 42, 7))

    assert first == again == sorted(first)
    assert first != other


def test_combinations_of_a_single_image_are_left_out_below_1_and_kept_at_1() -> None:
    targets_NC = np.zeros((41, 17), np.uint8)
    targets_NC[40, 3] = 1
    whole = split_of(targets_NC)

    assert not label_fraction(whole, 0.99, 42).targets_NC.any()
    assert training_part(whole, DataConfig(fraction=1.0)) is whole


def test_a_class_left_without_positives_is_named(caplog: pytest.LogCaptureFixture) -> None:
    targets_NC = np.zeros((400, 17), np.uint8)
    targets_NC[:200, 0] = 1
    targets_NC[399, [2, 5]] = 1

    with caplog.at_level(logging.WARNING):
        training_part(split_of(targets_NC), DataConfig(fraction=0.1))

    assert "40 of 400 training images: no positive left of PF, IS" in caplog.text


def test_every_nth_row_is_taken_before_the_fraction() -> None:
    whole = split_of(combinations(1000, 5, 0))

    part = training_part(whole, DataConfig(every_nth=10))

    assert list(part.files) == list(whole.files)[::10]
    np.testing.assert_array_equal(part.targets_NC, whole.targets_NC[::10])
    both = training_part(whole, DataConfig(every_nth=10, fraction=0.5))
    assert set(both.files) < set(part.files)
    np.testing.assert_array_equal(both.targets_NC, [whole.targets_NC[both.csv_row(row)] for row in range(len(both))])


def test_fraction_of_nothing_is_one_clear_line() -> None:
    with pytest.raises(DataError, match=r"1 % of 12 images is none; raise data\.fraction"):
        label_fraction(split_of(np.zeros((12, 17), np.uint8)), 0.01, 42)


def test_part_of_a_part_knows_its_rows_and_its_bytes(data_root: Path) -> None:
    whole = read_split(data_root, "Train")

    part = take(take(whole, np.array([1, 5, 9])), np.array([2, 0]))

    assert list(part.files) == ["00000010.png", "00000002.png"]
    assert [part.csv_row(0), part.csv_row(1)] == [9, 1]
    assert part.read_bytes(1) == whole.read_bytes(1)
    assert part.whole is whole
    assert part.digest != whole.digest


def test_a_run_reads_the_fraction_of_training_and_all_of_validation(tiny: Callable[..., Config], data_root: Path) -> None:
    (data_root / "SewerML_Train.csv").unlink()
    for image in (data_root / "Train").iterdir():
        image.unlink()
    (data_root / "Train").rmdir()
    write_split(data_root, "Train", np.repeat(np.eye(17, dtype=np.uint8)[:3], 8, axis=0))

    data = read_data(tiny(data={"root": str(data_root), "workers": 0, "fraction": 0.5}))

    assert (len(data.train), len(data.val)) == (12, 6)
    np.testing.assert_array_equal(data.train.targets_NC.sum(axis=0)[:3], [4, 4, 4])
