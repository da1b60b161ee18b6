"""Damage of the wall (RB, OB, PF, DE) and what looks like it: every named appearance is labelled, where and as strongly as it shows."""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.defects.breaks import BREAKS, paint_break
from trainer.synth.defects.cracks import CRACKS
from trainer.synth.defects.production import FAULTS, paint_production_error
from trainer.synth.defects.shape import SHAPES, paint_deformation
from trainer.synth.defects.wear import WEAR, paint_surface_damage
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamps, illuminate
from trainer.synth.lookalikes import LOOKALIKES, add_lookalikes
from trainer.synth.materials import MATERIALS
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.scene import Scene
from trainer.synth.trace import trace_scene
from trainer.synth.truth import labels_from_masks, visible_masks

SIZE = (96, 118)
SEEDS = range(4)
Paint = Callable[[Scene, np.random.Generator], object]
BRICK = {"missing bricks", "lost mortar"}


class View(NamedTuple):
    light: NDArray[np.float32]
    masks: NDArray[np.bool_]
    labels: NDArray[np.uint8]


def look(seed: int, material: str, paint: Paint | None) -> View:
    """What a camera on the axis sees of a dry pipe after `paint`."""
    scene = new_scene(np.random.default_rng([seed, 1]), MATERIALS[material], start_m=-0.5, end_m=15.0)
    scene.egg = 0.0
    if paint:
        paint(scene, np.random.default_rng([seed, 2]))
    lay_segments(scene, -50.0, 200.0)
    surface = trace_scene(scene, Camera((0.0, 0.0, 0.0)), SIZE)
    light = illuminate(surface, Lamps(), scene.radius_m)
    masks = visible_masks(surface, light)
    return View(light, masks, labels_from_masks(masks))


TABLES = {"RB": {**CRACKS, **BREAKS}, "OB": WEAR, "PF": FAULTS, "DE": SHAPES}
MATERIAL = {"RB": "clay", "OB": "concrete", "PF": "white liner", "DE": "grey PVC"}
VARIANTS = [(code, name, "brick" if name in BRICK else MATERIAL[code]) for code, table in TABLES.items() for name in table]


def painted(code: str, name: str, severity: float) -> Paint:
    return lambda scene, rng: TABLES[code][name](scene, rng, severity, 2.0 * scene.radius_m)


def difference(view: View, bare: View, mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Relative change of light, with the automatic exposure of both made the same outside the mask."""
    ratio = np.median(view.light[~mask][:, 1] / np.maximum(bare.light[~mask][:, 1], 1e-3)) if not mask.all() else 1.0
    return np.asarray((np.abs(view.light / ratio - bare.light) / (0.05 + bare.light)).max(axis=-1), np.float32)


@pytest.mark.parametrize(("code", "name", "material"), VARIANTS)
def test_each_appearance_gives_its_label_alone_when_gross(code: str, name: str, material: str) -> None:
    expected = [int(c == code) for c in taxonomy().codes]

    for seed in SEEDS:
        assert look(seed, material, painted(code, name, 0.9)).labels.tolist() == expected, f"seed {seed}"


@pytest.mark.parametrize(("code", "name", "material"), VARIANTS)
def test_what_shows_grows_with_severity(code: str, name: str, material: str) -> None:
    index, shown = taxonomy().index(code), {}

    for severity in (0.1, 0.9):
        views = [(look(seed, material, painted(code, name, severity)), look(seed, material, None)) for seed in SEEDS]
        shown[severity] = sum(float(difference(view, bare, view.masks[index])[view.masks[index]].sum()) for view, bare in views)

    assert shown[0.9] > 1.3 * shown[0.1]


@pytest.mark.parametrize(("code", "name", "material"), VARIANTS)
def test_masks_lie_where_the_picture_changed(code: str, name: str, material: str) -> None:
    index, inside, changed = taxonomy().index(code), [], []

    for seed in SEEDS:
        view, bare = look(seed, material, painted(code, name, 0.9)), look(seed, material, None)
        mask = view.masks[index]
        change = difference(view, bare, mask)
        near = cv2.dilate(mask.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        strong = change > 0.12
        inside.append(float(near[strong].mean()))
        some = cv2.dilate((change > 0.03).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        changed.append(float(some[mask].mean()))

    assert np.mean(inside) > 0.8 and np.mean(changed) > 0.7, (inside, changed)


@pytest.mark.parametrize("name", ["roughened", "aggregate"])
@pytest.mark.parametrize("material", ["rough concrete", "cast iron", "concrete"])
def test_roughened_wall_is_rougher_than_the_sound_wall_under_it(name: str, material: str) -> None:
    ratios, index = [], taxonomy().index("OB")

    for seed in range(6):
        view, bare = look(seed, material, painted("OB", name, 0.4)), look(seed, material, None)
        mask = cv2.erode(view.masks[index].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        fine = [np.log(v.light[..., 1] + 0.02) - cv2.GaussianBlur(np.log(v.light[..., 1] + 0.02), (0, 0), 2) for v in (view, bare)]
        if np.count_nonzero(mask) > 60:
            ratios.append(float(fine[0][mask].std() / fine[1][mask].std()))

    assert len(ratios) >= 4 and np.median(ratios) > 1.15, ratios


@pytest.mark.parametrize(
    ("code", "paint", "materials"),
    [
        ("RB", paint_break, ("clay", "rough concrete", "brick", "ribbed PE", "orange PVC")),
        ("OB", paint_surface_damage, ("concrete", "cast iron", "brick", "clay", "grey PVC")),
        ("PF", paint_production_error, ("white liner", "blue liner", "concrete", "ribbed PE")),
        ("DE", paint_deformation, ("grey PVC", "ribbed PE", "clay")),
    ],
)
def test_every_material_can_be_damaged_and_few_draws_look_alike(
    code: str, paint: Callable[[Scene, np.random.Generator, float, float], float], materials: tuple[str, ...]
) -> None:
    for material in materials:
        views = [look(seed, material, lambda scene, rng: paint(scene, rng, 0.8, 1.8 * scene.radius_m)) for seed in range(8)]
        shares = {round(float(view.masks[taxonomy().index(code)].mean()), 4) for view in views}
        assert len(shares) >= 6
        assert sum(int(view.labels[taxonomy().index(code)]) for view in views) >= 7


@pytest.mark.parametrize("name", LOOKALIKES)
@pytest.mark.parametrize("material", ["clay", "concrete", "white liner", "grey PVC"])
def test_a_lookalike_marks_nothing(name: str, material: str) -> None:
    assert all(not look(seed, material, lambda s, rng: LOOKALIKES[name](s, rng, 1.5 * s.radius_m)).masks.any() for seed in SEEDS)


@pytest.mark.parametrize("name", LOOKALIKES)
def test_a_lookalike_shows(name: str) -> None:
    changes = []

    for seed in range(6):
        view = look(seed, "concrete", lambda scene, rng: LOOKALIKES[name](scene, rng, 1.2 * scene.radius_m))
        changes.append(difference(view, look(seed, "concrete", None), view.masks[0]).max())

    assert np.median(changes) > 0.04


def test_a_pipe_full_of_lookalikes_is_a_normal_one() -> None:
    for seed in range(12):
        for material in ("clay", "brick", "yellow liner", "ribbed PE"):
            view = look(seed, material, lambda scene, rng: add_lookalikes(scene, rng, 0.0, 60 * scene.radius_m))
            assert not view.labels.any()


def test_the_same_rng_paints_the_same_damage() -> None:
    for code, name, material in VARIANTS:
        first, second = (look(3, material, painted(code, name, 0.6)) for _ in range(2))
        np.testing.assert_array_equal(first.light, second.light, err_msg=f"{code} {name}")
