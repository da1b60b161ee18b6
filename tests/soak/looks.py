"""The looks at a soaked process, and what they say: does it grow, and is everything given back."""

from bisect import bisect_left
from typing import Any, NamedTuple

from soak.growth import Growth, growth_of
from soak.holdings import COUNTED, Held, least_of

LAST_S = 15.0  # a run that stops ends within this


class Look(NamedTuple):
    """What was held after so many seconds and frames, in which stretch between two disturbances; None: in the middle of one."""

    at_s: float
    frames: int
    stretch: int | None
    held: Held


class Looks(list[Look]):
    """All looks of one run, in order."""

    def growth(self, within_s: float = 0.0) -> Growth:
        """Of the second half of the looks; of each the least within the seconds before it, where much is held for a part of them."""
        at_s, rss_mb = [look.at_s for look in self], [look.held.rss_mb for look in self]
        least_mb = [min(rss_mb[bisect_left(at_s, at_s[i] - within_s) : i + 1]) for i in range(len(self))]
        return growth_of([look.frames for look in self], least_mb)

    def children_growth(self) -> Growth:
        """Of the capture process, while there is one: a new one after each loss begins anew."""
        looks = [look for look in self if look.stretch is not None and look.held.children]
        return growth_of([look.frames for look in looks], [look.held.children_mb for look in looks])

    def counts(self) -> list[dict[str, int]]:
        """What was held all through each stretch."""
        looks = self._calm()
        stretches = sorted({look.stretch for look in looks if look.stretch is not None})
        return [least_of([look.held for look in looks if look.stretch == stretch]) for stretch in stretches]

    def early_and_late(self) -> tuple[dict[str, int], dict[str, int]]:
        """What was held all through the second and the last quarter of the run."""
        looks = self._calm()
        quarter = len(looks) // 4
        return least_of([look.held for look in looks[quarter : 2 * quarter]]), least_of([look.held for look in looks[-quarter:]])

    def _calm(self) -> list[Look]:
        """All but those of disturbances, and of the very end."""
        return [look for look in self if look.stretch is not None and look.at_s < self[-1].at_s - LAST_S]

    def rows(self) -> list[list[Any]]:
        """All looks as plain numbers."""
        return [self._row(look) for look in self]

    @staticmethod
    def _row(look: Look) -> list[Any]:
        return [look.at_s, look.frames, look.stretch, round(look.held.rss_mb, 2), round(look.held.children_mb, 2),
                *(getattr(look.held, name) for name in COUNTED)]  # fmt: skip
