"""4:2:0 pictures against the RGB way, exact area averaging and the textbook's colours."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.test_preprocess import area_average
from edge_sdk.contract.preprocess import PreprocessSpec, TextArea, prepare
from edge_sdk.contract.yuv import (
    LAYOUTS,
    RED_BLUE_WEIGHT,
    YuvColours,
    YuvLayout,
    YuvPlanes,
    luma_of,
    nearest_rgb,
    packed,
    planes_of,
    prepare_yuv,
    rgb_from_yuv,
    size_of_yuv,
)
from edge_sdk.errors import FrameShapeError

SIZES = [(288, 352), (576, 720), (576, 768), (480, 640), (720, 1280), (1080, 1920), (224, 224), (98, 132), (16, 4096)]
ALL_COLOURS = [YuvColours(matrix, full) for matrix in ("bt601", "bt709") for full in (False, True)]


def textured(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Rough and coloured, with no colour near the edge of what RGB can show; every block of four pixels has one colour."""
    noise = np.random.default_rng(seed).normal(128, 40, (height, width, 3))
    rough = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.clip((rough - 128) * 2.5 + 128, 40, 215).astype(np.uint8)


def yuv(rgb: np.ndarray, layout: YuvLayout = "i420") -> np.ndarray:
    packed = cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420)
    if layout == "i420":
        return packed
    luma, u, v = planes_of(packed, "i420")
    return np.concatenate([luma, np.stack([u, v], axis=-1).reshape(-1, luma.shape[1])])


def solid(colour_yuv: tuple[int, int, int], side: int = 32) -> np.ndarray:
    y, u, v = colour_yuv
    quarter = side * side // 4
    return np.concatenate([np.full(side * side, y), np.full(quarter, u), np.full(quarter, v)]).astype(np.uint8).reshape(-1, side)


def textbook(rgb: np.ndarray, colours: YuvColours) -> np.ndarray:
    """Y', Cb, Cr of R'G'B' in 0..255, by the definitions of BT.601-7 section 2.5 and BT.709-6 section 3, rounded."""
    red, blue = RED_BLUE_WEIGHT[colours.matrix]
    r, g, b = rgb / 255
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    if colours.full_range:
        return np.round([255 * y, 255 * cb + 128, 255 * cr + 128])
    return np.round([219 * y + 16, 224 * cb + 128, 224 * cr + 128])


@pytest.mark.parametrize(("height", "width"), SIZES)
@pytest.mark.parametrize("side", [128, 160, 224])
def test_it_gives_what_preparing_the_rgb_picture_gives(height: int, width: int, side: int) -> None:
    spec, picture = PreprocessSpec(height=side, width=side), yuv(textured(height, width))

    prepared = prepare_yuv(picture, spec)
    difference = np.abs(prepared.astype(int) - prepare(rgb_from_yuv(picture), spec))

    assert prepared.shape == (side, side, 3) and prepared.dtype == np.uint8 and prepared.flags.c_contiguous
    assert difference.mean() < 4 and np.abs(difference.mean(axis=(0, 1))).max() < 4


@pytest.mark.parametrize(("height", "width"), [(576, 720), (288, 352), (480, 640), (720, 1280), (1080, 1920), (2160, 3840)])
@pytest.mark.parametrize("side", [128, 160, 224])
def test_it_is_no_further_from_area_averaging_than_the_rgb_way(height: int, width: int, side: int) -> None:
    spec, picture = PreprocessSpec(height=side, width=side), yuv(textured(height, width, seed=1))
    rgb = rgb_from_yuv(picture)
    exact = area_average(rgb, side, side)

    ours, other = (np.abs(prepared.astype(float) - exact) for prepared in (prepare_yuv(picture, spec), prepare(rgb, spec)))

    assert ours.mean() < max(2.2, 1.1 * other.mean()) and ours.max() < max(24, 1.2 * other.max())


@settings(max_examples=60, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3), st.sampled_from(ALL_COLOURS))
def test_colours_are_the_textbooks(rgb: tuple[int, int, int], colours: YuvColours) -> None:
    picture = solid(tuple(int(value) for value in textbook(np.array(rgb, float), colours)))

    for shown in (
        prepare_yuv(picture, PreprocessSpec(height=16, width=16), colours=colours),
        nearest_rgb(picture, (8, 8), colours=colours),
    ):
        assert np.abs(shown.astype(int) - rgb).max() <= 3  # a level of chroma is two of blue
        assert (shown == shown[0, 0]).all()


@pytest.mark.parametrize("colours", ALL_COLOURS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_whole_picture_has_the_pixels_of_its_planes(colours: YuvColours, layout: YuvLayout) -> None:
    picture = yuv(textured(64, 96), layout)

    whole = rgb_from_yuv(picture, layout=layout, colours=colours)

    assert whole.shape == (64, 96, 3)
    assert np.abs(whole.astype(int) - nearest_rgb(picture, (64, 96), layout=layout, colours=colours)).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(576, 720), (1080, 1920)])
def test_both_layouts_give_the_same_bytes(height: int, width: int) -> None:
    rgb = textured(height, width)

    a, b = (prepare_yuv(yuv(rgb, layout), PreprocessSpec(height=160, width=160), layout=layout) for layout in LAYOUTS)

    np.testing.assert_array_equal(a, b)


@settings(max_examples=40, deadline=None)
@given(st.integers(8, 300), st.integers(8, 300), st.sampled_from([64, 160, 224]), st.sampled_from(LAYOUTS))
def test_any_even_size_is_taken_and_left_as_it_was(half_height: int, half_width: int, side: int, layout: YuvLayout) -> None:
    picture = np.random.default_rng(half_height).integers(0, 256, (half_height * 3, half_width * 4), np.uint8)[:, ::2]
    picture.flags.writeable = False
    before = picture.copy()

    prepared = prepare_yuv(picture, PreprocessSpec(height=side, width=side), layout=layout)

    assert prepared.shape == (side, side, 3)
    np.testing.assert_array_equal(picture, before)
    np.testing.assert_array_equal(prepared, prepare_yuv(before, PreprocessSpec(height=side, width=side), layout=layout))


def apart(picture: np.ndarray, padding: int) -> YuvPlanes:
    """As a decoder keeps it: each plane in memory of its own, rows padded, not to be written to."""
    planes = []
    for plane in planes_of(picture):
        memory = np.full((plane.shape[0], plane.shape[1] + padding), 255, np.uint8)
        memory[:, : plane.shape[1]] = plane
        memory.flags.writeable = False
        planes.append(memory[:, : plane.shape[1]])
    return YuvPlanes(*planes)


@pytest.mark.parametrize("padding", [0, 3, 64])
@pytest.mark.parametrize(("height", "width"), [(576, 720), (1080, 1920), (1440, 2560), (98, 132)])
def test_planes_that_lie_apart_are_the_same_picture(height: int, width: int, padding: int) -> None:
    picture, spec = yuv(textured(height, width)), PreprocessSpec(height=160, width=160)
    blurring = PreprocessSpec(height=160, width=160, text_areas=(TextArea(0.1, 0.1, 0.6, 0.3),))
    planes = apart(picture, padding)

    assert size_of_yuv(planes) == (height, width)
    np.testing.assert_array_equal(packed(planes), picture)
    np.testing.assert_array_equal(luma_of(planes), luma_of(picture))
    for each in (spec, blurring):
        np.testing.assert_array_equal(prepare_yuv(planes, each), prepare_yuv(picture, each))
    for colours in ALL_COLOURS:
        np.testing.assert_array_equal(rgb_from_yuv(planes, colours=colours), rgb_from_yuv(picture, colours=colours))
    np.testing.assert_array_equal(nearest_rgb(planes, (9, 11)), nearest_rgb(picture, (9, 11)))


def test_text_is_blurred_as_in_the_rgb_picture() -> None:
    spec = PreprocessSpec(height=96, width=96, text_areas=(TextArea(0.1, 0.1, 0.6, 0.3),))
    picture = yuv(textured(288, 352))

    np.testing.assert_array_equal(prepare_yuv(picture, spec), prepare(rgb_from_yuv(picture), spec))


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((48, 32, 3), np.uint8),
        np.zeros((49, 32), np.uint8),
        np.zeros((48, 33), np.uint8),
        np.zeros((48, 32), np.float32),
        np.zeros((12, 32), np.uint8),
        np.zeros((48, 5000), np.uint8),
        np.zeros((0, 0), np.uint8),
        None,
    ],
)
def test_what_is_no_420_picture_is_refused_in_one_line(picture: np.ndarray) -> None:
    with pytest.raises(FrameShapeError) as caught:
        prepare_yuv(picture, PreprocessSpec())

    assert "\n" not in str(caught.value)
