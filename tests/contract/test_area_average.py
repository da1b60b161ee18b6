"""Area averaging by periodic weights, against exact averages and OpenCV's."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from contract.test_preprocess import area_average
from edge_sdk.contract.area_average import area_averages, is_quick
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.yuv import prepare_yuv


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(4, 40), st.integers(3, 6), st.integers(8, 60), st.integers(0, 9))
def test_each_pixel_is_the_mean_of_the_area_it_covers(up: int, down: int, repeats: int, step: int, width: int, seed: int) -> None:
    height, target_hw = repeats * down, (repeats * up, width)
    assume(is_quick((height, width * step), target_hw))
    planes = np.random.default_rng(seed).integers(0, 256, (2, height, width * step), np.uint8)

    found = area_averages(planes, target_hw)

    for plane, exact in zip(found, (area_average(plane[..., None], *target_hw)[..., 0] for plane in planes), strict=True):
        assert plane.dtype == np.uint8 and np.abs(plane - exact).max() <= 0.501
    assert (found[0] != found[1]).any() or (planes[0] == planes[1]).all()


@pytest.mark.parametrize(("size_hw", "target_hw"), [((270, 480), (160, 160)), ((360, 640), (160, 160)), ((288, 480), (224, 160))])
def test_it_is_opencvs_area_averaging_but_for_ties(size_hw: tuple[int, int], target_hw: tuple[int, int]) -> None:
    planes = np.random.default_rng(0).integers(0, 256, (3, *size_hw), np.uint8)

    difference = area_averages(planes, target_hw).astype(int) - [
        cv2.resize(plane, target_hw[::-1], interpolation=cv2.INTER_AREA) for plane in planes
    ]

    assert np.abs(difference).max() <= 1 and np.mean(difference != 0) < 0.01


@pytest.mark.parametrize(
    ("size_hw", "target_hw"),
    [
        ((270, 480), (160, 150)),
        ((270, 320), (160, 160)),
        ((64, 4096), (64, 16)),
        ((150, 480), (160, 160)),
        ((271, 480), (160, 160)),
        ((127, 3072), (64, 1024)),
    ],
    ids=["no whole step", "a step of two", "a step of 256", "a side that grows", "a ratio that does not repeat", "large matrices"],
)
def test_what_others_do_better_is_left_to_them(size_hw: tuple[int, int], target_hw: tuple[int, int]) -> None:
    assert not is_quick(size_hw, target_hw)


def test_full_hd_takes_this_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the others would test nothing that is used."""
    taken = []
    monkeypatch.setattr(
        "edge_sdk.contract.yuv.area_averages", lambda planes, target: taken.append(planes.shape) or area_averages(planes, target)
    )

    prepare_yuv(np.zeros((1620, 1920), np.uint8), PreprocessSpec(height=160, width=160))

    assert taken == [(3, 270, 480)]
