"""Which classes a frame shows: two mixes, `balanced` for training and `natural` near Sewer-ML's published counts.

What is asked for is not always seen: a subtle crack may hide beside a gross one. The weights in `class_draws.yaml` make up for that, so
that the labels of rendered frames come near the targets here; `python -m trainer.synth.statistics --fit` measures and writes them.
"""
# K draws, C classes

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.errors import SynthError

PROFILES = ("balanced", "natural")
DRAWS_FILE = Path(__file__).with_name("class_draws.yaml")
# Sewer-ML, labels over all three splits (Haurum and Moeslund 2021, supplement, table 7)
SEWER_ML_IMAGES, SEWER_ML_NORMAL = 1_300_201, 690_722
SEWER_ML_COUNTS = {
    "RB": 56_860,
    "OB": 231_267,
    "PF": 20_224,
    "DE": 23_429,
    "FS": 355_982,
    "IS": 8_076,
    "RO": 28_238,
    "IN": 29_829,
    "AF": 93_097,
    "BE": 83_148,
    "FO": 6_256,
    "GR": 67_601,
    "PH": 30_079,
    "PB": 8_344,
    "OS": 5_612,
    "OP": 6_470,
    "OK": 193_699,
}
# what is found together more often than by chance: our judgement, no published figures
_PARTNERS = {
    "RB": "IN RO FS BE OB",
    "OB": "RB BE FS AF IN",
    "PF": "OS OK",
    "DE": "RB FS",
    "FS": "RO IN IS BE RB AF",
    "IS": "FS RO",
    "RO": "FS RB PH IN",
    "IN": "BE FS RB PH",
    "AF": "FS FO BE OB",
    "BE": "IN FS OB PH",
    "FO": "AF RB",
    "GR": "FS BE AF RO",
    "PH": "RB RO IN BE",
    "PB": "FS BE OB",
    "OS": "PF BE",
    "OP": "PF OK",
    "OK": "FS GR AF",
}
_PARTNER_FACTOR = 3.0
_NEVER = 1e-30
_LINER_ONLY = {"OS", "OP"}
_NOT_IN_LINER = {"RB", "DE", "FS", "IS", "GR", "PH", "PB", "OB", "OK"}


@dataclass(frozen=True, slots=True)
class ClassDraws:
    """How a frame's classes are drawn: share of frames asked for none, shares of one, two, ... classes, weight (17,) of each class."""

    normal: float
    num_labels: tuple[float, ...]
    weights: NDArray[np.float64]


def check_profile(profile: str) -> None:
    """Refuse an unknown mix."""
    if profile not in PROFILES:
        raise SynthError(f"profile {profile!r} is not one of {', '.join(PROFILES)}.")


def target_shares(profile: str) -> tuple[float, NDArray[np.float64]]:
    """What the labels of many frames should come to: the share of normal frames, and the share (17,) of frames per class."""
    if profile == "natural":
        return SEWER_ML_NORMAL / SEWER_ML_IMAGES, np.array([SEWER_ML_COUNTS[c] / SEWER_ML_IMAGES for c in taxonomy().codes])
    return 0.5, np.full(len(taxonomy()), 0.5 * 1.5 / len(taxonomy()))


@lru_cache(maxsize=1)
def class_draws() -> dict[str, ClassDraws]:
    """The draws of each profile, as measured."""
    stored = yaml.safe_load(DRAWS_FILE.read_text(encoding="utf-8"))
    return {
        name: ClassDraws(
            stored[name]["normal"], tuple(stored[name]["num_labels"]), np.array([stored[name]["weights"][c] for c in taxonomy().codes])
        )
        for name in PROFILES
    }


@lru_cache(maxsize=1)
def _affinity() -> NDArray[np.float64]:
    """Logarithm of how much a class already drawn favours another, (17, 17); hugely negative where both cannot be in one pipe."""
    codes = taxonomy().codes
    factor = np.ones((len(codes), len(codes)))
    for i, one in enumerate(codes):
        for j, other in enumerate(codes):
            if other in _PARTNERS[one].split() or one in _PARTNERS[other].split():
                factor[i, j] = _PARTNER_FACTOR
            if (one in _LINER_ONLY and other in _NOT_IN_LINER) or (other in _LINER_ONLY and one in _NOT_IN_LINER):
                factor[i, j] = _NEVER
    return np.log(factor)


def draw_sets(rng: np.random.Generator, num: int, draws: ClassDraws) -> NDArray[np.bool_]:
    """Sets of classes for `num` frames, (K, 17): one after the other by weight, what fits to those before favoured."""
    chosen = np.zeros((num, len(draws.weights)), np.bool_)
    wanted = 1 + np.searchsorted(np.cumsum(draws.num_labels)[:-1], rng.random(num), side="right")
    wanted[rng.random(num) < draws.normal] = 0
    for step in range(len(draws.num_labels)):
        chance = rng.random(num)  # drawn even where none is wanted: what is drawn next must not depend on it
        if not (wanted > step).any():
            continue
        weights = draws.weights * np.exp(chosen @ _affinity()) * ~chosen
        summed = np.cumsum(weights, axis=1)
        pick = (summed < (chance * summed[:, -1])[:, None]).sum(axis=1)
        possible = (wanted > step) & (summed[:, -1] > _NEVER**0.5)
        chosen[np.nonzero(possible)[0], pick[possible]] = True
    return chosen


def draw_classes(rng: np.random.Generator, profile: str) -> tuple[str, ...]:
    """Codes to be shown by one frame: none for a normal one, else one to five."""
    chosen = draw_sets(rng, 1, class_draws()[profile])[0]
    return tuple(code for code, is_wanted in zip(taxonomy().codes, chosen, strict=True) if is_wanted)


def draw_drive_classes(rng: np.random.Generator, num: int, *, liner: bool, rigid: bool) -> list[str]:
    """Codes of the things met along one pipe: common ones more often (square root of the counts), OK at most once."""
    banned = _NOT_IN_LINER - {"OK"} if liner else set(_LINER_ONLY)
    banned = banned | ({"DE"} if rigid else set())
    options = [c for c in taxonomy().codes if c not in banned]
    weights = np.sqrt([SEWER_ML_COUNTS[c] for c in options])
    codes: list[str] = []
    for _ in range(num):
        allowed = np.array([0.0 if c == "OK" and "OK" in codes else 1.0 for c in options]) * weights
        codes.append(options[int(rng.choice(len(options), p=allowed / allowed.sum()))])
    return codes
