"""BE, deposits that stick to the wall: lime at joints, grease, tubercles, fouling, cement, biofilm; relief and lift are real."""

from collections.abc import Callable

import cv2
import numpy as np

from trainer.synth.defects.patches import fade, noise_cut, soft_patch, stone_cut
from trainer.synth.pipe import joint_at
from trainer.synth.scene import Curtain, Mound, Scene
from trainer.synth.texture import Grid

Rng = np.random.Generator
_WHITE, _YELLOW, _BROWN, _RUST, _DARK = (0.82, 0.79, 0.72), (0.72, 0.60, 0.34), (0.42, 0.31, 0.19), (0.50, 0.26, 0.08), (0.16, 0.13, 0.09)


def paint_attached_deposits(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Add BE; returns the clock angle."""
    names = list(ATTACHED)
    return ATTACHED[names[int(rng.integers(len(names)))]](scene, rng, severity, z_m)


def _tone(rng: Rng, *choices: tuple[float, float, float]) -> Grid:
    return np.array(choices[int(rng.integers(len(choices)))], np.float32) * rng.normal(rng.uniform(0.8, 1.15), 0.04, 3).astype(np.float32)


def _lay(
    scene: Scene,
    rng: Rng,
    place: tuple[float, float],
    half: tuple[float, float],
    height: Grid,
    rgb: Grid,
    *,
    lift_m: float,
    gloss: float = 0.1,
) -> None:
    """A crust at (theta, z) of half sizes (radians, metres), `height` 0..1 of `lift_m`; its colour follows its height."""
    grain = noise_cut(rng, "grain", height.shape, 0.8)
    colour = np.clip(rgb * (0.72 + 0.3 * height + 0.13 * grain)[..., None], 0.02, 0.97).astype(np.float32)
    lift = lift_m * fade(height.shape) * np.maximum(height + np.float32(0.04) * grain * (height > 0.1), 0)
    scene.mounds.append(Mound(*place, *half, lift.astype(np.float32), colour, gloss=gloss, bare_m=0.08 * lift_m, code="BE"))


def _ring_crust(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Lime or rust grown out of a joint, over an arc or all round."""
    joint_at(rng, scene, z_m)
    shape = (96, 256)
    theta, wide = float(rng.normal(0, 1.0)), 0.6 + 2.5 * severity * rng.uniform(0.6, 1.0)
    ragged = 0.25 + 0.35 * severity + 0.28 * noise_cut(rng, "cloud", (1, 256), 0.9)[0] + 0.12 * noise_cut(rng, "grain", (1, 256), 1.0)[0]
    ends = np.clip((1 - np.linspace(-1, 1, 256) ** 2) * 3, 0, 1)
    rows = np.abs(np.linspace(-1, 1, 96))[:, None] + 0.10 * noise_cut(rng, "grain", shape, 0.7)
    alpha = (np.clip((np.clip(ragged, 0.05, 0.9) * ends - rows) * 6, 0, 1) * fade(shape)).astype(np.float32)
    height = (cv2.GaussianBlur(alpha, (0, 0), 4) * (0.7 + 0.25 * noise_cut(rng, "cloud", shape, 1.6))).astype(np.float32)
    half = (min(wide, 3.1), scene.radius_m * (0.15 + 0.4 * severity))
    _lay(
        scene, rng, (theta, z_m), half, height, _tone(rng, _WHITE, _YELLOW, _BROWN, _RUST), lift_m=scene.radius_m * (0.02 + 0.13 * severity)
    )
    return theta


def _stalactites(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Mineral cones hanging from the crown over a crust."""
    _ring_crust(scene, rng, 0.5 * severity, z_m)
    size, num = 256, 3 + int(rng.poisson(3 + 12 * severity))
    canvas, light = np.zeros((size, size), np.uint8), np.full((size, size), 120, np.uint8)
    for _ in range(num):
        angle, long, thick = rng.normal(0, 0.45), size * (0.04 + 0.28 * severity) * rng.uniform(0.3, 1.2), rng.uniform(2, 4 + 5 * severity)
        root = np.array([size / 2 + np.sin(angle) * 122, size / 2 - np.cos(angle) * 122])
        cone = np.array([root - (thick, 2), root + np.array((thick, -2)), root + np.array((rng.normal(0, 2), long))])
        cv2.fillConvexPoly(canvas, (cone * 8).astype(np.int32), 255, cv2.LINE_AA, 3)
        cv2.fillConvexPoly(light, (cone * 8).astype(np.int32), int(rng.integers(90, 255)), cv2.LINE_AA, 3)
    rgb = _tone(rng, _WHITE, _YELLOW, _WHITE) * (light.astype(np.float32) / 220)[..., None]
    alpha = canvas.astype(np.float32) / np.float32(255)
    scene.curtains.append(Curtain(z_m, (0.0, 0.0), scene.radius_m * 1.04, alpha, np.asarray(rgb, np.float32), "BE", gloss=0.4))
    return 0.0


def _grease(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Pale soft lumps of fat along the water line, on one side or both."""
    side = float(rng.choice([-1, 1]))
    rgb = _tone(rng, (0.78, 0.73, 0.58), (0.62, 0.55, 0.38), (0.45, 0.42, 0.34))
    line = float(np.clip(np.arccos(np.clip(1 - 2 * max(scene.water_level, 0.1), -1, 1)), 0.6, 1.5))
    for s in (side, -side)[: 1 + int(rng.random() < 0.4)]:
        theta, half = np.pi - s * (line + 0.15), (0.22 + 0.4 * severity, scene.radius_m * (0.6 + 2.5 * severity))
        shape = (256, 96)
        alpha = soft_patch(rng, shape, 0.45 + 0.35 * severity, softness=0.15, scale=1.2)
        tone, body = stone_cut(rng, shape, 1.2, coarse=0.9)
        height = cv2.GaussianBlur(alpha * (0.75 + 0.3 * body + 0.03 * tone), (0, 0), 4)
        _lay(scene, rng, (float(theta), z_m), half, height, rgb, lift_m=scene.radius_m * (0.05 + 0.18 * severity), gloss=0.9)
    return float(np.pi - side * (line + 0.15))


def _tubercles(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Rounded rusty or limy knobs, scattered or crowded."""
    theta, shape = float(rng.uniform(-2.2, 2.2)), (224, 224)
    tone, body = stone_cut(rng, shape, rng.uniform(0.7, 1.6), coarse=0.7 + 0.3 * severity)
    area = soft_patch(rng, shape, 0.3 + 0.5 * severity, softness=0.5)
    alpha = np.clip(area * body * 3, 0, 1).astype(np.float32)
    height = (body * alpha).astype(np.float32)
    rgb = _tone(rng, _RUST, _BROWN, _WHITE, _YELLOW) * (1 + 0.12 * tone)[..., None]
    half = (0.4 + 0.9 * severity, scene.radius_m * (0.6 + 1.4 * severity))
    _lay(scene, rng, (theta, z_m), half, height, rgb, lift_m=scene.radius_m * (0.03 + 0.10 * severity))
    return theta


def _fouling(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """A thick dark or pale coat over much of the section, torn at its edges."""
    theta, shape = float(rng.uniform(-2.0, 2.0)), (224, 256)
    alpha = soft_patch(rng, shape, 0.4 + 0.45 * severity, softness=0.12, scale=1.0)
    height = (cv2.GaussianBlur(alpha, (0, 0), 2) * (0.7 + 0.28 * noise_cut(rng, "cloud", shape, 2.0))).astype(np.float32)
    half = (0.7 + 1.3 * severity, scene.radius_m * (0.8 + 2.2 * severity))
    rgb = _tone(rng, _DARK, _BROWN, (0.55, 0.47, 0.30), (0.35, 0.36, 0.28))
    _lay(scene, rng, (theta, z_m), half, height, rgb, lift_m=scene.radius_m * (0.02 + 0.12 * severity), gloss=0.3)
    return theta


def _cement(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Splashes and runs of cement or mortar, hard-edged, grey."""
    theta = float(rng.uniform(-2.4, 2.4))
    for number in range(1 + int(rng.poisson(1 + 5 * severity))):
        shape = (128, 128)
        alpha = soft_patch(rng, shape, rng.uniform(0.4, 0.7), softness=0.08, scale=1.6)
        height = (cv2.GaussianBlur(alpha, (0, 0), 1.5) * (0.75 + 0.2 * noise_cut(rng, "cloud", shape, 2.5))).astype(np.float32)
        size = (0.12 + 0.35 * severity) * rng.uniform(0.5, 1.3) * (1.0 if number else 1.4)
        place = (theta + rng.normal(0, 0.5) * (number > 0), z_m + rng.normal(0, 0.7) * scene.radius_m * (number > 0))
        half = (size, size * scene.radius_m * rng.uniform(0.8, 2.0))
        _lay(
            scene,
            rng,
            place,
            half,
            height,
            _tone(rng, (0.62, 0.60, 0.55), (0.75, 0.73, 0.68)),
            lift_m=scene.radius_m * (0.03 + 0.14 * severity) * min(1, 3 * size),
        )
    return theta


def _biofilm(scene: Scene, rng: Rng, severity: float, z_m: float) -> float:
    """Slime in hanging tongues: a coat on the wall whose lower edge comes down in ragged fingers."""
    side, shape = float(rng.choice([-1, 1])), (224, 256)
    theta = side * float(rng.uniform(0.5, 1.5))
    fingers = 0.55 * noise_cut(rng, "cloud", (224, 1), 2.0) + 0.25 * noise_cut(rng, "grain", (224, 1), 0.6) + 0.2 + 0.9 * severity
    down = np.linspace(-1, 1, 256)[None, :] * side + 0.12 * noise_cut(rng, "cloud", shape, 1.0)
    alpha = (np.clip((fingers - 0.6 - down) * 5, 0, 1) * fade(shape)).astype(np.float32)
    height = (cv2.GaussianBlur(alpha, (0, 0), 5) * (0.8 + 0.25 * noise_cut(rng, "cloud", shape, 2.4))).astype(np.float32)
    half = (0.5 + 0.5 * severity, scene.radius_m * (0.5 + 1.6 * severity))
    rgb = _tone(rng, (0.34, 0.26, 0.14), (0.62, 0.56, 0.42), (0.25, 0.27, 0.16), (0.70, 0.66, 0.58))
    _lay(scene, rng, (theta, z_m), half, height, rgb, lift_m=scene.radius_m * (0.02 + 0.12 * severity), gloss=1.2)
    return theta


ATTACHED: dict[str, Callable[[Scene, Rng, float, float], float]] = {
    "ring crust": _ring_crust,
    "stalactites": _stalactites,
    "grease": _grease,
    "tubercles": _tubercles,
    "fouling": _fouling,
    "cement": _cement,
    "biofilm": _biofilm,
}
