"""What the lives of a run saw of their source, put together: the picture's size, the rate of frames, and the readings of the counter."""

from collections.abc import Iterator, Sequence

import msgspec

from edge_sdk.journal.legs import Leg
from edge_sdk.records import Accounting, Coverage, OdometerRecord, SourceRecord


def source_of(legs: Sequence[Leg], source: SourceRecord, accounting: Accounting, coverage: Coverage) -> SourceRecord:
    """A live source over all legs: the size it had last, and the rate over the whole run; what a film is, its header has said.

    Args:
        legs: Of the run.
        source: As the last leg records it.
        accounting: The frames of all legs.
        coverage: Their times.
    """
    if source.kind != "live":
        return source
    width, height = _size_of(legs) or (source.width, source.height)
    fps = round(accounting.received / coverage.duration_s, 2) if coverage.duration_s > 0 else source.fps
    return msgspec.structs.replace(source, width=width, height=height, fps=fps)


def odometer_of(legs: Sequence[Leg], odometer: OdometerRecord | None) -> OdometerRecord | None:
    """The odometer with the readings of all legs."""
    told = [leg.readings for leg in legs if leg.readings]
    if odometer is None or not told:
        return odometer
    samples, jumps, resets = (sum(column) for column in zip(*((r.samples, r.jumps, r.resets) for r in told), strict=True))
    return msgspec.structs.replace(odometer, samples=samples, jumps=jumps, resets=resets)


def other_sizes(legs: Sequence[Leg]) -> Iterator[str]:
    """Where the picture had another size than at last: boxes in it are pixels of that one."""
    last = _size_of(legs)
    for leg in legs:
        if any(leg.size_wh) and leg.size_wh != last:
            yield f"Up to {leg.place}: the picture was {leg.size_wh[0]}x{leg.size_wh[1]} pixels."


def _size_of(legs: Sequence[Leg]) -> tuple[int, int] | None:
    return next((leg.size_wh for leg in reversed(legs) if any(leg.size_wh)), None)
