"""One labelled frame of a rendered sewer."""
# C classes, H W pixels

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.camera_chain import Chain, develop, draw_chain, hidden
from trainer.synth.errors import SynthError
from trainer.synth.geometry import Camera
from trainer.synth.light import Lamps, draw_lamps, illuminate, own_light
from trainer.synth.profiles import check_profile, draw_classes
from trainer.synth.quality import quality_flags
from trainer.synth.scene import Scene
from trainer.synth.staging import build_scene, draw_camera
from trainer.synth.surface import planes_from_bits
from trainer.synth.trace import trace_scene
from trainer.synth.truth import featureless, is_off_axis, labels_from_bits, operator_labels, visible_bits

MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
_ATTEMPTS = 6


class RenderedFrame(NamedTuple):
    """A frame with its truth.

    `image` (H, W, 3) uint8 RGB; `labels` (17,) uint8 0/1, what can be seen; `masks` (17, H, W) bool, where; `depth` (H, W) float32,
    metres along the optical axis; `operator_labels` (17,) uint8, what lies from 0.3 m behind to 1.0 m ahead, seen or not (`truth`);
    `camera` its pose in the pipe (metres, radians); `chainage_m` of the camera; `water_level` share of the diameter, 0..1; `flags`
    what is wrong with the picture ("off_axis", ...), in alphabetical order.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    depth: NDArray[np.float32]
    operator_labels: NDArray[np.uint8]
    camera: Camera
    chainage_m: float
    water_level: float
    flags: tuple[str, ...]


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
    """As `render_frame`, with the scene for what the frame does not hold (material, what was placed)."""
    _check(seed, size, profile, classes, severity)
    rng = np.random.default_rng([seed, 0])
    wanted = tuple(classes) if classes is not None else draw_classes(rng, profile)
    chain, lamps = draw_chain(rng), draw_lamps(rng)
    covered = hidden(chain, size)
    for attempt in range(_ATTEMPTS):
        rng = np.random.default_rng([seed, 1, attempt])
        scene, spot = build_scene(rng, wanted, severity)
        camera = draw_camera(rng, scene, spot, plain=attempt > 1)
        surface = trace_scene(scene, camera, size)
        if attempt + 1 < _ATTEMPTS and not _shows(surface.bits, wanted):
            continue  # nor would light help
        light = illuminate(surface, lamps, scene.radius_m)
        bits = visible_bits(surface, own_light(light, surface, lamps, scene.radius_m), covered)
        if attempt + 1 < _ATTEMPTS and not _shows(bits, wanted):
            continue  # no picture of it would be kept
        image = develop(light, chain, np.random.default_rng([seed, 2]))
        if bits.any():
            bits *= ~featureless(image)
        if _shows(bits, wanted):
            break
    depth = (surface.hits.range_m * surface.rays.cosine).astype(np.float32)
    chainage = float(camera.position_m[2])
    noted = operator_labels(scene.placed, np.array([chainage]))[0]
    flags = flags_of(chain, lamps, camera, image)
    labels, masks = labels_from_bits(bits), planes_from_bits(bits)
    return RenderedFrame(image, labels, masks, depth, noted, camera, chainage, scene.water_level, flags), scene


def _shows(bits: NDArray[np.uint32], wanted: Sequence[str]) -> bool:
    """Whether every wanted class covers enough pixels of the class bits (H, W)."""
    return not wanted or bool(labels_from_bits(bits)[[taxonomy().index(code) for code in wanted]].all())


def flags_of(chain: Chain, lamps: Lamps, camera: Camera, image: NDArray[np.uint8]) -> tuple[str, ...]:
    """What is wrong with a picture or its view, in alphabetical order."""
    off_axis = ("off_axis",) if is_off_axis(camera) else ()
    return tuple(sorted((*quality_flags(chain, lamps, image), *off_axis)))


def _check(seed: int, size: tuple[int, int], profile: str, classes: Sequence[str] | None, severity: float | None) -> None:
    check_seed(seed)
    check_size(size)
    check_profile(profile)
    unknown = [c for c in classes or () if c not in taxonomy().codes]
    if unknown:
        raise SynthError(f"{', '.join(map(repr, unknown))} is not one of the classes {' '.join(taxonomy().codes)}.")
    if severity is not None and not 0 <= severity <= 1:
        raise SynthError(f"severity {severity} must be 0 to 1.")
