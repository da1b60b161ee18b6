"""Quality flags on pictures whose fault is known: a textured wall that slides by, and what can go wrong with it."""

import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.camera import Frame, FrameQuality
from edge_sdk.camera.lens_water import COLUMNS, ROWS, LensWater

HEIGHT, WIDTH, FPS = 240, 320, 10.0
ORDER = "rgb"
RNG = np.random.default_rng(7)
GRAIN = cv2.GaussianBlur(RNG.normal(0, 60, (HEIGHT, 3 * WIDTH)).astype(np.float32), (0, 0), 1.0)
LIT = 70 + 60 * np.abs(np.linspace(-1, 1, WIDTH, dtype=np.float32))
NOISE = RNG.normal(0, 1, HEIGHT * WIDTH * 3).astype(np.float32)


def wall(number: int, *, noise: float = 2.0) -> np.ndarray:
    """A pipe wall with grain, seen from a moving camera, with a lamp's falloff and the sensor's noise."""
    grey = LIT + np.roll(GRAIN, -3 * number, axis=1)[:, :WIDTH]
    image = grey[..., np.newaxis] * (1.0, 0.9, 0.75) + noise * np.roll(NOISE, 7919 * number).reshape(HEIGHT, WIDTH, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def blurred(image: np.ndarray, sigma: float = 5.0) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), sigma)


def grainy(image: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """The image with the noise of another sensor."""
    return np.clip(image + np.random.default_rng(seed).normal(0, sigma, image.shape).round(), 0, 255).astype(np.uint8)


@pytest.fixture(autouse=True, params=["rgb", "i420"])
def order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verdict holds for pictures in RGB and for the same as a decoder has them."""
    monkeypatch.setattr(sys.modules[__name__], "ORDER", request.param)


def shown(image: np.ndarray | None, seq: int) -> Frame:
    if (
        ORDER == "rgb"
        or image is None
        or not image.size
        or image.ndim != 3
        or image.shape[2] != 3
        or image.shape[0] % 2
        or image.shape[1] % 2
    ):
        return Frame(seq, seq / FPS, 0, image)
    return Frame(seq, seq / FPS, 0, cv2.cvtColor(image, cv2.COLOR_RGB2YUV_I420), order="i420")


def flags(images: list[np.ndarray | None], quality: FrameQuality | None = None, start: int = 0) -> list[frozenset[str]]:
    quality = quality or FrameQuality()
    return [quality.flags(shown(image, i)) for i, image in enumerate(images, start)]


def test_an_ordinary_film_has_no_flag() -> None:
    assert set(flags([wall(i) for i in range(60)])) == {frozenset()}


def test_a_frozen_picture_is_flagged_after_two_seconds_and_released_by_the_next_movement() -> None:
    found = flags([wall(i) for i in range(10)] + [wall(9)] * 30 + [wall(10), wall(11)])

    assert [i for i, flag in enumerate(found) if "frozen" in flag] == list(range(29, 40)), "2 s after frame 9, until frame 40"


def test_a_standing_camera_is_not_frozen_because_its_sensor_has_noise() -> None:
    still = [grainy(wall(0, noise=0), 0.5, i) for i in range(40)]

    assert not any("frozen" in flag for flag in flags(still))


def test_a_clock_that_ticks_over_a_frozen_picture_does_not_hide_it() -> None:
    images = []
    for i in range(40):
        image = wall(0)
        cv2.putText(image, f"10:30:{i:02d}", (5, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
        images.append(image)

    assert "frozen" in flags(images)[-1]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.floats(0.5, 60))
def test_identical_frames_are_frozen_from_two_seconds_and_three_frames_on(num: int, fps: float) -> None:
    quality, image = FrameQuality(), wall(0)
    found = [quality.flags(Frame(i, i / fps, 0, image)) for i in range(num)]

    for i, flag in enumerate(found):
        assert ("frozen" in flag) == (i >= 2 and i / fps >= 2.0)


@pytest.mark.parametrize(
    ("image", "flag"),
    [
        (np.zeros((HEIGHT, WIDTH, 3), np.uint8), "black"),
        (np.random.default_rng(0).integers(0, 20, (HEIGHT, WIDTH, 3), np.uint8), "black"),
        (np.clip(wall(0).astype(int) * 4, 0, 255).astype(np.uint8), "over_exposed"),
        (np.full((HEIGHT, WIDTH, 3), (0, 135, 0), np.uint8), "corrupt"),
        (np.full((HEIGHT, WIDTH, 3), 128, np.uint8), "corrupt"),
        (np.full((HEIGHT, WIDTH, 3), (10, 20, 200), np.uint8), "corrupt"),
        (np.vstack([wall(0)[:160], np.full((80, WIDTH, 3), (0, 135, 0), np.uint8)]), "corrupt"),
        (blurred(wall(0), 10), "blurred"),
    ],
    ids=["lens cap", "no light", "too much light", "green", "grey", "blue screen", "a third green", "out of focus"],
)
def test_one_bad_picture_gets_its_flag_alone(image: np.ndarray, flag: str) -> None:
    assert flags([image]) == [frozenset({flag})]


def test_a_green_or_dark_or_smooth_pipe_is_no_fault() -> None:
    green = (wall(0) * np.array((0.5, 1.3, 0.4))).clip(0, 255).astype(np.uint8)
    dark = (wall(0) * 0.35).astype(np.uint8)
    smooth = grainy(blurred(wall(0, noise=0), 2), 1.5, 0)

    assert flags([green]) == flags([dark]) == flags([smooth]) == [frozenset()]


def test_a_lens_that_loses_its_focus_is_measured_by_its_own_past() -> None:
    quality = FrameQuality()
    assert not any(flags([wall(i) for i in range(50)], quality))

    found = flags([grainy(blurred(wall(i, noise=0), 2.5), 1.0, i) for i in range(50, 80)], quality, 50)

    assert all(flag == {"blurred"} for flag in found)
    assert not any(flags([wall(i) for i in range(80, 90)], quality, 80)), "and again sharp"


def test_a_drop_on_the_lens_is_seen_after_a_while_and_gone_when_wiped() -> None:
    mask = cv2.ellipse(np.zeros((HEIGHT, WIDTH), np.float32), (210, 90), (60, 55), 0, 0, 360, 1.0, -1)[..., np.newaxis]
    quality, found = FrameQuality(), []
    for i in range(100):
        image = wall(i)
        if 50 <= i < 80:
            image = (image * (1 - mask) + cv2.blur(image, (31, 31)) * mask).astype(np.uint8)
        found.append(quality.flags(Frame(i, i / 4, 0, image)))

    assert not any(found[:50]) and not any(found[80:])
    assert [i for i, flag in enumerate(found) if "water_on_lens" in flag] == list(range(62, 80)), "3 s after the drop"


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 3.0), st.integers(0, 2**32))
def test_a_scene_that_changes_as_a_whole_is_no_water(factor: float, seed: int) -> None:
    rng, water = np.random.default_rng(seed), LensWater()
    usual = rng.uniform(5, 30, (ROWS, COLUMNS)).astype(np.float32)
    grey = np.full((ROWS, COLUMNS), 100, np.float32)

    for i in range(300):
        detail = usual * np.float32(factor if i > 150 else 1.0)
        assert not water.update(i / FPS, detail, grey)


def test_smooth_water_in_the_sewer_is_no_water_on_the_lens() -> None:
    water, grey = LensWater(), np.full((ROWS, COLUMNS), 100, np.float32)
    dry = np.full((ROWS, COLUMNS), 20, np.float32)
    flooded = dry.copy()
    flooded[5:, 2:9] = 0.5

    assert not any(water.update(i / FPS, flooded if i > 150 else dry, grey) for i in range(300))


@pytest.mark.parametrize(
    ("pan", "tilt", "off"),
    [(None, None, False), (0, 0, False), (15, -15, False), (15.1, 0, True), (-90, None, True), (None, 30, True), (float("nan"), 0, False)],
)
def test_a_camera_turned_to_the_wall_is_off_axis(pan: float | None, tilt: float | None, off: bool) -> None:
    assert ("off_axis" in FrameQuality().flags(Frame(0, 0.0, 0, wall(0)), pan, tilt)) == off


@pytest.mark.parametrize("image", [None, np.zeros((0, 0, 3), np.uint8), np.zeros((1, 1, 3), np.uint8), np.zeros((240, 320), np.uint8)])
def test_a_frame_without_a_picture_has_no_flag(image: np.ndarray | None) -> None:
    assert flags([image]) == [frozenset()]


@settings(max_examples=40, deadline=None)
@given(st.integers(64, 200), st.integers(64, 300), st.integers(0, 2**32))
def test_any_picture_is_taken_and_left_as_it_was(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)[:, :: rng.choice([-1, 1])]
    before = image.copy()
    image.flags.writeable = False

    assert flags([image, image]) == [frozenset()] * 2
    np.testing.assert_array_equal(image, before)


def test_a_change_of_size_or_a_clock_that_jumps_back_starts_anew() -> None:
    quality = FrameQuality()
    small = cv2.resize(wall(0), (160, 120))

    assert flags([wall(0), small, wall(0), small] * 10, quality)[-1] == frozenset()
    assert quality.flags(Frame(0, -100.0, 0, wall(3))) == frozenset()
