import numpy as np

from trainer.evaluate.cooccurrence import confusion


def test_shares_are_the_naive_counts() -> None:
    rng = np.random.default_rng(0)
    predicted, positive = rng.random((60, 4)) < 0.4, rng.random((60, 4)) < 0.3

    share = confusion(predicted, positive)

    there, said = (np.column_stack([flags, ~flags.any(axis=1)]) for flags in (positive, predicted))
    for a in range(5):
        for b in range(5):
            rows = there[:, a] if a == b else there[:, a] & ~there[:, b]
            assert np.isnan(share[a, b]) if not rows.any() else share[a, b] == said[rows, b].mean()


def test_right_predictions_confuse_nothing() -> None:
    positive = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]], bool)

    share = confusion(positive, positive)

    np.testing.assert_array_equal(np.diag(share), 1.0)
    assert np.nansum(share) == 4.0
    assert np.isnan(share[0, 1])  # class 0 never comes without class 1


def test_a_class_said_instead_of_another_stands_off_the_diagonal() -> None:
    positive = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], bool)
    predicted = np.array([[0, 1], [1, 1], [0, 0], [1, 0]], bool)

    share = confusion(predicted, positive)

    assert share[0].tolist() == [0.5, 1.0, 0.0]
    assert share[2].tolist() == [0.5, 0.0, 0.5]
    assert np.isnan(share[1]).all()
