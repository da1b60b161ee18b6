"""Block averages against OpenCV's area averaging, which is the contract: every bit, whatever the blocks."""

import cv2
import numpy as np
import pytest

from edge_sdk.contract.box_average import BAND_SUMS, MAX_BLOCK, box_average


def by_opencv(image: np.ndarray, step_yx: tuple[int, int]) -> np.ndarray:
    size_wh = (image.shape[1] // step_yx[1], image.shape[0] // step_yx[0])
    return cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize(
    ("height", "width", "step_yx"),
    [
        (1080, 1920, (3, 5)),  # to 224 pixels
        (1080, 1920, (4, 8)),  # to 160
        (1080, 1920, (2, 3)),  # to 320
        (720, 1280, (2, 2)),
        (720, 1280, (3, 5)),
        (576, 720, (2, 3)),
        (2160, 3840, (9, 16)),
        (1080, 3072, (8, 32)),  # 256 pixels: the largest sum that fits
        (1088, 3072, (16, 32)),  # larger blocks are OpenCV's
        (14, 30, (7, 5)),
        (6, 4000, (3, 4)),
        (7, 13, (7, 13)),
    ],
)
def test_it_is_opencvs_area_averaging_bit_for_bit(height: int, width: int, step_yx: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height, width, 3), np.uint8)
    dark, bright = rng.integers(0, 3, (height, width, 3), np.uint8), rng.integers(253, 256, (height, width, 3), np.uint8)

    for image in (noise, dark, bright):
        np.testing.assert_array_equal(box_average(image, step_yx), by_opencv(image, step_yx))


@pytest.mark.parametrize("step_y", [2, 3, 4, 5, 6, 7, 8, 12, 16])
@pytest.mark.parametrize("step_x", [2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 16])
def test_every_sum_is_rounded_as_opencv_rounds_it(step_y: int, step_x: int) -> None:
    """One block for each sum there is, from all black to all white: halves are among them where the block's size is even."""
    num = step_y * step_x
    sums = np.arange(255 * num + 1)
    filled, rest = np.divmod(sums, 255)
    blocks = np.where(np.arange(num) < filled[:, None], 255, np.where(np.arange(num) == filled[:, None], rest[:, None], 0))
    image = np.repeat(blocks.astype(np.uint8).reshape(-1, step_x, 1), 3, axis=2)

    np.testing.assert_array_equal(box_average(image, (step_y, step_x)), by_opencv(image, (step_y, step_x)))


def test_channels_stay_apart() -> None:
    image = np.random.default_rng(1).integers(0, 256, (60, 90, 3), np.uint8)

    np.testing.assert_array_equal(box_average(np.ascontiguousarray(image[..., ::-1]), (3, 5)), box_average(image, (3, 5))[..., ::-1])


def test_the_last_band_may_be_shorter_and_the_image_is_left_alone() -> None:
    step_yx, width = (3, 4), 640
    rows_of_a_band = BAND_SUMS // (width * 3)
    image = np.random.default_rng(2).integers(0, 256, (3 * (rows_of_a_band + 1), width, 3), np.uint8)
    image.setflags(write=False)

    np.testing.assert_array_equal(box_average(image, step_yx), by_opencv(image, step_yx))


def test_the_largest_sum_fits() -> None:
    assert MAX_BLOCK * 255 <= np.iinfo(np.uint16).max < (MAX_BLOCK + 1) * 255
