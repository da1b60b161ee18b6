"""Where rays first leave a curved wall: a scan outward for the first sample beyond it, then false position between the two."""
# K rays

from collections.abc import Callable

import numpy as np

from trainer.synth.texture import Grid

Beyond = Callable[[Grid], Grid]


def first_crossing(beyond: Beyond, near: Grid, far: Grid, *, samples: int, steps: int) -> Grid:
    """Reach (K,) in `near`..`far` at which `beyond`, the signed distance outside the wall in metres, first turns positive.

    Args:
        beyond: Distance outside the wall at one reach (K,) per ray.
        near: Reach at which every ray is inside.
        far: Reach at which every ray is outside; where it is not, it is the answer.
        samples: Pieces of the scan: 1 for a convex section, more for bulges, of which the nearest must be met.
        steps: Refinements by the Illinois variant of false position (Dowell and Jarratt 1971).
    """
    low, high = near.copy(), far.copy()
    at_low, at_high = beyond(low), beyond(high)
    if samples > 1:
        low, high, at_low, at_high = _scan(beyond, near, far, samples, (at_low, at_high))
    for _ in range(steps):
        share = at_low / np.minimum(at_low - at_high, np.float32(-1e-9))
        trial = low + np.clip(share, 0, 1) * (high - low)
        found = beyond(trial)
        outside = found > 0
        # Illinois: halving the end that stays keeps the step from creeping up from one side
        at_low *= np.float32(1) - np.float32(0.5) * outside
        at_high *= np.float32(0.5) + np.float32(0.5) * outside
        np.copyto(high, trial, where=outside)
        np.copyto(at_high, found, where=outside)
        inside = ~outside
        np.copyto(low, trial, where=inside)
        np.copyto(at_low, found, where=inside)
    share = at_low / np.minimum(at_low - at_high, np.float32(-1e-9))
    return np.asarray(low + np.clip(share, 0, 1) * (high - low), dtype=np.float32)


def _scan(beyond: Beyond, near: Grid, far: Grid, samples: int, ends: tuple[Grid, Grid]) -> tuple[Grid, Grid, Grid, Grid]:
    """The first piece that a ray leaves: its two ends and the distances there."""
    low, high, at_low, at_high = near.copy(), far.copy(), ends[0], ends[1]
    searching = np.ones(near.shape, np.bool_)
    for number in range(1, samples):
        trial = near + (far - near) * np.float32(number / samples)
        found = beyond(trial)
        outside = searching & (found > 0)
        np.copyto(high, trial, where=outside)
        np.copyto(at_high, found, where=outside)
        searching &= ~outside
        np.copyto(low, trial, where=searching)
        np.copyto(at_low, found, where=searching)
    return low, high, at_low, at_high
