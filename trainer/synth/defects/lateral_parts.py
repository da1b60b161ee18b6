"""Laterals common to all kinds: how large, how far they stand in, what runs down below them."""

from dataclasses import replace

import numpy as np

from trainer.synth.defects.mortar import add_drip
from trainer.synth.defects.pipe_ends import cut_off
from trainer.synth.scene import Branch, Scene


def lateral_radius(scene: Scene, rng: np.random.Generator, severity: float, low: float, high: float) -> float:
    """Radius of a lateral in metres: a share of the pipe's, larger with severity."""
    share = np.clip(0.65 * severity + 0.35 * rng.random() + rng.normal(0, 0.08), 0, 1)
    return float(scene.radius_m * (low + (high - low) * share))


def put_lateral(scene: Scene, rng: np.random.Generator, branch: Branch) -> float:
    """Add the lateral, often with a stain below."""
    scene.branches.append(branch)
    if rng.random() < 0.4:
        add_drip(scene, rng, branch)
    return branch.theta


def stub_out(scene: Scene, branch: Branch, rng: np.random.Generator, severity: float, longest: float = 1.1) -> Branch:
    """The lateral with its pipe standing into the lumen, at most `longest` radii, and its end cut."""
    length = scene.radius_m * float(
        np.clip(0.06 + (longest - 0.06) * (0.75 * severity * rng.uniform(0.5, 1.2) + 0.25 * rng.random() ** 2), 0.06, longest)
    )
    return cut_off(replace(branch, stub_m=length), rng, broken=0.3)
