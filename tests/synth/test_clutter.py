"""Water, dirt and litter: they change the picture and never the labels."""

import numpy as np
import pytest

from trainer.synth import render_frame
from trainer.synth.clutter import MARKS, add_clutter, add_water
from trainer.synth.geometry import FLUID, Camera
from trainer.synth.litter import LITTER, add_own_parts
from trainer.synth.materials import draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import Fluid, Scene
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

_THINGS = {name: thing for name, (thing, _) in {**MARKS, **LITTER}.items()} | {"own parts": add_own_parts}


def _bare(seed: int) -> tuple[Scene, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return new_scene(rng, draw_material(rng), start_m=-0.5, end_m=15.0), rng


def _seen(scene: Scene) -> Surface:
    scene.joints = [j for j in scene.joints if j.z_m > 0.25 * scene.radius_m]
    lay_segments(scene, -50.0, 200.0)
    return trace_scene(scene, Camera((0.0, 0.05 * scene.radius_m, 0.0), focal=0.9), (96, 118))


def test_clutter_and_water_never_set_a_label() -> None:
    for seed in range(80):
        scene, rng = _bare(seed)
        add_water(scene, rng)
        add_clutter(scene, rng, -0.2, 18 * scene.radius_m)

        assert not _seen(scene).masks.any(), f"seed {seed}"
        assert not render_frame(seed, size=(48, 60), classes=[]).labels.any()


@pytest.mark.parametrize("name", _THINGS)
def test_each_harmless_thing_can_be_seen_and_says_nothing(name: str) -> None:
    changed = 0
    for seed in range(6):
        scene, rng = _bare(seed)
        before = _seen(scene)
        _THINGS[name](scene, rng, 2.0 * scene.radius_m)
        after = _seen(scene)
        changed += int(np.abs(after.albedo * after.shade[..., None] - before.albedo * before.shade[..., None]).max() > 0.02)

        assert not after.masks.any()

    assert changed >= 4


def test_water_stands_level_below_the_line_given() -> None:
    scene, _ = _bare(3)
    radius = scene.radius_m
    scene.fluids.append(Fluid(0.3, (0.2, 0.2, 0.2), tile_m=radius))
    surface = _seen(scene)
    water = surface.hits.part == FLUID

    assert water.mean() > 0.1
    np.testing.assert_allclose(surface.position()[1][water], -0.4 * radius, atol=1e-3 * radius)
    assert scene.water_level == 0.3


def test_a_smear_colours_the_invert_and_moves_nothing() -> None:
    scene, _ = _bare(4)
    before = _seen(scene)
    scene.fluids.append(Fluid(0.5, (0.0, 0.0, 0.0), kind="smear", rough_m=0.2, tile_m=scene.radius_m, foam=1.0, clear=0.5))
    after = _seen(scene)
    low = (np.abs(before.hits.theta - np.pi) < 0.3) & (before.hits.range_m < 8 * scene.radius_m)
    high = (np.abs(before.hits.theta - np.pi) > 1.2) & (before.hits.range_m < 8 * scene.radius_m)

    np.testing.assert_array_equal(after.hits.range_m, before.hits.range_m)
    assert after.albedo[low].mean() < 0.3 * before.albedo[low].mean()
    np.testing.assert_array_equal(after.albedo[high], before.albedo[high])
    assert scene.water_level == 0.0
