"""One labelled frame of a rendered sewer."""
# C classes, H W pixels

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.camera_chain import develop, draw_chain
from trainer.synth.clutter import add_clutter, add_water
from trainer.synth.defects import PAINTERS
from trainer.synth.errors import SynthError
from trainer.synth.geometry import Camera
from trainer.synth.light import draw_lamps, illuminate
from trainer.synth.materials import Material, draw_material
from trainer.synth.pipe import lay_segments, new_scene
from trainer.synth.profiles import check_profile, draw_classes
from trainer.synth.scene import FAR_RADII, Scene
from trainer.synth.surface import Surface
from trainer.synth.trace import trace_scene

MIN_SIDE_PX, MAX_SIDE_PX = 16, 4096
MIN_VISIBLE_SHARE = 0.0012
MIN_LIGHT = 0.035
_ATTEMPTS = 6
_ORDER = ("OK", "DE", "PF", "OB", "RB", "BE", "FS", "GR", "PH", "PB", "OS", "OP", "AF", "IN", "IS", "RO", "FO")


class RenderedFrame(NamedTuple):
    """A frame with its truth.

    `image` (H, W, 3) uint8 RGB; `labels` (17,) uint8 0/1, what can be seen; `masks` (17, H, W) bool, where;
    `depth` (H, W) float32, metres along the optical axis.
    """

    image: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    depth: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where in the pipe the thing to look at is."""

    theta: float
    z_m: float


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


def suitable_material(rng: np.random.Generator, wanted: Sequence[str]) -> Material:
    """A pipe material in which the wanted classes can occur."""
    if {"OS", "OP"} & set(wanted):
        return draw_material(rng, liner=True)
    if {"RB", "FS", "IS", "GR", "PH", "PB", "OB"} & set(wanted):
        return draw_material(rng, liner=False, rigid=True if "RB" in wanted or "OB" in wanted else None)
    if "DE" in wanted:
        return draw_material(rng, liner=False, rigid=False if rng.random() < 0.7 else None)
    if "PF" in wanted:
        return draw_material(rng, liner=bool(rng.random() < 0.7))
    return draw_material(rng)


def build_scene(rng: np.random.Generator, wanted: Sequence[str], severity: float | None) -> tuple[Scene, Spot]:
    """A pipe from just behind the camera (z = 0) to the dark, showing the wanted classes near it."""
    scene = new_scene(rng, suitable_material(rng, wanted), start_m=-0.5, end_m=15.0)
    radius = scene.radius_m
    add_water(scene, rng)
    spot = Spot(float(rng.uniform(-2.0, 2.0)), float(radius * np.exp(rng.uniform(np.log(1.3), np.log(4.0)))))
    focus = spot
    for code in sorted(wanted, key=_ORDER.index):
        strength = float(rng.beta(1.3, 1.2)) if severity is None else severity
        z = spot.z_m * float(np.exp(rng.normal(0, 0.2))) if code != "OK" else spot.z_m * 1.3
        theta = PAINTERS[code](scene, rng, strength, z)
        focus = Spot(theta, z)
    add_clutter(scene, rng, -0.2, FAR_RADII * radius * 0.4)
    scene.joints = [j for j in scene.joints if j.z_m > 0.25 * radius]
    lay_segments(scene, -50.0, 200.0)
    return scene, focus


def draw_camera(rng: np.random.Generator, scene: Scene, spot: Spot, *, plain: bool = False) -> Camera:
    """A camera near the axis: mostly looking along it, sometimes turned to the spot, rarely at the wall close by; `plain` only along."""
    radius = scene.radius_m
    kind = rng.choice(["axial", "turned", "wall"], p=[1.0, 0.0, 0.0] if plain else [0.72, 0.18, 0.10])
    x, y = rng.normal(0, 0.08) * radius, rng.normal(-0.05, 0.13) * radius
    y = float(np.clip(y, (2 * scene.water_level - 1) * radius * 0.8 + 0.15 * radius, 0.4 * radius))
    x = float(np.clip(x, -0.3 * radius, 0.3 * radius))
    share = {"axial": 0.0, "turned": rng.uniform(0.25, 0.7), "wall": rng.uniform(0.75, 1.0)}[str(kind)]
    aim = np.array([np.sin(spot.theta) * radius - x, np.cos(spot.theta) * radius - y, max(spot.z_m, 0.5 * radius)])
    pan = float(np.arctan2(aim[0], aim[2])) * share + rng.normal(0, 0.05)
    tilt = float(np.arctan2(aim[1], np.hypot(aim[0], aim[2]))) * share + rng.normal(0, 0.05)
    focal = 1 / np.tan(np.radians(rng.uniform(62, 100) if kind == "axial" else rng.uniform(48, 85)) / 2)
    return Camera((x, y, 0.0), pan, tilt, float(rng.normal(0, 0.05)), float(focal), float(rng.uniform(0.0, 0.12)))
