"""When to try a lost camera again: quickly at first, then ever more rarely, but for ever.

The steps are go2rtc's (internal/streams/producer.go); the jitter keeps four cameras on one switch from knocking at the same instant.
"""

import random
from collections.abc import Sequence

STEPS_S = (*[1.0] * 5, *[5.0] * 5, *[10.0] * 10, 60.0)  # the last one repeats
JITTER = 0.2
GOOD_S = 30.0  # frames for this long, and the next loss starts from the first step again


class Backoff:
    """The pauses between attempts. It reads no clock: who uses it says what time it is.

    Args:
        steps_s: The pauses in order; the last one repeats.
        jitter: Share by which a pause may be longer or shorter (0..1).
        rng: Where the jitter comes from.
    """

    def __init__(self, steps_s: Sequence[float] = STEPS_S, *, jitter: float = JITTER, rng: random.Random | None = None) -> None:
        if not steps_s or min(steps_s) < 0:
            raise ValueError(f"steps_s is {steps_s}; it must hold pauses of 0 s or more")
        if not 0 <= jitter < 1:
            raise ValueError(f"jitter is {jitter}; it must be from 0 to below 1")
        self._steps_s, self._jitter, self._rng = tuple(steps_s), jitter, rng or random.Random()  # noqa: S311 - no secret hangs on it
        self._losses = 0
        self._good_since_s: float | None = None

    def frame(self, now_s: float) -> None:
        """A good frame came."""
        if self._good_since_s is None:
            self._good_since_s = now_s
        elif now_s - self._good_since_s >= GOOD_S:
            self._losses = 0

    def lost(self) -> float:
        """The camera is gone, or was not there when tried; returns the pause before the next attempt in seconds."""
        self._good_since_s = None
        step_s = self._steps_s[min(self._losses, len(self._steps_s) - 1)]
        self._losses += 1
        return step_s * (1 + self._jitter * self._rng.uniform(-1, 1))
