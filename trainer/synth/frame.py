"""One labelled frame of a rendered sewer."""
# C classes, H W pixels

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.camera_chain import develop, draw_chain
from trainer.synth.errors import SynthError
from trainer.synth.light import draw_lamps, illuminate
from trainer.synth.profiles import check_profile, draw_classes
from trainer.synth.scene import Scene
from trainer.synth.staging import build_scene, draw_camera
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
MIN_VISIBLE_SHARE = 0.0012
MIN_LIGHT = 0.035
_ATTEMPTS = 6


class RenderedFrame(NamedTuple):
    """A frame with its truth.

    `image` (H, W, 3) uint8 RGB; `labels` (17,) uint8 0/1, what can be seen; `masks` (17, H, W) bool, where;
    `depth` (H, W) float32, metres along the optical axis.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    depth: NDArray[np.float32]


def min_visible(size: tuple[int, int]) -> int:
    """Pixels that a class must cover in an image of `size` (height, width) to be labelled."""
    return max(3, round(MIN_VISIBLE_SHARE * size[0] * size[1]))


def labels_from_masks(masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Labels (17,) of masks (17, H, W): 1 where a class covers enough pixels."""
    enough = min_visible((masks.shape[1], masks.shape[2]))
    return np.array([np.count_nonzero(mask) >= enough for mask in masks], dtype=np.uint8)


def check_size(size: tuple[int, int]) -> None:
    """Refuse sizes that no camera has."""
    if len(size) != 2 or not all(MIN_SIDE_PX <= side <= MAX_SIDE_PX for side in size):
        raise SynthError(f"size {tuple(size)} must be (height, width), each {MIN_SIDE_PX} to {MAX_SIDE_PX} px.")


def check_seed(seed: int) -> None:
    """Refuse negative seeds."""
    if seed < 0:
        raise SynthError(f"seed {seed} must not be negative.")


def render_frame(
    seed: int,
    *,
    size: tuple[int, int] = (288, 352),
    profile: str = "balanced",
    classes: Sequence[str] | None = None,
    severity: float | None = None,
) -> RenderedFrame:
    """Render one labelled frame; the same arguments give the same bytes.

    Args:
        seed: Not negative.
        size: (height, width).
        profile: Mix of classes, "balanced" or "natural".
        classes: Show exactly these codes instead of a draw from the profile.
        severity: 0 (subtle) to 1 (gross) for every class shown; drawn per class if None.

    Raises:
        SynthError: For an impossible size, an unknown profile or class, a negative seed, a severity outside 0..1.
    """
    return render_with_scene(seed, size=size, profile=profile, classes=classes, severity=severity)[0]


def render_with_scene(
    seed: int, *, size: tuple[int, int], profile: str, classes: Sequence[str] | None, severity: float | None
) -> tuple[RenderedFrame, Scene]:
    """As `render_frame`, with the scene for what the labels do not hold (water level)."""
    _check(seed, size, profile, classes, severity)
    rng = np.random.default_rng([seed, 0])
    wanted = tuple(classes) if classes is not None else draw_classes(rng, profile)
    chain, lamps = draw_chain(rng), draw_lamps(rng)
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, 1, attempt])
        scene, spot = build_scene(rng, wanted, severity)
        camera = draw_camera(rng, scene, spot, plain=attempt > 1)
        surface = trace_scene(scene, camera, size)
        light = illuminate(surface, lamps, scene.radius_m)
        masks = visible_masks(surface, light)
        labels = labels_from_masks(masks)
        if all(labels[taxonomy().index(code)] for code in wanted):
            break
    image = develop(light, chain, np.random.default_rng([seed, 2]))
    depth = (surface.hits.range_m * surface.rays.cosine).astype(np.float32)
    return RenderedFrame(image, labels, masks, depth), scene


def _check(seed: int, size: tuple[int, int], profile: str, classes: Sequence[str] | None, severity: float | None) -> None:
    check_seed(seed)
    check_size(size)
    check_profile(profile)
    unknown = [c for c in classes or () if c not in taxonomy().codes]
    if unknown:
        raise SynthError(f"{', '.join(map(repr, unknown))} is not one of the classes {' '.join(taxonomy().codes)}.")
    if severity is not None and not 0 <= severity <= 1:
        raise SynthError(f"severity {severity} must be 0 to 1.")


def visible_masks(surface: Surface, light: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mask pixels that are lit well enough to be seen."""
    masks: NDArray[np.bool_] = surface.masks & (light[..., 1] > np.float32(MIN_LIGHT))
    return masks
