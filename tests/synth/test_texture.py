"""Lookups in tiles: what is quicker must give the same numbers."""

import numpy as np
import pytest
from numpy.typing import NDArray

from trainer.synth.texture import NoiseKind, at_least, bordered, lookup, noise_tile, patch_noise, sample_tiles


def _places(rng: np.random.Generator) -> NDArray[np.float32]:
    """Anywhere within a few tiles, some just at a tile's edge."""
    places = rng.uniform(-1500, 1500, (40, 52)).astype(np.float32)
    places[::5] = np.rint(places[::5] / 512) * 512 - rng.uniform(0, 1, (8, 52)).astype(np.float32)
    return places


def test_bordered_tile_gives_what_wrapping_gives() -> None:
    rng = np.random.default_rng(1)
    plain = np.dstack([noise_tile(kind) for kind in ("cloud", "grain", "hoop", "cell")])
    x, y = _places(rng), _places(rng)

    (four,) = sample_tiles([bordered(plain)], x, y)
    np.testing.assert_array_equal(four, lookup(plain, x, y, wrap=True))
    for number, one in enumerate(sample_tiles([bordered(np.ascontiguousarray(plain[..., k])) for k in range(4)], x, y)):
        np.testing.assert_allclose(one, four[..., number], atol=2e-6)


@pytest.mark.parametrize(("kind", "rows"), [("cloud", 1), ("cell", 24), ("grain", 48)])
def test_first_rows_of_patch_noise_are_those_of_the_whole_patch(kind: NoiseKind, rows: int) -> None:
    one, other = np.random.default_rng(5), np.random.default_rng(5)

    np.testing.assert_array_equal(patch_noise(one, 96, 1.3, kind, rows=rows), patch_noise(other, 96, 1.3, kind)[:rows])
    assert one.random() == other.random()  # as much is drawn, so all that follows stays the same


def test_at_least_is_the_maximum_with_one_number() -> None:
    values = np.random.default_rng(2).normal(0, 1, (7, 9)).astype(np.float32)

    np.testing.assert_array_equal(at_least(values, 0.3), np.maximum(values, np.float32(0.3)))
