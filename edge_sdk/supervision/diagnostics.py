"""One word for a dashboard, as ROS's diagnostics have it: OK, WARN, ERROR, or STALE when nobody has looked for three periods."""

import time
from collections.abc import Callable, Iterable
from typing import Literal

Level = Literal["OK", "WARN", "ERROR", "STALE"]
Severity = Literal["WARN", "ERROR"]
STALE_PERIODS = 3


class Diagnostics:
    """The level of the newest look.

    Args:
        period_s: How often someone looks.
        monotonic: The clock, seconds.
    """

    def __init__(self, period_s: float, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._period_s, self._monotonic = period_s, monotonic
        self._seen: tuple[float, Level] | None = None  # one reference, so that readers of other threads see a pair

    def update(self, severities: Iterable[Severity]) -> None:
        """Take what the newest look found."""
        self._seen = (self._monotonic(), worst(severities))

    @property
    def age_s(self) -> float | None:
        """How long ago the newest look was; None before the first."""
        seen = self._seen
        return None if seen is None else self._monotonic() - seen[0]

    @property
    def level(self) -> Level:
        """What it found, or STALE if it is more than three periods old or there was none."""
        seen = self._seen
        if seen is None or self._monotonic() - seen[0] > STALE_PERIODS * self._period_s:
            return "STALE"
        return seen[1]


def worst(severities: Iterable[Severity]) -> Level:
    """The level of several findings together."""
    found = set(severities)
    return "ERROR" if "ERROR" in found else "WARN" if found else "OK"
