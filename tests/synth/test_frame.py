"""Rendered frames: determinism, truth of labels, light, depth and refusals."""

import subprocess
import sys

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SynthError, min_visible, render_frame
from trainer.synth.frame import RenderedFrame, render_with_scene
from trainer.synth.scene import Placed, Scene
from trainer.synth.truth import OFF_AXIS_DEG, featureless, labels_from_bits, labels_from_masks, off_axis_deg, operator_labels

TINY = (48, 60)
SMALL = (96, 118)


@pytest.fixture(scope="module")
def natural() -> list[tuple[RenderedFrame, Scene]]:
    """Draws of the natural profile with their scenes."""
    return [render_with_scene(seed, size=TINY, profile="natural", classes=None, severity=None) for seed in range(120)]


@pytest.mark.parametrize("seed", [0, 17, 2**40])
def test_same_seed_gives_the_same_bytes(seed: int) -> None:
    first, second = render_frame(seed, size=SMALL), render_frame(seed, size=SMALL)

    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first.camera == second.camera and first.flags == second.flags


def test_other_seed_gives_another_image() -> None:
    assert not np.array_equal(render_frame(1, size=SMALL).image, render_frame(2, size=SMALL).image)


def test_shapes_and_types() -> None:
    frame = render_frame(3, size=(90, 120))

    assert frame.image.shape == (90, 120, 3) and frame.image.dtype == np.uint8
    assert frame.labels.shape == (17,) and frame.labels.dtype == np.uint8
    assert frame.masks.shape == (17, 90, 120) and frame.masks.dtype == np.bool_
    assert frame.depth.shape == (90, 120) and frame.depth.dtype == np.float32


@pytest.mark.parametrize("code", taxonomy().codes)
def test_forced_class_is_the_only_label_and_its_mask_is_seen(code: str) -> None:
    expected = np.array([c == code for c in taxonomy().codes], np.uint8)

    for seed in range(4):
        frame = render_frame(seed, size=SMALL, classes=[code], severity=1.0)
        np.testing.assert_array_equal(frame.labels, expected, err_msg=f"{code} seed {seed}")


def test_labels_are_exactly_the_classes_with_enough_mask_pixels_and_all_occur() -> None:
    seen = np.zeros(17, int)

    for seed in range(280):
        frame = render_frame(seed, size=TINY)
        np.testing.assert_array_equal(frame.labels, frame.masks.sum(axis=(1, 2)) >= min_visible(TINY))
        assert frame.image.mean() > 20, f"seed {seed} is dark"
        seen += frame.labels

    assert (seen >= 3).all(), dict(zip(taxonomy().codes, seen, strict=True))


def test_what_is_seen_was_placed(natural: list[tuple[RenderedFrame, Scene]]) -> None:
    for seed, (frame, scene) in enumerate(natural):
        seen = {code for code, label in zip(taxonomy().codes, frame.labels, strict=True) if label}
        assert seen <= {thing.code for thing in scene.placed}, f"seed {seed}"


def test_frame_states_pose_water_and_flags() -> None:
    frames = [render_frame(seed, size=TINY) for seed in range(60)]

    assert any("off_axis" in frame.flags for frame in frames)
    for frame in frames:
        assert ("off_axis" in frame.flags) == (off_axis_deg(frame.camera) > OFF_AXIS_DEG)
        assert list(frame.flags) == sorted(set(frame.flags))
        assert frame.chainage_m == frame.camera.position_m[2]
        assert 0 <= frame.water_level < 1 and frame.camera.focal > 0


@pytest.mark.parametrize(
    ("from_m", "to_m", "noted"),
    [
        (4.0, 4.0, False),
        (4.69, 4.69, False),
        (4.71, 4.71, True),
        (5.0, 5.0, True),
        (5.99, 5.99, True),
        (6.01, 6.01, False),
        (2.0, 4.6, False),
        (2.0, 4.8, True),
        (2.0, 9.0, True),
        (5.9, 9.0, True),
        (6.1, 9.0, False),
    ],
)
def test_operator_notes_from_30_cm_behind_to_1_m_ahead(from_m: float, to_m: float, noted: bool) -> None:
    things = [Placed("RO", from_m, to_m, 0.0, 0.5), Placed("FS", 50.0, 50.0, 0.0, 0.5)]

    labels = operator_labels(things, np.array([5.0, 20.0]))

    assert labels.shape == (2, 17) and labels.sum() == noted
    assert bool(labels[0, taxonomy().index("RO")]) == noted


def test_what_is_seen_far_ahead_is_not_yet_noted(natural: list[tuple[RenderedFrame, Scene]]) -> None:
    ahead = 0

    for frame, scene in natural:
        for k in np.nonzero(frame.labels > frame.operator_labels)[0]:
            assert all(thing.from_m > 1.0 for thing in scene.placed if thing.code == taxonomy().codes[k])
            ahead += 1

    assert ahead > 0


def test_mask_just_large_enough_is_a_label() -> None:
    masks = np.zeros((17, *SMALL), np.bool_)
    enough = min_visible(SMALL)
    masks[3].reshape(-1)[:enough] = True
    masks[4].reshape(-1)[: enough - 1] = True

    labels = labels_from_masks(masks)

    assert labels[3] == 1 and labels.sum() == 1
    bits = sum(mask.astype(np.uint32) << np.uint32(k) for k, mask in enumerate(masks))
    np.testing.assert_array_equal(labels_from_bits(np.asarray(bits, np.uint32)), labels)


def test_empty_classes_give_a_normal_frame() -> None:
    assert all(not render_frame(seed, size=TINY, classes=[]).masks.any() for seed in range(20))


def test_depth_is_positive_and_grows_towards_the_far_end() -> None:
    for seed in range(10):
        depth = render_frame(seed, size=SMALL, classes=[]).depth
        assert (depth > 0).all()
        far = np.unravel_index(depth.argmax(), depth.shape)
        border = np.concatenate([depth[0], depth[-1], depth[:, 0], depth[:, -1]])
        assert depth[far] > 3 * np.median(border)


@pytest.mark.parametrize(
    "arguments",
    [
        {"size": (8, 100)},
        {"size": (100, 5000)},
        {"profile": "even"},
        {"classes": ["XX"]},
        {"classes": ["VA"]},
        {"severity": 1.5},
        {"severity": float("nan")},
        {"seed": -1},
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, object]) -> None:
    seed = arguments.pop("seed", 0)

    with pytest.raises(SynthError) as error:
        render_frame(seed, **arguments)  # type: ignore[arg-type]

    assert "\n" not in str(error.value)


def test_torch_is_not_needed() -> None:
    code = "import sys, trainer.synth; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_flat_or_noisy_picture_shows_nothing_but_an_edge_shows() -> None:
    noise = np.random.default_rng(0).normal(128, 6, (144, 176, 3)).astype(np.uint8)
    edge = noise.copy()
    edge[:, 88:] -= 30

    assert featureless(noise).mean() > 0.95
    assert not featureless(edge)[:, 86:90].any()
    assert featureless(edge)[:, :60].mean() > 0.95
