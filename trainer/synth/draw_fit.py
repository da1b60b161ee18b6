"""Fitting the class draws: what must be asked for so that what is seen comes near the targets.

Frames are rendered; per class, the share of the askings that were seen is counted; the targets divided by these are what must be asked
for; the weights that ask so are found by drawing many sets (iterative proportional fitting).
"""
# N frames, C classes, K draws

from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.profiles import ClassDraws, draw_sets, target_shares

BASE_NUM_LABELS = {"natural": (0.38, 0.32, 0.19, 0.08, 0.03), "balanced": (0.6, 0.3, 0.1)}
_ROUNDS, _DRAWS = 30, 40_000
_HEADER = "# How often each class is asked for, so that rendered labels come near the targets of profiles.py.\n# Written by: {command}\n"


class Counted(NamedTuple):
    """Classes asked for and seen in rendered frames, both (N, 17) bool."""

    asked: NDArray[np.bool_]
    seen: NDArray[np.bool_]


def seen_share(counted: list[Counted]) -> NDArray[np.float64]:
    """Per class (17,) the share of its askings that were seen; two imagined ones, seen, keep rare classes from wild values."""
    asked = sum((c.asked.sum(axis=0) for c in counted), start=np.zeros(len(taxonomy())))
    both = sum(((c.asked & c.seen).sum(axis=0) for c in counted), start=np.zeros(len(taxonomy())))
    return np.asarray((both + 2.0) / (asked + 2.0))


def fit_draws(profile: str, counted: Counted, visible: NDArray[np.float64]) -> ClassDraws:
    """The draws that should bring the seen labels of a profile to its targets.

    Args:
        profile: Whose targets.
        counted: Frames of this profile, rendered with the present draws.
        visible: (17,) from `seen_share`.
    """
    normal, shares = target_shares(profile)
    has_asked, has_seen = counted.asked.any(axis=1), counted.seen.any(axis=1)
    any_seen = (np.count_nonzero(has_asked & has_seen) + 1) / (np.count_nonzero(has_asked) + 1)
    asked_shares = shares / visible
    defect = min((1 - normal) / any_seen, 0.95)
    num_labels = _tilted(BASE_NUM_LABELS[profile], float(asked_shares.sum() / defect))
    weights = asked_shares / asked_shares.sum()
    for number in range(_ROUNDS):
        drawn = draw_sets(np.random.default_rng([7, number]), _DRAWS, ClassDraws(1 - defect, num_labels, weights)).mean(axis=0)
        weights = weights * (asked_shares / np.maximum(drawn, 1 / _DRAWS)) ** (0.9 if number < _ROUNDS // 2 else 0.3)
        weights = weights / weights.sum()
    return ClassDraws(1 - defect, num_labels, weights)


def _tilted(shares: tuple[float, ...], mean: float) -> tuple[float, ...]:
    """Shares of 1, 2, ... labels, bent by a factor per label until their mean is `mean`."""
    base, count = np.array(shares), np.arange(1, len(shares) + 1)
    low, high = -5.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        bent = base * np.exp(middle * count)
        bent /= bent.sum()
        low, high = (middle, high) if bent @ count < mean else (low, middle)
    return tuple(float(share) for share in bent)


def write_draws(path: Path, draws: dict[str, ClassDraws], *, measured: dict[str, object], command: str) -> None:
    """Store draws of all profiles, with what they were measured on."""
    stored: dict[str, object] = {"measured": measured}
    for name, item in draws.items():
        stored[name] = {
            "normal": round(float(item.normal), 4),
            "num_labels": [round(float(share), 4) for share in item.num_labels],
            "weights": {code: float(f"{weight:.4g}") for code, weight in zip(taxonomy().codes, item.weights, strict=True)},
        }
    path.write_text(_HEADER.format(command=command) + yaml.safe_dump(stored, sort_keys=False), encoding="utf-8")
