"""The camera chain: determinism, every stored size, what is hidden, and the flags that say what is wrong with a picture."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from trainer.synth.camera_chain import Chain, develop, draw_chain, hidden
from trainer.synth.lens import Lens, through_lens
from trainer.synth.light import Lamps
from trainer.synth.overlay import Overlay
from trainer.synth.quality import quality_flags
from trainer.synth.recorder import Recorder, noise, record

SMALL = (96, 118)
CLEAN = Recorder(noise=0.0, chroma_px=0.0, qualities=(95,))
STORED = [(284, 350), (288, 352), (568, 466), (576, 480), (576, 720), (576, 768), (720, 1280), (1080, 1920)]


def picture(size: tuple[int, int] = SMALL) -> np.ndarray:
    """Light with a dark middle and a hard edge."""
    v, u = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    light = np.clip(np.hypot(u, v), 0.02, 1.2)
    light[:, 3 * size[1] // 4 :] *= 0.6
    return np.dstack([light, 0.9 * light, 0.8 * light]).astype(np.float32)


def sharpness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image[..., 1].astype(float), axis=1)).max())


@pytest.mark.parametrize("seed", range(12))
def test_same_seeds_give_the_same_bytes(seed: int) -> None:
    first, second = (develop(picture(), draw_chain(np.random.default_rng(seed)), np.random.default_rng(5)) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_developing_leaves_the_light_alone_where_a_drive_would_reuse_it() -> None:
    light = picture()
    before = light.copy()

    develop(light, Chain(), np.random.default_rng(0))

    np.testing.assert_array_equal(light, before)


@pytest.mark.parametrize("size", STORED)
def test_every_stored_size_keeps_its_shape_and_its_look(size: tuple[int, int]) -> None:
    chain = replace(draw_chain(np.random.default_rng(4)), lens=Lens(blur_px=1.5), overlay=Overlay())

    image = develop(picture(size), chain, np.random.default_rng(0))

    assert image.shape == (*size, 3) and image.dtype == np.uint8
    small = cv2.resize(image, (88, 72), interpolation=cv2.INTER_AREA).astype(float)
    reference = cv2.resize(develop(picture((288, 352)), chain, np.random.default_rng(0)), (88, 72), interpolation=cv2.INTER_AREA)
    assert np.abs(small - reference).mean() < 6


@pytest.mark.parametrize("size", [(16, 16), (17, 40), (64, 20)])
def test_tiny_sizes_survive_every_draw(size: tuple[int, int]) -> None:
    for seed in range(150):
        assert develop(picture(size), draw_chain(np.random.default_rng(seed)), np.random.default_rng(0)).shape == (*size, 3)


@pytest.mark.parametrize("lens", [Lens(blur_px=3.0), Lens(motion="shake", motion_px=8), Lens(motion="drive", motion_px=8), Lens(fog=0.7)])
def test_defocus_movement_and_fog_soften_edges(lens: Lens) -> None:
    sharp = develop(picture(), Chain(lens=Lens(blur_px=0.0), recorder=CLEAN), np.random.default_rng(0))

    assert sharpness(develop(picture(), Chain(lens=lens, recorder=CLEAN), np.random.default_rng(0))) < 0.9 * sharpness(sharp)


def test_a_drop_changes_its_place_only() -> None:
    plain, dropped = (through_lens(picture(), Lens(blur_px=0.0, drops=drops)) for drops in ((), ((0.25, 0.5, 0.1),)))

    changed = np.abs(plain - dropped).max(axis=2) > 1e-4
    assert changed.any() and not changed[:, SMALL[1] // 2 :].any()


def test_black_level_tints_what_is_dark_and_white_level_caps_what_is_bright() -> None:
    light = np.zeros((*SMALL, 3), np.float32)
    light[:, SMALL[1] // 2 :] = 4.0
    chain = Chain(lens=Lens(blur_px=0.0, vignette=0.0), recorder=CLEAN, black_rgb=(0.04, 0.12, 0.02), white=0.85)

    image = develop(light, chain, np.random.default_rng(0)).astype(int)

    assert image[40, 10, 1] > image[40, 10, 0] + 10 > image[40, 10, 2]
    assert abs(image[40, -10].mean() - 0.85 * 255) < 4


def test_no_saturation_is_grey() -> None:
    image = develop(picture(), Chain(recorder=replace(CLEAN, saturation=0.0)), np.random.default_rng(0)).astype(int)

    assert np.ptp(image, axis=2).max() <= 3


def test_strong_saturation_keeps_the_hue() -> None:
    red = np.full((32, 32, 3), (200, 60, 60), np.uint8)

    image = record(red, replace(CLEAN, saturation=1.9), np.random.default_rng(0))

    assert image[16, 16, 0] > 230 and image[16, 16, 1] < 60


def test_combing_moves_every_second_line() -> None:
    bar = np.zeros((32, 64, 3), np.uint8)
    bar[:, 30:34] = 220

    image = record(bar, replace(CLEAN, comb_px=30), np.random.default_rng(0))

    assert np.abs(image[8:24:2].mean(axis=(0, 2)).argmax() - image[9:24:2].mean(axis=(0, 2)).argmax()) >= 1


def test_coarse_coding_shows_blocks() -> None:
    rng = np.random.default_rng(0)
    fine, coarse = (record(develop(picture(), Chain(), rng), replace(CLEAN, qualities=(q,)), rng) for q in (95, 15))

    def block_step(image: np.ndarray) -> float:
        steps = np.abs(np.diff(image[..., 1].astype(float), axis=1)).mean(axis=0)
        return float(steps[7::8].mean() / steps.mean())

    assert block_step(coarse) > 1.3 * block_step(fine)


@pytest.mark.parametrize("grain_px", [1.0, 2.5])
@pytest.mark.parametrize("shape", [(48, 60), (1080, 1920)])
def test_noise_is_centred_of_about_unit_deviation_and_differs_between_draws(grain_px: float, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    first, second = noise(rng, shape, grain_px), noise(rng, shape, grain_px)

    assert first.shape == shape
    assert abs(first.mean()) < 0.15 and 0.5 < first.std() < 1.2
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.2


def test_hidden_pixels_are_bars_corners_and_boxes() -> None:
    boxed = Overlay("masked", (("12.3m", 0.3, 0.5),), fill=(0, 0, 255))
    chain = Chain(recorder=CLEAN, bars=(0.1, 0.1, 0.0, 0.0), corner=0.2, overlay=boxed)

    image = develop(picture() + np.float32(0.2), chain, np.random.default_rng(0)).astype(int)

    unseen = (image.max(axis=2) == 0) | (image == (0, 0, 255)).all(axis=2)
    np.testing.assert_array_equal(hidden(chain, SMALL), unseen)
    assert hidden(Chain(), SMALL).sum() == 0


@pytest.mark.parametrize(
    ("chain", "lamps", "flag"),
    [
        (Chain(lens=Lens(blur_px=2.0)), Lamps(), "blurred"),
        (Chain(lens=Lens(motion="turn", motion_px=5.0)), Lamps(), "blurred"),
        (Chain(recorder=Recorder(qualities=(80, 15))), Lamps(), "compressed"),
        (Chain(lens=Lens(fog=0.5)), Lamps(), "fogged_lens"),
        (Chain(recorder=Recorder(saturation=0.0)), Lamps(), "greyscale"),
        (Chain(), Lamps(haze=0.3), "hazy"),
        (Chain(recorder=Recorder(comb_px=2)), Lamps(), "interlaced"),
        (Chain(bars=(0.1, 0.1, 0.0, 0.0)), Lamps(), "letterbox"),
    ],
)
def test_each_fault_has_its_flag_and_no_other(chain: Chain, lamps: Lamps, flag: str) -> None:
    image = np.full((*SMALL, 3), 120, np.uint8)

    assert quality_flags(chain, lamps, image) == (flag,)


@pytest.mark.parametrize(("level", "white", "flags"), [(255, 1.0, ("over_exposed",)), (215, 0.85, ("over_exposed",)), (20, 1.0, ("dark",))])
def test_exposure_is_judged_on_the_picture(level: int, white: float, flags: tuple[str, ...]) -> None:
    assert quality_flags(Chain(white=white), Lamps(), np.full((*SMALL, 3), level, np.uint8)) == flags


def test_a_plain_chain_has_no_flags() -> None:
    assert quality_flags(Chain(), Lamps(), np.full((*SMALL, 3), 120, np.uint8)) == ()
