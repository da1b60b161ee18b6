import numpy as np
import pytest

from golden_cases import Case, cases
from trainer.evaluate.rankme import rankme


@pytest.mark.parametrize("case", cases("rankme"), ids=lambda case: case.name)
def test_rankme_reproduces_golden_rankme(case: Case) -> None:
    embeddings, fields = case.fields["Z"], case.fields

    np.testing.assert_allclose(rankme(embeddings, eps=1e-6), fields["rankme_eps1e6"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(rankme(embeddings, eps=1e-7), fields["rankme_eps1e7"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(rankme(embeddings.astype(np.float32)), fields["authors_float32_eps1e6"], rtol=0, atol=1e-3)


def test_rankme_counts_equal_directions_whatever_their_scale() -> None:
    embeddings = 3.0 * np.eye(8, 20)

    assert rankme(embeddings) == pytest.approx(8.0, rel=1e-4)
    assert rankme(7.0 * embeddings) == pytest.approx(rankme(embeddings))


def test_rankme_of_one_direction_is_one() -> None:
    assert rankme(np.outer(np.arange(1.0, 9.0), np.ones(5))) == pytest.approx(1.0, abs=1e-3)
