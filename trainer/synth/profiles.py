"""Which classes a frame shows: two mixes, `balanced` for training and `natural` near Sewer-ML's published counts."""

import numpy as np

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth.errors import SynthError

PROFILES = ("balanced", "natural")
_NORMAL_SHARE = {"balanced": 0.50, "natural": 0.531}
# Sewer-ML, counts over all splits in thousands (Haurum and Moeslund 2021, supplement, table 7)
_COUNTS = {
    "RB": 56.9,
    "OB": 231.3,
    "PF": 20.2,
    "DE": 23.4,
    "FS": 356.0,
    "IS": 8.1,
    "RO": 28.2,
    "IN": 29.8,
    "AF": 93.1,
    "BE": 83.1,
    "FO": 6.3,
    "GR": 67.6,
    "PH": 30.1,
    "PB": 8.3,
    "OS": 5.6,
    "OP": 6.5,
    "OK": 193.7,
}
# what is found together more often than by chance
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
# Sewer-ML has 2.0 labels per image that shows any: "natural" comes near it
_EXTRAS = {"balanced": (0.6, 0.3, 0.1, 0.0), "natural": (0.15, 0.3, 0.3, 0.25)}
_PARTNER_SHARE = {"balanced": 0.6, "natural": 0.15}
_LINER_ONLY = {"OS", "OP"}
_NOT_IN_LINER = {"RB", "DE", "FS", "IS", "GR", "PH", "PB", "OB", "OK"}


def check_profile(profile: str) -> None:
    """Refuse an unknown mix."""
    if profile not in PROFILES:
        raise SynthError(f"profile {profile!r} is not one of {', '.join(PROFILES)}.")


def draw_classes(rng: np.random.Generator, profile: str) -> tuple[str, ...]:
    """Codes to be shown by one frame: none for a normal one, else one to four."""
    if rng.random() < _NORMAL_SHARE[profile]:
        return ()
    codes = taxonomy().codes
    weights = np.ones(len(codes)) if profile == "balanced" else np.array([_COUNTS[c] for c in codes])
    chosen = [codes[int(rng.choice(len(codes), p=weights / weights.sum()))]]
    for _ in range(int(rng.choice(4, p=_EXTRAS[profile]))):
        extra = _draw_partner(rng, chosen, codes, weights, _PARTNER_SHARE[profile])
        if extra not in chosen and _may_join(chosen, extra):
            chosen.append(extra)
    return tuple(chosen)


def _draw_partner(rng: np.random.Generator, chosen: list[str], codes: tuple[str, ...], weights: np.ndarray, partner_share: float) -> str:
    if rng.random() < partner_share:
        options = _PARTNERS[chosen[0]].split()
        return options[int(rng.integers(len(options)))]
    return codes[int(rng.choice(len(codes), p=weights / weights.sum()))]


def _may_join(chosen: list[str], extra: str) -> bool:
    together = {*chosen, extra}
    return not (together & _LINER_ONLY and together & _NOT_IN_LINER)


def draw_drive_classes(rng: np.random.Generator, num: int, *, liner: bool, rigid: bool) -> list[str]:
    """Codes of the things met along one pipe: common ones more often (square root of the counts), OK at most once."""
    banned = _NOT_IN_LINER - {"OK"} if liner else set(_LINER_ONLY)
    banned = banned | (set() if rigid or liner else {"RB"}) | ({"DE"} if rigid else set())
    options = [c for c in taxonomy().codes if c not in banned]
    weights = np.sqrt([_COUNTS[c] for c in options])
    codes: list[str] = []
    for _ in range(num):
        allowed = np.array([0.0 if c == "OK" and "OK" in codes else 1.0 for c in options]) * weights
        codes.append(options[int(rng.choice(len(options), p=allowed / allowed.sum()))])
    return codes
