"""Is the second slower than the first? Rounds of both in pairs, told from noise by two tests that must agree.

A round's figure is its median. Paired rounds ran one after the other, so that what the machine did to one it did to both, and the ratio
of a pair is free of it. Slower means: the lower end of the 98 % bootstrap interval of the median ratio lies above 1 + 2 %, and the sign
test rejects "as often quicker as slower" at 5 %. Where the interval reaches beyond the slowdown we want to see, nothing can be said.
"""

# P pairs, R resamples

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from benchmarks.errors import BenchmarkError, UnlikeConditionsError
from benchmarks.record import Measurement

MARGIN = 0.02  # a slowdown that nobody would act on
SEEN = 0.05  # the slowdown that must be found
LEVEL = 0.98
SIGN_LEVEL = 0.05
NUM_RESAMPLES = 2000
MIN_PAIRS = 8  # the sign test needs 5 to reject anything, the bootstrap a few more to mean something

Outcome = Literal["slower", "quicker", "same", "not slower", "too noisy to tell"]
NOISY: Outcome = "too noisy to tell"


class Verdict(NamedTuple):
    """Median ratio of second to first, its interval, the sign test's p (None: no pairs), the number of rounds, and what follows."""

    ratio: float
    low: float
    high: float
    sign_p: float | None
    num_pairs: int
    outcome: Outcome

    def __str__(self) -> str:
        change = f"{100 * (self.ratio - 1):+.1f} % ({100 * (self.low - 1):+.1f} to {100 * (self.high - 1):+.1f})"
        how = "rounds, not in turns" if self.sign_p is None else f"pairs, sign test p {self.sign_p:.3f}"
        return f"{self.outcome}: {change}, {self.num_pairs} {how}"


def verdict_on(first_P: Sequence[float], second_P: Sequence[float], *, seed: int = 0) -> Verdict:
    """Compare paired rounds.

    Args:
        first_P: A round's figure of the first, any unit, smaller is better.
        second_P: Of the second, the same pairs in the same order.
        seed: Of the resampling.

    Raises:
        BenchmarkError: If there are too few pairs, or they are no pairs.
    """
    if len(first_P) != len(second_P) or len(first_P) < MIN_PAIRS:
        raise BenchmarkError(f"{len(first_P)} rounds against {len(second_P)}: at least {MIN_PAIRS} pairs are needed; measure longer")
    ratio_P = np.asarray(second_P, np.float64) / np.asarray(first_P, np.float64)
    draws_RP = np.random.default_rng(seed).integers(0, len(ratio_P), (NUM_RESAMPLES, len(ratio_P)))
    low, high = np.quantile(np.median(ratio_P[draws_RP], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    slower, quicker = int((ratio_P > 1).sum()), int((ratio_P < 1).sum())
    sign_p = sign_test(max(slower, quicker), slower + quicker)
    return Verdict(float(np.median(ratio_P)), float(low), float(high), sign_p, len(ratio_P), _outcome(low, high, sign_p))


def unpaired_verdict(first: Sequence[float], second: Sequence[float], *, seed: int = 0) -> Verdict:
    """Compare rounds that did not run in turns: what else the machine did is in the ratio, so that only more than 5 % counts.

    Raises:
        BenchmarkError: If there are too few rounds.
    """
    if min(len(first), len(second)) < MIN_PAIRS:
        raise BenchmarkError(f"{len(first)} and {len(second)} rounds: at least {MIN_PAIRS} of each are needed; measure longer")
    rng, rounds = np.random.default_rng(seed), (np.asarray(first, np.float64), np.asarray(second, np.float64))
    one_R, other_R = (np.median(own[rng.integers(0, len(own), (NUM_RESAMPLES, len(own)))], axis=1) for own in rounds)
    low, high = np.quantile(other_R / one_R, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    outcome: Outcome = "slower" if low > 1 + SEEN else "quicker" if high < 1 / (1 + SEEN) else _no_slower(low, high)
    return Verdict(float(np.median(rounds[1]) / np.median(rounds[0])), float(low), float(high), None, min(map(len, rounds)), outcome)


def _outcome(low: float, high: float, sign_p: float) -> Outcome:
    if sign_p < SIGN_LEVEL and low > 1 + MARGIN:
        return "slower"
    if sign_p < SIGN_LEVEL and high < 1 / (1 + MARGIN):
        return "quicker"
    return _no_slower(low, high)


def _no_slower(low: float, high: float) -> Outcome:
    """The same within what must be seen on both sides; not slower, and perhaps quicker; or nothing can be said."""
    if high >= 1 + SEEN:
        return NOISY
    return "same" if low > 1 / (1 + SEEN) else "not slower"


def sign_test(more: int, num: int) -> float:
    """One-sided p of at least `more` heads in `num` tosses of a fair coin; ties were left out."""
    return float(sum(math.comb(num, k) for k in range(more, num + 1)) / 2**num)


def differences(first: Measurement, second: Measurement, *, except_bundle: bool = False) -> tuple[str, ...]:
    """What differs in the conditions of two records, a clause each; empty where they may be compared.

    The code may differ: that is what is compared. With `except_bundle` the bundle may too.
    """
    machines, names = (first.fingerprint, second.fingerprint), first.fingerprint.__struct_fields__
    pairs: list[tuple[str, object, object]] = [(name, getattr(machines[0], name), getattr(machines[1], name)) for name in names]
    keys = sorted(first.settings.keys() | second.settings.keys())
    pairs += [(key.replace("_", " "), first.settings.get(key), second.settings.get(key)) for key in keys]
    if not except_bundle:
        pairs.append(("bundle", _bundle(first), _bundle(second)))
    pairs.append(("throttled while it ran", _throttled(first), _throttled(second)))
    return tuple(f"{name}: {a} against {b}" for name, a, b in pairs if a != b)


def _bundle(record: Measurement) -> str | None:
    return record.bundle.identity if record.bundle else None


def _throttled(record: Measurement) -> bool:
    return record.before.throttled != record.after.throttled or bool(record.before.cooling_steps or record.after.cooling_steps)


def check_alike(first: Measurement, second: Measurement, *, except_bundle: bool = False) -> None:
    """Refuse what must not be compared.

    Raises:
        UnlikeConditionsError: With everything that differs.
    """
    found = differences(first, second, except_bundle=except_bundle)
    if found:
        raise UnlikeConditionsError(f"{first.verb} '{first.name}' was measured under other conditions: {'; '.join(found)}")
