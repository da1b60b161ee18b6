"""Rendered frames: determinism, truth of labels, light, depth and refusals."""

import subprocess
import sys

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SynthError, min_visible, render_frame

TINY = (48, 60)
SMALL = (96, 118)


@pytest.mark.parametrize("seed", [0, 17, 2**40])
def test_same_seed_gives_the_same_bytes(seed: int) -> None:
    first, second = render_frame(seed, size=SMALL), render_frame(seed, size=SMALL)

    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


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

    for seed in range(400):
        frame = render_frame(seed, size=TINY)
        np.testing.assert_array_equal(frame.labels, frame.masks.sum(axis=(1, 2)) >= min_visible(TINY))
        assert frame.image.mean() > 20, f"seed {seed} is dark"
        seen += frame.labels

    assert (seen >= 5).all(), dict(zip(taxonomy().codes, seen, strict=True))


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
