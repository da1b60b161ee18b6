"""AF, settled deposits in the invert, and BE, deposits that stick to the wall."""

import cv2
import numpy as np

from trainer.synth.defects.obstacles import add_rubble
from trainer.synth.defects.wear import soft_blob
from trainer.synth.scene import Decal, Fluid, Scene
from trainer.synth.texture import patch_noise

SIZE = 256
_BEDS = (  # colour, second colour, lumps, grain: sand, gravel, sludge, hardened mortar
    ((0.52, 0.42, 0.27), (0.36, 0.28, 0.18), 0.02, 0.25),
    ((0.42, 0.38, 0.31), (0.20, 0.17, 0.13), 0.05, 0.75),
    ((0.20, 0.16, 0.10), (0.10, 0.08, 0.05), 0.03, 0.30),
    ((0.62, 0.59, 0.52), (0.42, 0.38, 0.32), 0.045, 0.35),
    ((0.50, 0.34, 0.16), (0.30, 0.20, 0.10), 0.04, 0.45),
)


def paint_settled_deposits(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add AF: a bed with an uneven surface, from a thin strip to a third of the height; returns the clock angle."""
    rgb, second, lumps, grain = _BEDS[int(rng.integers(len(_BEDS)))]
    tone = rng.uniform(0.75, 1.2)
    length = scene.radius_m * (6 + 14 * severity) * rng.uniform(0.7, 1.3)
    scene.fluids.append(
        Fluid(
            level=float(0.05 + 0.27 * severity * rng.uniform(0.8, 1.1)),
            rgb=tuple(np.array(rgb) * tone),
            start_m=float(z_m - length * rng.uniform(0.1, 0.5)),
            end_m=float(z_m + length),
            rough_m=scene.radius_m * (lumps * 1.6 + 0.05 * severity),
            grain=grain,
            gloss=float(rng.uniform(0.1, 0.6)),
            lean=float(rng.normal(0, 0.12)),
            second_rgb=tuple(np.array(second) * tone),
            noise_offset=float(rng.uniform(0, 100)),
            code="AF",
        )
    )
    if rng.random() < 0.5:
        add_rubble(
            scene,
            rng,
            z_m,
            num=int(rng.integers(3, 12)),
            code="AF",
            rgb=tuple(np.array(rgb) * 0.9),
            level=scene.fluids[-1].level,
            size=0.05 + 0.07 * severity,
        )
    return float(np.pi)


def paint_attached_deposits(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add BE: lime at a joint, lumps, grease at the water line or a fouled wall; returns the clock angle."""
    variant = rng.choice(["lime", "lumps", "grease", "fouling"], p=[0.3, 0.3, 0.2, 0.2])
    tones = {"lime": (0.78, 0.74, 0.64), "lumps": (0.55, 0.47, 0.34), "grease": (0.72, 0.66, 0.48), "fouling": (0.24, 0.19, 0.12)}
    rgb = np.array(tones[str(variant)]) * rng.uniform(0.8, 1.12)
    if variant == "grease":
        theta = float(rng.choice([-1, 1]) * rng.uniform(1.3, 2.1))
        _add_crust(scene, rng, severity, z_m, theta, rgb, 0.35 + 0.3 * severity, 3.0 + 3 * severity, lumpy=0.7)
        return theta
    theta = float(rng.uniform(-2.0, 2.0))
    if variant == "lumps":
        for _ in range(2 + int(rng.poisson(2 + 8 * severity))):
            size = rng.uniform(0.06, 0.14) + 0.16 * severity
            place = theta + rng.normal(0, 0.6), z_m + rng.normal(0, 0.8) * scene.radius_m
            _add_crust(scene, rng, severity, float(place[1]), float(place[0]), rgb * rng.uniform(0.8, 1.15), size, size * 1.4, lumpy=0.4)
        return theta
    wide, long = (0.7 + 1.4 * severity, 0.35 + 0.5 * severity) if variant == "lime" else (0.8 + 1.0 * severity, 1.2 + 2 * severity)
    _add_crust(scene, rng, severity, z_m, theta, rgb, wide, long, lumpy=0.9)
    return theta


def _add_crust(
    scene: Scene,
    rng: np.random.Generator,
    severity: float,
    z_m: float,
    theta: float,
    rgb: np.ndarray,
    half_theta: float,
    half_z_radii: float,
    *,
    lumpy: float,
) -> None:
    size = 128 if half_theta < 0.4 else SIZE
    alpha = cv2.resize(soft_blob(rng, 0.85 - 0.35 * severity, softness=0.2, scale=0.8), (size, size), interpolation=cv2.INTER_AREA)
    noise = patch_noise(rng, size, 1.0) * 0.35 + patch_noise(rng, size, 2.0, "grain") * 0.12
    height = np.clip(cv2.GaussianBlur(alpha, (0, 0), 2.5) * (0.75 + lumpy * noise), 0, 1.3).astype(np.float32)
    colour = np.clip(rgb * (1 + 0.22 * noise[..., None]), 0.02, 0.95).astype(np.float32)
    lift = scene.radius_m * (0.02 + 0.16 * severity) * min(1.0, half_theta * 2.5)
    scene.decals.append(
        Decal(
            theta,
            z_m,
            half_theta,
            half_z_radii * scene.radius_m,
            np.clip(alpha * 1.2, 0, 1),
            colour,
            height * 1.6,
            lift_m=lift,
            gloss=0.15,
            code="BE",
        )
    )
