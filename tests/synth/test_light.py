"""Light: no frame without light, exposure that saturates at times, fog, far ends, and facing against a slow reference."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.synth.camera_chain import develop, draw_chain, hidden
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamp, Lamps, draw_lamps, illuminate, own_light
from trainer.synth.materials import MATERIALS, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

SMALL = (96, 118)


def traced(seed: int, size: tuple[int, int] = SMALL, *, material: str | None = None) -> tuple[Surface, float]:
    """A bare pipe seen along its axis."""
    rng = np.random.default_rng(seed)
    scene = new_scene(rng, MATERIALS[material] if material else draw_material(rng), start_m=-0.5, end_m=10.0)
    lay_segments(scene, -50.0, 200.0)
    return trace_scene(scene, Camera((0.0, 0.0, 0.0), focal=0.95), size), scene.radius_m


def rim_and_middle(light: np.ndarray) -> tuple[float, float]:
    height, width = light.shape[:2]
    middle = light[height // 2 - 3 : height // 2 + 3, width // 2 - 3 : width // 2 + 3]
    return float(np.median(light[:6])), float(np.median(middle))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_frame_is_without_light_or_contrast(seed: int) -> None:
    surface, radius = traced(seed)
    rng = np.random.default_rng([seed, 1])
    chain, lamps = draw_chain(rng), draw_lamps(rng)

    image = develop(illuminate(surface, lamps, radius), chain, np.random.default_rng(seed))

    luma = image.mean(axis=2)[~hidden(chain, SMALL)]
    assert np.median(luma) > 12
    assert np.quantile(luma, 0.95) > 40
    assert luma.std() > 3


def test_same_seed_gives_the_same_lamps_and_light() -> None:
    surface, radius = traced(3)

    first, second = (illuminate(surface, draw_lamps(np.random.default_rng(8)), radius) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_the_near_wall_is_brighter_than_the_far_end() -> None:
    surface, radius = traced(0, material="grey PVC")

    rim, middle = rim_and_middle(illuminate(surface, Lamps(), radius))

    assert rim > 10 * middle


def test_fog_lifts_the_far_end_towards_its_own_colour() -> None:
    surface, radius = traced(0, material="grey PVC")

    light = illuminate(surface, Lamps(haze=0.3, haze_rgb=(0.2, 0.6, 0.2)), radius)

    far = light[SMALL[0] // 2, SMALL[1] // 2]
    assert far[1] > 2 * far[0] > 0
    assert rim_and_middle(light)[1] > rim_and_middle(illuminate(surface, Lamps(), radius))[1]


def test_what_stands_out_of_the_fog_is_near() -> None:
    surface, radius = traced(0, material="grey PVC")
    foggy = Lamps(haze=0.3)

    light = illuminate(surface, foggy, radius)
    rim, middle = rim_and_middle(own_light(light, surface, foggy, radius))

    assert rim > 0.1 and middle < 0.01 < rim_and_middle(light)[1]
    assert own_light(light, surface, Lamps(), radius) is light


def test_daylight_at_the_far_manhole_is_a_bright_disc() -> None:
    surface, radius = traced(0, material="grey PVC")

    light = illuminate(surface, Lamps(far_light=2.0, far_light_radii=12.0), radius)

    assert rim_and_middle(light)[1] > 1.9


def test_a_side_without_lamps_is_darker() -> None:
    surface, radius = traced(0, material="grey PVC")
    left_only = Lamps(ring=(Lamp((-0.8, 0.0), 0.6, 1.0),), flood=0.1)

    light = illuminate(surface, left_only, radius)[..., 1]

    assert light[:, :20].mean() > 2 * light[:, -20:].mean()


def test_more_exposure_blows_more_of_the_wall() -> None:
    surface, radius = traced(0, material="white PVC")
    blown = [(illuminate(surface, Lamps(exposure=e), radius)[..., 1] > 1.0).mean() for e in (0.3, 1.0, 1.5)]

    assert blown[0] <= blown[1] < blown[2]


def test_exposures_span_dark_to_blown() -> None:
    exposures = np.array([draw_lamps(np.random.default_rng(seed)).exposure for seed in range(400)])

    assert (exposures < 0.36).mean() > 0.08 and (exposures > 0.9).mean() > 0.05


@pytest.mark.parametrize("material", ["grey PVC", "ribbed PE"])
def test_light_scales_with_the_lamps_colour(material: str) -> None:
    surface, radius = traced(1, material=material)
    plain = Lamps(glint=0.0)

    red, white = illuminate(surface, replace(plain, rgb=(1.3, 1.0, 1.0)), radius), illuminate(surface, plain, radius)

    np.testing.assert_allclose(red[..., 0], 1.3 * white[..., 0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(red[..., 1], white[..., 1], rtol=1e-4)
