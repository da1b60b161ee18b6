"""Pictures of observations: the heat lies where it should, and no picture takes another's name."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_sdk.pictures import BAND_ROWS, HEAT_OPACITY, blend_heat, free_stem


@pytest.mark.parametrize("height", [1, BAND_ROWS, 3 * BAND_ROWS + 5])
def test_heat_is_blended_as_one_formula_says_however_the_rows_are_divided(height: int) -> None:
    rng = np.random.default_rng(0)
    image, heat = rng.integers(0, 256, (height, 70, 3), np.uint8), rng.random((height, 70), np.float32)
    image.setflags(write=False)
    colours = cv2.cvtColor(cv2.applyColorMap((heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    weight = (heat * HEAT_OPACITY)[..., np.newaxis]

    np.testing.assert_array_equal(blend_heat(image, heat), (image * (1 - weight) + colours * weight).astype(np.uint8))


def test_without_heat_the_picture_stays_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)

    np.testing.assert_array_equal(blend_heat(image, np.zeros((40, 50), np.float32)), image)


def test_a_taken_name_gets_the_first_free_number(tmp_path: Path) -> None:
    assert free_stem(tmp_path, "0001-RB") == "0001-RB"
    for name in ("0001-RB", "0001-RB-2", "0001-RB-4"):
        (tmp_path / f"{name}.jpg").touch()

    assert free_stem(tmp_path, "0001-RB") == "0001-RB-3"
