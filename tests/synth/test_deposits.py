"""What settles, sticks, grows, leaks or lies in the pipe: each named appearance earns its label, and no other."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import min_visible
from trainer.synth.defects.attached import ATTACHED
from trainer.synth.defects.deposits import BEDS, paint_bed
from trainer.synth.defects.ingress import INGRESS
from trainer.synth.defects.obstacles import OBSTACLES
from trainer.synth.defects.roots import ROOTS
from trainer.synth.geometry import SOLID, Camera
from trainer.synth.materials import draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import Scene, Solid
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

Paint = Callable[[Scene, np.random.Generator, float, float], float]
SIZE = (96, 118)
_FAMILIES: dict[str, dict[str, Paint]] = {
    "AF": {kind: partial(paint_bed, kind=kind) for kind in BEDS},
    "BE": dict(ATTACHED),
    "RO": dict(ROOTS),
    "IN": dict(INGRESS),
    "FO": dict(OBSTACLES),
}
_APPEARANCES = [(code, name) for code, family in _FAMILIES.items() for name in family]


def _bare(seed: int) -> tuple[Scene, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return new_scene(rng, draw_material(rng), start_m=-0.5, end_m=15.0), rng


def _seen(scene: Scene, size: tuple[int, int] = SIZE) -> Surface:
    scene.joints = [j for j in scene.joints if j.z_m > 0.25 * scene.radius_m]
    lay_segments(scene, -50.0, 200.0)
    return trace_scene(scene, Camera((0.0, 0.0, 0.0), focal=0.9), size)


def _area(surface: Surface, code: str) -> int:
    return int(np.count_nonzero(surface.masks[taxonomy().index(code)]))


@pytest.mark.parametrize(("code", "name"), _APPEARANCES)
def test_each_appearance_shows_its_class_alone(code: str, name: str) -> None:
    for seed in range(3):
        scene, rng = _bare(seed)
        _FAMILIES[code][name](scene, rng, 0.9, 2.0 * scene.radius_m)
        surface = _seen(scene)

        shown = {c for c in taxonomy().codes if _area(surface, c) >= min_visible(SIZE)}
        assert shown == {code}, f"{name}, seed {seed}"


@pytest.mark.parametrize(("code", "name"), _APPEARANCES)
def test_each_appearance_is_drawn_from_the_given_generator_alone(code: str, name: str) -> None:
    def picture() -> tuple[np.ndarray, np.ndarray]:
        scene, rng = _bare(5)
        _FAMILIES[code][name](scene, rng, 0.5, 2.0 * scene.radius_m)
        surface = _seen(scene, (48, 60))
        return surface.albedo, surface.hits.range_m

    for first, second in zip(picture(), picture(), strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("code", _FAMILIES)
def test_each_class_has_at_least_four_appearances(code: str) -> None:
    assert len(_FAMILIES[code]) >= 4


@pytest.mark.parametrize("kind", BEDS)
def test_a_bed_covers_more_the_more_severe_it_is(kind: str) -> None:
    areas = []
    for severity in (0.0, 0.45, 0.9):
        total = 0
        for seed in range(6):
            scene, rng = _bare(seed)
            paint_bed(scene, rng, severity, 2.0 * scene.radius_m, kind=kind)
            total += _area(_seen(scene), "AF")
        areas.append(total)

    assert areas[0] < 0.7 * areas[1] < 0.7 * 0.9 * areas[2]


def test_solids_are_nearer_than_the_wall_behind_them() -> None:
    for seed in range(12):
        scene, rng = _bare(seed)
        wall = _seen(scene).hits.range_m.copy()
        name = list(OBSTACLES)[seed % len(OBSTACLES)]
        OBSTACLES[name](scene, rng, 0.9, 2.0 * scene.radius_m)
        hits = _seen(scene).hits
        body = hits.part == SOLID

        assert body.any() or name == "rag"
        assert (hits.range_m[body] < wall[body]).all()


def test_a_body_darkens_the_wall_at_its_foot_and_nothing_far_from_it() -> None:
    scene, _ = _bare(1)
    radius = scene.radius_m
    bare = _seen(scene).shade.copy()
    scene.solids.append(
        Solid("ellipsoid", (0.0, -0.75 * radius, 2.5 * radius), (0.25 * radius,) * 3, np.eye(3, dtype=np.float32), (0.5, 0.5, 0.5))
    )
    surface = _seen(scene)
    ground = surface.hits.part != SOLID
    x, y, z = surface.position()
    near = ground & (np.hypot(x, z - 2.7 * radius) < 0.35 * radius) & (y < -0.85 * radius)
    crown = y > 0

    assert surface.shade[near].mean() < 0.8 * bare[near].mean()
    np.testing.assert_allclose(surface.shade[crown], bare[crown], atol=0.02)
