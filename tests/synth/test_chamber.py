"""Manhole chambers at both ends of a pipe, and where cameras stand."""

from dataclasses import replace

import numpy as np
import pytest

from trainer.synth.chamber import add_chambers
from trainer.synth.frame import render_frame
from trainer.synth.geometry import CHAMBER, Camera
from trainer.synth.materials import MATERIALS
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.posing import LATERALS, Spot, draw_camera
from trainer.synth.scene import Scene
from trainer.synth.staging import build_scene
from trainer.synth.trace import trace_scene

SIZE = (72, 88)


def _scene(seed: int, start_m: float | None, end_m: float | None) -> Scene:
    rng = np.random.default_rng(seed)
    scene = new_scene(rng, MATERIALS["clay"], start_m=-0.5, end_m=15.0)
    scene.joints.clear()
    add_chambers(scene, rng, start_m, end_m)
    lay_segments(scene, -50.0, 200.0)
    return scene


@pytest.mark.parametrize("seed", range(5))
def test_camera_in_the_start_chamber_sees_the_wall_round_a_mouth(seed: int) -> None:
    scene = _scene(seed, 0.3, None)
    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0), focal=0.6), SIZE)
    inside = surface.hits.part == CHAMBER

    assert not inside[SIZE[0] // 2, SIZE[1] // 2] and inside[0, 0] and inside[0, -1]
    z_m = surface.position()[2]
    assert z_m[~inside].min() > 0.3 - 1e-4
    assert z_m[inside].max() < 0.3 + 1e-4


@pytest.mark.parametrize("seed", range(5))
def test_end_chamber_closes_the_pipe(seed: int) -> None:
    scene = _scene(seed, None, 1.2)
    chamber = scene.chambers[0]
    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0)), SIZE)
    inside = surface.hits.part == CHAMBER

    assert inside[SIZE[0] // 2, SIZE[1] // 2] and not inside[0, 0]
    x, _, z = surface.position()
    assert z.max() < 1.2 + abs(chamber.depth_m) + 1e-3
    assert np.abs(x[inside]).max() < chamber.half_m + 1e-3
    assert (surface.hits.range_m > 0).all()


def test_daylight_brightens_the_end_chamber() -> None:
    scene = _scene(1, None, 1.0)
    camera = Camera((0.0, 0.0, 0.0))
    dark, bright = (replace(scene.chambers[0], day=(0.0, 1.5, 1.0, strength)) for strength in (0.0, 30.0))
    shades = []
    for chamber in (dark, bright):
        scene.chambers = [chamber]
        surface = trace_scene(scene, camera, SIZE)
        shades.append(surface.shade[surface.hits.part == CHAMBER].max())

    assert shades[1] > 5 * shades[0]


def test_cameras_stay_in_the_pipe_and_turn_most_for_laterals() -> None:
    turned: dict[str | None, list[bool]] = {None: [], "GR": [], "RB": []}
    for seed in range(240):
        rng = np.random.default_rng(seed)
        scene = new_scene(rng, MATERIALS["clay"], start_m=-0.5, end_m=15.0)
        for code, looks in turned.items():
            camera = draw_camera(rng, scene, Spot(1.2, 2 * scene.radius_m, 0.3 * scene.radius_m, code))
            assert np.hypot(*camera.position_m[:2]) < 0.75 * scene.radius_m
            looks.append(abs(camera.pan) > 0.25)
    share = {code: np.mean(looks) for code, looks in turned.items()}

    assert "GR" in LATERALS and share["GR"] > share["RB"] > share[None] > 0.03
    assert 0.25 < share["GR"] < 0.6


def test_same_draws_give_the_same_scene() -> None:
    scenes = [build_scene(np.random.default_rng(5), ["FS"], 0.7) for _ in range(2)]

    assert scenes[0][1] == scenes[1][1]
    assert scenes[0][0].chambers == scenes[1][0].chambers and scenes[0][0].joints == scenes[1][0].joints


def test_every_pixel_seen_from_a_chamber_has_a_depth() -> None:
    frame = render_frame(100_000_003_350)  # the rim of the mouth, met by some rays from outside

    assert np.isfinite(frame.depth).all()
    assert frame.depth.min() > 0
