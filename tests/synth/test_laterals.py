"""Laterals: exact tracing of stubs, holes and mounds, truth of the masks, and every look of every class."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.geometry import INSIDE, SOLID, Camera
from trainer.synth.materials import MATERIALS
from trainer.synth.pipe import lay_segments
from trainer.synth.scene import Branch, Mound, Scene
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

RADIUS = 0.15
SIZE, SMALL = (121, 151), (96, 118)
AHEAD, UPWARD = Camera((0.0, 0.0, 0.0)), Camera((0.0, -0.08, 0.52), tilt=1.15)
STUB = Branch(0.0, 0.6, 0.05, 0.0, (0.8, 0.8, 0.8), "PH", stub_m=0.15, stub_thick_m=0.01)


def trace(*, branches: tuple[Branch, ...] = (), mounds: tuple[Mound, ...] = (), camera: Camera = AHEAD) -> Surface:
    """A bare concrete pipe with these things in it, as the camera sees it."""
    scene = Scene(RADIUS, [MATERIALS["concrete"]], branches=list(branches), mounds=list(mounds))
    lay_segments(scene, -5.0, 20.0)
    return trace_scene(scene, camera, SIZE)


def mask_of(surface: Surface, code: str) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = surface.masks[taxonomy().index(code)]
    return mask


def test_stub_hides_the_wall_behind_it_and_is_nearer() -> None:
    bare, built = trace(), trace(branches=(STUB,))

    stub = built.hits.part == SOLID

    assert stub.sum() > 200
    assert (built.hits.range_m[stub] < bare.hits.range_m[stub]).all()
    assert (built.hits.part[mask_of(built, "PH")] >= INSIDE).all()


def test_skin_of_a_stub_stands_where_its_cylinder_does() -> None:
    built = trace(branches=(STUB,))
    column = SIZE[1] // 2
    _, y_m, z_m = built.position()
    skin = (built.hits.part[:, column] == SOLID) & (y_m[:, column] > 0.01) & (y_m[:, column] < 0.12)

    assert skin.sum() > 10
    np.testing.assert_allclose(z_m[:, column][skin], 0.6 - 0.06, atol=1e-3)
    assert y_m[built.hits.part == SOLID].min() > -1e-3, "the stub ends at the axis"


def test_nothing_but_the_lateral_changes() -> None:
    bare, built = trace(), trace(branches=(STUB,))

    changed = bare.hits.range_m != built.hits.range_m

    assert not (changed & ~mask_of(built, "PH")).any()


def test_flush_lateral_is_seen_into_beyond_the_wall() -> None:
    bare, built = trace(), trace(branches=(replace(STUB, stub_m=0.0),))

    inside = built.hits.part == INSIDE

    assert inside.sum() > 20
    assert (built.hits.range_m[inside] >= bare.hits.range_m[inside]).all()
    np.testing.assert_array_equal(inside, mask_of(built, "PH"))


def test_lid_ends_the_view_into_a_lateral() -> None:
    built = trace(branches=(replace(STUB, stub_m=0.0, closed_m=0.03),), camera=UPWARD)

    inside = built.hits.part == INSIDE

    assert built.position()[1][inside].max() == pytest.approx(RADIUS + 0.03, abs=1e-3)


def test_broken_end_takes_away_from_a_stub() -> None:
    whole = trace(branches=(STUB,))
    broken = trace(branches=(replace(STUB, jag=np.tile(np.array([0.0, 0.08], np.float32), 8)),))

    assert (broken.hits.part == SOLID).sum() < 0.9 * (whole.hits.part == SOLID).sum()


def test_nearer_stub_hides_the_farther_one_whatever_their_order() -> None:
    near, far = STUB, replace(STUB, z_m=0.9, code="PB")

    first, second = trace(branches=(near, far)), trace(branches=(far, near))

    np.testing.assert_array_equal(first.hits.range_m, second.hits.range_m)
    np.testing.assert_array_equal(first.masks, second.masks)
    assert mask_of(first, "PB").sum() < mask_of(trace(branches=(far,)), "PB").sum()


def test_hole_wider_than_its_pipe_shows_the_pipes_end_set_back() -> None:
    flush = replace(STUB, stub_m=0.0)
    built = trace(branches=(replace(flush, hole_m=0.09, recess_m=0.04, end_rgb=(0.9, 0.1, 0.1)),), camera=UPWARD)

    end = (built.hits.part == INSIDE) & (built.albedo[..., 0] > 0.8) & (built.albedo[..., 1] < 0.2)

    assert end.sum() > 50
    np.testing.assert_allclose(built.position()[1][end], RADIUS + 0.04, atol=1e-3)


def test_mound_is_nearer_than_the_wall_it_stands_on_and_no_higher_than_its_map() -> None:
    height = np.zeros((40, 40), np.float32)
    height[8:32, 8:32] = 0.03
    bare, built = trace(), trace(mounds=(Mound(1.0, 0.5, 0.5, 0.08, height, (0.6, 0.6, 0.6), code="PH"),))

    raised = mask_of(built, "PH")

    assert raised.sum() > 50
    assert (built.hits.range_m[raised] < bare.hits.range_m[raised]).all()
    np.testing.assert_array_equal(built.hits.range_m[~raised], bare.hits.range_m[~raised])
    x_m, y_m, _ = built.position()
    above = RADIUS - np.hypot(x_m, y_m)[raised]
    assert above.max() < 0.0315 and np.median(above) > 0.01
