"""What a run that goes on has to know of its earlier lives: who it is, how its observations are numbered, and what time it is in it.

Times of a run count from its first beginning. Within one boot of the machine the monotonic clock says how long the run was off. Across a
boot no clock does that anybody vouches for: the wall clock's word is taken where it is possible, and said to be the wall clock's.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from edge_sdk.journal.entries import Header, ObservationEntry, Progress, Row, Stamp, entry_of, is_progress
from edge_sdk.journal.salvage import UnreadableError
from edge_sdk.records import Inspection

MAX_OFF_S = 30 * 86400.0  # a robot without a battery for its clock wakes in 1970: such a difference says nothing


class Earlier(NamedTuple):
    """The lives so far.

    `began` is the run as it began, `next_seq` the first free number of an observation, `time_s` the run's time now, `has_place` whether a
    chainage was ever known, and `off` in words how long nothing was recorded.
    """

    began: Inspection
    next_seq: int
    time_s: float
    has_place: bool
    off: str


def earlier_lives(rows: Iterable[Row], now: Stamp, *, name: str) -> Earlier:
    """Read them from a journal.

    Args:
        rows: All of it, in the order of writing.
        now: Both clocks, now.
        name: Of the journal, for errors.

    Raises:
        UnreadableError: If its beginning is lost.
        OutputError: If it is of a newer version.
    """
    began, next_seq, has_place = None, 0, False
    newest: Row | None = None  # of the entries with a time of the run
    for row in rows:
        if has_place and is_progress(row):  # most of a journal
            newest = row
            continue
        entry = entry_of(row, name)
        if isinstance(entry, Header) and began is None:
            began, newest = entry.inspection, row
        elif isinstance(entry, ObservationEntry):
            next_seq = max(next_seq, entry.observation.seq + 1)
        elif isinstance(entry, Progress):
            newest, has_place = row, has_place or entry.chainage_m is not None
    if began is None or newest is None:
        raise UnreadableError(f"{name}: the entry that says what was inspected is lost; choose another folder")
    told = entry_of(newest, name)
    time_s = told.time_s if isinstance(told, Progress) else 0.0
    off_s, clock = elapsed(Stamp(newest.boot_id, newest.monotonic_ns, newest.wall_utc), now)
    off = "for an unknown time: the machine was started anew, and its wall clock cannot be right" if clock is None else f"{off_s:.1f} s"
    off += " by the wall clock: the machine was started anew" if clock == "wall" else ""
    return Earlier(began, next_seq, time_s + off_s, has_place, off)


def elapsed(then: Stamp, now: Stamp) -> tuple[float, str | None]:
    """Seconds from one instant to another, and by which clock: `monotonic`, `wall`, or None where none can say and it is 0."""
    if then.boot_id == now.boot_id:
        return max((now.monotonic_ns - then.monotonic_ns) / 1e9, 0.0), "monotonic"
    try:
        wall_s = (datetime.fromisoformat(now.wall_utc) - datetime.fromisoformat(then.wall_utc)).total_seconds()
    except (ValueError, TypeError):
        return 0.0, None
    return (wall_s, "wall") if 0.0 <= wall_s <= MAX_OFF_S else (0.0, None)
