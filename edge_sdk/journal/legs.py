"""Coverage of a run that may have broken off or been stopped, and gone on: its legs, and the gaps that lie after and between them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import msgspec

from edge_sdk.journal.entries import Progress, Readings
from edge_sdk.records import Accounting, Coverage, Gap, GapReason, Inspection, SourceRecord

OPEN_S = 2e-3  # gaps are rounded to a millisecond


@dataclass(slots=True)
class Leg:
    """A stretch of the run without a crash in it: one life of the process that recorded it.

    `begins` is where the leg before was accounted to, `first_m` the chainage driven by its first progress that knows any, and `stopped`
    whether it was ended in order. `size_wh` and `readings` are those of its progress, or of its end.
    """

    progress: Progress | None = None
    gaps: dict[int, Gap] = field(default_factory=dict)
    begins: tuple[float, float | None] = (0.0, None)
    begins_s: float = 0.0
    first_m: tuple[float, float] | None = None
    stopped: bool = False
    size_wh: tuple[int, int] = (0, 0)
    readings: Readings | None = None

    @property
    def place(self) -> str:
        """How far it came, in words."""
        return "its start" if self.progress is None else metres_or_time(self.progress.chainage_m, self.progress.time_s)

    @property
    def tells(self) -> bool:
        """Whether anything came of it: frames, or a reason why there were none."""
        return self.progress is not None and (self.progress.accounting.received > 0 or bool(self.gaps))

    @property
    def accounted_to(self) -> tuple[float, float | None]:
        """Time and chainage up to which it is accounted for: its last frame, or the end of a gap that was open then."""
        if self.progress is None:
            return self.begins
        at_s, at_m = self.progress.time_s, self.progress.chainage_m
        if at_m is None and self.first_m is None:
            at_m = self.begins[1]  # a leg that never knew its place has not come from there
        last = self.gaps[max(self.gaps)] if self.gaps else None
        if last is not None and last.to_s >= at_s - OPEN_S:
            at_m = last.to_m
        return round(at_s, 3), None if at_m is None else round(at_m, 2)

    def add(self, progress: Progress) -> None:
        """Take in how far it has come."""
        if self.progress is None:
            self.begins_s = progress.time_s - progress.duration_s
        self.progress = progress
        self.size_wh = progress.size_wh if any(progress.size_wh) else self.size_wh
        self.readings = progress.readings or self.readings
        if self.first_m is None and progress.from_m is not None and progress.to_m is not None:
            self.first_m = (progress.from_m, progress.to_m)

    def end(self, inspection: Inspection) -> None:
        """Take the totals from the run's own record of its end."""
        before, coverage = self.progress, inspection.coverage
        totals = Progress(
            time_s=before.time_s if before else coverage.duration_s, chainage_m=before.chainage_m if before else coverage.to_m,
            accounting=inspection.accounting, from_m=coverage.from_m, to_m=coverage.to_m, travelled_m=coverage.travelled_m,
            duration_s=coverage.duration_s, **_facts(inspection), **(_unsettled(before) if inspection.status == "recovered" else {}),
        )  # fmt: skip
        self.add(totals)
        self.begins_s = totals.time_s - totals.duration_s  # the end knows the totals best
        if self.first_m is not None and totals.from_m is not None and totals.to_m is not None:
            self.first_m = (max(self.first_m[0], totals.from_m), min(self.first_m[1], totals.to_m))
        self.stopped = inspection.status != "recovered"  # that end was given to it later

    def reopen(self) -> "Leg":
        """The run goes on: what was held to lie behind its end is now what lies before the next leg, which this returns."""
        self.gaps = {index: gap for index, gap in self.gaps.items() if gap.reason != "crashed"}
        return Leg(begins=self.accounted_to)

    def nearest_m(self, from_m: float | None) -> float | None:
        """Where it took up the drive, seen from where the leg before broke off: what lies between was not inspected."""
        if self.first_m is None:
            return None
        low_m, high_m = self.first_m
        return low_m if from_m is None else min(max(from_m, low_m), high_m)


def coverage_of(legs: Sequence[Leg], source: SourceRecord, *, left: GapReason | None) -> Coverage:
    """Totals and gaps of all legs; `left` says why there is a gap from the last recorded frame on, None that there is none."""
    legs = [legs[0], *(leg for leg in legs[1:-1] if leg.tells), *(leg for leg in legs[1:][-1:] if leg.progress)]
    told = [leg.progress for leg in legs if leg.progress]
    gaps = [gap for _, gap in sorted(legs[0].gaps.items())]
    for before, after in pairwise(legs):
        between = _between(before, after)
        gaps += [between, *(_placed(gap, between.to_m) for _, gap in sorted(after.gaps.items()))]
    gaps = sorted(gaps, key=lambda gap: gap.from_s) if len(legs) > 1 else gaps
    if left is not None:
        gaps.append(_behind(legs[-1], source, left))
    travelled = [p.travelled_m for p in told if p.travelled_m is not None]
    return Coverage(
        from_m=min((p.from_m for p in told if p.from_m is not None), default=None),
        to_m=max((p.to_m for p in told if p.to_m is not None), default=None),
        travelled_m=round(sum(travelled), 2) if travelled else None,
        duration_s=round(sum(p.duration_s for p in told), 3),
        gaps=tuple(gaps),
    )


def accounting_of(legs: Sequence[Leg]) -> Accounting:
    """The frames of all legs."""
    accounts = [leg.progress.accounting for leg in legs if leg.progress]
    dropped = sum((Counter(account.dropped) for account in accounts), Counter[str]())
    return Accounting(
        received=sum(account.received for account in accounts),
        processed=sum(account.processed for account in accounts),
        dropped=dict(sorted(dropped.items())),
    )


def metres_or_time(chainage_m: float | None, time_s: float) -> str:
    """A place in words."""
    return f"{time_s:.1f} s of film" if chainage_m is None else f"{chainage_m:.2f} m"


def _between(before: Leg, after: Leg) -> Gap:
    """From where a leg broke off, or was stopped, to where the next one begins."""
    from_s, from_m = before.accounted_to
    return Gap(
        reason="interrupted" if before.stopped else "crashed", from_s=from_s, to_s=max(from_s, round(after.begins_s, 3)), from_m=from_m,
        to_m=after.nearest_m(from_m), frames=0,
    )  # fmt: skip


def _placed(gap: Gap, from_m: float | None) -> Gap:
    """A gap at the beginning of a later leg: where the first one begins anywhere before its first place, this one does not."""
    return msgspec.structs.replace(gap, from_m=from_m) if gap.from_m is None and gap.to_m is not None else gap


def _behind(leg: Leg, source: SourceRecord, reason: GapReason) -> Gap:
    """What the source had left when the run broke off, or was interrupted; where it ends is not known."""
    from_s, from_m = leg.accounted_to
    received = leg.progress.accounting.received if leg.progress else 0
    frames = max((source.announced_frames or 0) - received, 0)
    to_s = round(from_s + (frames / source.fps if source.fps else 0.0), 3)
    return Gap(reason=reason, from_s=from_s, to_s=to_s, from_m=from_m, to_m=None, frames=frames)


def _unsettled(before: Progress | None) -> dict[str, Any]:
    """What an end that was given later leaves as it was."""
    return {"in_view": before.in_view, "defects": before.defects} if before else {}


def _facts(inspection: Inspection) -> dict[str, Any]:
    """What the end of a live run says of its source; one that was given later says nothing that progress has not said."""
    source, odometer = inspection.source, inspection.odometer
    if source.kind != "live" or inspection.status == "recovered":
        return {}
    readings = Readings(samples=odometer.samples, jumps=odometer.jumps, resets=odometer.resets) if odometer else None
    return {"size_wh": (source.width, source.height), "readings": readings}
