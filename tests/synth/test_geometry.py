"""Rays and walls: depth, the equation of the pipe, sections, bends, class bits."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import render_frame
from trainer.synth.bend import axis_offset
from trainer.synth.blocks import places_in
from trainer.synth.crossing import first_crossing
from trainer.synth.geometry import Camera, Hits, Rays, cast_rays, section_table
from trainer.synth.materials import MATERIALS
from trainer.synth.scene import FAR_RADII, Bend, Joint, Scene, Section, Segment
from trainer.synth.surface import Surface, planes_from_bits
from trainer.synth.walls import trace_wall

SIZE = (36, 44)
POSES = st.builds(
    Camera,
    st.tuples(st.floats(-0.08, 0.08), st.floats(-0.08, 0.08), st.floats(-1.0, 5.0)),
    st.floats(-1.5, 1.5),
    st.floats(-1.5, 1.5),
    st.floats(-0.4, 0.4),
    st.floats(0.7, 3.7),
    st.floats(0.0, 0.35),
)


def _pipe(radius_m: float = 0.2, **more: object) -> Scene:
    scene = Scene(radius_m, [MATERIALS["concrete"]], **more)  # type: ignore[arg-type]
    scene.segments.append(Segment(-50.0, 200.0, (0.0, 0.0), radius_m, 0))
    return scene


def _points(rays: Rays, hits: Hits) -> tuple[np.ndarray, ...]:
    return tuple(np.float32(o) + hits.range_m * d for o, d in zip(rays.origin_m, (rays.x, rays.y, rays.z), strict=True))


@settings(max_examples=40, deadline=None)
@given(POSES)
def test_straight_pipe_is_met_at_its_radius_and_depth_is_positive(camera: Camera) -> None:
    scene, rays = _pipe(), cast_rays(camera, SIZE)
    hits = trace_wall(scene, rays)
    x, y, z = _points(rays, hits)
    near = hits.range_m < FAR_RADII * scene.radius_m
    depth = hits.range_m * rays.cosine

    assert np.isfinite(hits.range_m).all() and (depth > 0).all()
    assert near.any()
    np.testing.assert_allclose(np.hypot(x, y)[near], scene.radius_m, atol=1e-3)
    np.testing.assert_allclose(z[near], hits.z_m[near], atol=1e-3)
    np.testing.assert_allclose((np.sin(hits.theta) * hits.radius_m)[near], x[near], atol=1e-3)


@settings(max_examples=40, deadline=None)
@given(POSES)
def test_unit_rays_and_cosines_belong_together(camera: Camera) -> None:
    rays = cast_rays(camera, SIZE)
    forward = np.array([np.sin(camera.pan) * np.cos(camera.tilt), np.sin(camera.tilt), np.cos(camera.pan) * np.cos(camera.tilt)])

    np.testing.assert_allclose(rays.x**2 + rays.y**2 + rays.z**2, 1, atol=1e-4)
    np.testing.assert_allclose(rays.x * forward[0] + rays.y * forward[1] + rays.z * forward[2], rays.cosine, atol=1e-4)


@settings(max_examples=30, deadline=None)
@given(st.floats(-0.1, 0.1), st.floats(-0.1, 0.1), st.floats(-np.pi, np.pi))
def test_depth_grows_as_a_ray_turns_into_the_pipe(x: float, y: float, clock: float) -> None:
    slant = np.linspace(1.4, 0.1, 40, dtype=np.float32)[None, :]
    across = np.sin(slant)
    rays = Rays(across * np.float32(np.sin(clock)), across * np.float32(np.cos(clock)), np.cos(slant), np.cos(slant), (x, y, 0.0), 0.01)
    hits = trace_wall(_pipe(), rays)

    assert (np.diff(hits.range_m * rays.cosine) > 0).all()


@settings(max_examples=30, deadline=None)
@given(POSES, st.floats(0.1, 1.0), st.booleans())
def test_egg_and_arch_are_met_within_a_millimetre(camera: Camera, egg: float, arch: bool) -> None:
    scene = _pipe(section=Section(2.0, 5.0, 0.8)) if arch else _pipe(egg=egg)
    rays = cast_rays(camera, SIZE)
    hits = trace_wall(scene, rays)
    x, y, _ = _points(rays, hits)
    near = hits.range_m < 20 * scene.radius_m
    table = section_table(scene.section, scene.egg)[0]
    angle = np.mod(np.arctan2(x, y), 2 * np.pi)
    wall = scene.radius_m * np.interp(angle, np.linspace(0, 2 * np.pi, len(table)), table)

    np.testing.assert_allclose(np.hypot(x, y)[near], wall[near], atol=1e-3)


def test_standard_egg_is_two_thirds_as_wide_as_high() -> None:
    table = section_table(None, 1.0)[0]
    theta = np.linspace(0, 2 * np.pi, len(table))

    assert table[0] == pytest.approx(1, abs=1e-3) and table[len(table) // 2] == pytest.approx(1, abs=1e-3)
    assert (table * np.abs(np.sin(theta))).max() == pytest.approx(2 / 3, abs=2e-3)
    assert np.abs(np.diff(table)).max() < 0.01


@settings(max_examples=20, deadline=None)
@given(POSES, st.floats(0, 6.28))
def test_bend_of_no_angle_is_a_straight_pipe(camera: Camera, toward: float) -> None:
    rays = cast_rays(camera, SIZE)
    straight, bent = trace_wall(_pipe(), rays), trace_wall(_pipe(bend=Bend(1.0, 1.0, 0.0, toward)), rays)
    near = straight.range_m < 20 * 0.2

    np.testing.assert_allclose(bent.range_m[near], straight.range_m[near], atol=2e-3)


def test_bend_is_met_on_its_shifted_wall_and_hides_the_far_end() -> None:
    bend, rays = Bend(0.5, 0.8, 0.8, 1.2), cast_rays(Camera((0.0, 0.0, 0.0), focal=1.5), (72, 88))
    hits = trace_wall(_pipe(bend=bend), rays)
    x, y, z = _points(rays, hits)
    off_x, off_y = axis_offset(bend, z)
    past = z > 0.5

    assert past.mean() > 0.02
    np.testing.assert_allclose(np.hypot(x - off_x, y - off_y)[past], 0.2, atol=2e-3)
    assert hits.range_m.max() < 4.0


def test_crossing_takes_the_nearest_of_several_bulges() -> None:
    near, far = np.zeros(5, np.float32), np.full(5, 10, np.float32)

    reach = first_crossing(lambda t: np.sin(t).astype(np.float32) - np.float32(0.5), near, far, samples=12, steps=6)

    np.testing.assert_allclose(reach, np.pi / 6, atol=1e-3)


def test_ordinary_joint_is_paint_and_a_step_is_not() -> None:
    assert not Joint(1.0).stands_out
    assert Joint(1.0, shift_xy=(0.01, 0.0)).stands_out and Joint(1.0, gap_m=0.03).stands_out and Joint(1.0, widen_m=-0.01).stands_out


def test_class_bits_come_back_as_planes() -> None:
    rng = np.random.default_rng(3)
    planes = rng.random((len(taxonomy()), 9, 7)) < 0.3
    bits = sum(plane.astype(np.uint32) << np.uint32(k) for k, plane in enumerate(planes))

    np.testing.assert_array_equal(planes_from_bits(np.asarray(bits, np.uint32)), planes)


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**32 - 1))
def test_places_in_a_window_are_those_of_the_whole_picture(rows: int, columns: int, top: int, left: int, seed: int) -> None:
    picture = np.zeros((13, 13), np.bool_)
    box = slice(top, top + rows), slice(left, left + columns)
    picture[box] = np.random.default_rng(seed).random((rows, columns)) < 0.5

    np.testing.assert_array_equal(places_in(box, picture[box], 13), np.flatnonzero(picture))


def test_covering_hides_classes_and_every_kind_of_selection_means_the_same() -> None:
    surface = _surface()
    chosen = np.zeros(SIZE, np.bool_)
    chosen[3:5, 2:9] = True
    surface.mark("RB", chosen)
    surface.mark("OB", np.nonzero(chosen))
    surface.mark("BE", np.flatnonzero(chosen))

    for code in ("RB", "OB", "BE"):
        np.testing.assert_array_equal(surface.masks[taxonomy().index(code)], chosen)
    where = np.nonzero(chosen)
    surface.cover(where, np.full(14, 0.1, np.float32), (0.5, 0.5, 0.5), part=5, gloss=0.0, code="FO")
    assert surface.masks.sum() == 14 and surface.masks[taxonomy().index("FO")][chosen].all()
    np.testing.assert_allclose(surface.position()[2][where], 0.1 * surface.rays.z[where], atol=1e-6)
    np.testing.assert_array_equal(surface.position_of(np.flatnonzero(chosen)), [axis[where] for axis in surface.position()])


def _surface() -> Surface:
    rays = cast_rays(Camera((0.0, 0.0, 0.0)), SIZE)
    hits = trace_wall(_pipe(), rays)
    plain = [np.zeros(SIZE, np.float32) for _ in range(4)]
    return Surface(hits, rays, np.zeros((*SIZE, 3), np.float32), *plain)


def test_number_of_threads_changes_no_byte() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        single = [render_frame(seed, size=(96, 118)) for seed in range(4)]
        cv2.setNumThreads(4)
        for seed, frame in enumerate(single):
            again = render_frame(seed, size=(96, 118))
            np.testing.assert_array_equal(again.image, frame.image)
            np.testing.assert_array_equal(again.depth, frame.depth)
    finally:
        cv2.setNumThreads(before)
