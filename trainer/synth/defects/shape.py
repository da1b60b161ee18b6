"""DE, deformation: an oval or dented cross-section over a stretch of pipe."""

import numpy as np

from trainer.synth.scene import Deform, Scene


def paint_deformation(scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Add DE; returns the clock angle."""
    radius = scene.radius_m
    theta = float(rng.normal(0, 0.5) if rng.random() < 0.6 else rng.uniform(-1.9, 1.9))
    half_z = radius * rng.uniform(2.0, 5.0)
    if rng.random() < 0.4:
        oval = -radius * (0.08 + 0.26 * severity)
        scene.deforms.append(Deform(z_m, max(half_z, 3 * radius), theta, oval_m=oval))
        return theta
    dent = radius * (0.14 + 0.62 * severity)
    width = rng.uniform(0.5, 1.3)
    scene.deforms.append(Deform(z_m, half_z, theta, dent_m=dent, dent_half_theta=width, crease=float(rng.choice([0.0, 0.5, 1.0]))))
    if rng.random() < 0.3:
        scene.deforms.append(Deform(z_m, half_z, theta + np.pi, dent_m=dent * 0.6, dent_half_theta=width))
    return theta
