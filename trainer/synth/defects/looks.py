"""Several looks for one class: each a painter of its own, drawn by weight."""

from collections.abc import Callable, Mapping

import numpy as np

from trainer.synth.scene import Scene

Look = Callable[[Scene, np.random.Generator, float, float], float]
Looks = Mapping[str, tuple[float, Look]]


def paint_look(looks: Looks, scene: Scene, rng: np.random.Generator, severity: float, z_m: float) -> float:
    """Draw a look and paint it; returns its clock angle."""
    weights = np.array([weight for weight, _ in looks.values()])
    name = list(looks)[int(rng.choice(len(weights), p=weights / weights.sum()))]
    return looks[name][1](scene, rng, severity, z_m)
