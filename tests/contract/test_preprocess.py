import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.contract.preprocess import MAX_SIDE_PX, MIN_SIDE_PX, PreprocessSpec, TextArea, prepare
from edge_sdk.errors import FrameShapeError

SPEC = PreprocessSpec()
SIZES = [
    (288, 352),
    (284, 350),
    (568, 466),
    (576, 480),
    (576, 720),
    (576, 768),
    (720, 1280),
    (1080, 1920),
    (224, 224),
    (97, 131),
    (16, 4096),
]


def ramp(height: int, width: int) -> np.ndarray:
    """A smooth picture: red grows to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return np.stack([x, y, np.full_like(x, 128)], axis=-1).round().astype(np.uint8)


def area_average(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Exact area averaging, one axis after the other, by weights of overlap; the slow reference for shrinking."""

    def weights(source: int, target: int) -> np.ndarray:
        edges = np.arange(target + 1) * source / target
        left, right = edges[:-1, None], edges[1:, None]
        pixels = np.arange(source)[None]
        return np.clip(np.minimum(right, pixels + 1) - np.maximum(left, pixels), 0, None) * target / source

    return np.einsum("yh,hwc,xw->yxc", weights(image.shape[0], height), image.astype(float), weights(image.shape[1], width), optimize=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(MIN_SIDE_PX, 700), st.integers(MIN_SIDE_PX, 700), st.sampled_from([64, 160, 224]))
def test_any_size_gives_the_specs_size_and_type(height: int, width: int, side: int) -> None:
    prepared = prepare(np.full((height, width, 3), 77, np.uint8), PreprocessSpec(height=side, width=side))

    assert prepared.shape == (side, side, 3) and prepared.dtype == np.uint8 and prepared.flags.c_contiguous
    assert (prepared == 77).all()


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_smooth_pictures_keep_their_place_and_brightness(height: int, width: int) -> None:
    assert np.abs(prepare(ramp(height, width), SPEC).astype(int) - ramp(224, 224)).max() <= 9


@pytest.mark.parametrize(("height", "width"), [(576, 720), (288, 352), (568, 466), (500, 700)])
def test_shrinking_is_area_averaging(height: int, width: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)

    assert np.abs(prepare(image, SPEC) - area_average(image, 224, 224)).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(720, 1280), (1080, 1920)])
def test_the_whole_number_step_stays_close_to_area_averaging(height: int, width: int) -> None:
    noise = np.random.default_rng(0).normal(128, 60, (height, width, 3))
    image = np.clip(cv2.GaussianBlur(noise, (0, 0), 2) * 6 - 640, 0, 255).astype(np.uint8)  # as rough as concrete at this size

    difference = np.abs(prepare(image, SPEC) - area_average(image, 224, 224))

    assert difference.max() <= 32 and difference.mean() < 6


@pytest.mark.parametrize("side", [128, 160, 224, 320])
@pytest.mark.parametrize(("height", "width"), [*SIZES, (2160, 3840), (1200, 1600), (720, 960)])
def test_the_bytes_are_those_of_opencvs_two_area_resizes(height: int, width: int, side: int) -> None:
    """What bundles were trained and calibrated with: the whole-number step may be computed in any way that gives these bytes."""
    image = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    factors = [next((f for f in range(2 * n // (3 * side), 1, -1) if n % f == 0), 1) for n in (height, width)]
    reduced = image
    if min(factors) > 1:
        reduced = cv2.resize(image, (width // factors[1], height // factors[0]), interpolation=cv2.INTER_AREA)
    size_wh = (min(reduced.shape[1], side), min(reduced.shape[0], side))
    shrunk = cv2.resize(reduced, size_wh, interpolation=cv2.INTER_AREA)

    expected = cv2.resize(shrunk, (side, side), interpolation=cv2.INTER_LINEAR)

    np.testing.assert_array_equal(prepare(image, PreprocessSpec(height=side, width=side)), expected)


def test_a_thin_crack_survives_where_plain_bilinear_loses_it() -> None:
    image = np.full((1080, 1920, 3), 200, np.uint8)
    image[:, 961:963] = 0

    ours, bilinear = prepare(image, SPEC), cv2.resize(image, (224, 224), interpolation=cv2.INTER_LINEAR)

    assert 200 - int(ours.min()) > 30
    assert 200 - int(bilinear.min()) < 30


def test_strides_do_not_matter_and_the_input_is_left_alone() -> None:
    image = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    image.setflags(write=False)

    np.testing.assert_array_equal(prepare(image[::-1, ::2], SPEC), prepare(image[::-1, ::2].copy(), SPEC))


def test_text_areas_are_blurred_and_the_rest_is_not() -> None:
    image = np.random.default_rng(2).integers(0, 256, (576, 720, 3), np.uint8)
    spec = PreprocessSpec(height=576, width=720, text_areas=(TextArea(0.0, 0.0, 0.5, 0.25),))

    prepared = prepare(image, spec)

    assert prepared[:144, :360].std() < 10 < image[:144, :360].std()
    np.testing.assert_array_equal(prepared[144:], image[144:])


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((100, 100), np.uint8),
        np.zeros((100, 100, 4), np.uint8),
        np.zeros((100, 100, 3), np.float32),
        np.full((100, 100, 3), np.nan),
        np.zeros((1, 1, 3), np.uint8),
        np.zeros((MIN_SIDE_PX - 1, 100, 3), np.uint8),
        np.zeros((MAX_SIDE_PX + 1, 20, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        "not an array",
    ],
    ids=["grey", "rgba", "float", "nan", "1x1", "small", "large", "empty", "text"],
)
def test_anything_but_an_rgb_frame_is_refused(frame: np.ndarray) -> None:
    with pytest.raises(FrameShapeError):
        prepare(frame, SPEC)
