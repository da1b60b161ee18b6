"""What the entries of a journal say, taken in one after the other: how the run began, its legs, what was found, and how it ended."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import (
    End,
    Entry,
    Event,
    GapEntry,
    Header,
    ObservationEntry,
    Progress,
    Resumed,
    Row,
    Serving,
    entry_of,
    is_progress,
)
from edge_sdk.journal.facts import odometer_of, other_sizes, source_of
from edge_sdk.journal.legs import Leg, accounting_of, coverage_of
from edge_sdk.journal.telling import Served, changes, defective, lacking, listed, unclosed, without_picture
from edge_sdk.records import GapReason, Inspection, Observation


def told_by(rows: Iterable[Row], name: str) -> "Told":
    """What these rows say.

    Of progress in a row only the last counts, once it is known where it began; the others, which are most of a journal, are not looked
    into.

    Raises:
        OutputError: If one is of another version.
    """
    told, newest, last_seq, num = Told(), None, 0, 0
    for row in rows:
        goes_on = is_progress(row) and row.seq == last_seq + 1  # where an entry is lost, another life may have begun
        if newest is not None and not goes_on:
            told.add(entry_of(newest, name))
        newest = row if goes_on and told.knows_its_beginning else None
        if newest is None:
            told.add(entry_of(row, name))
        last_seq, num = max(row.seq, last_seq), num + 1
    if newest is not None:
        told.add(entry_of(newest, name))
    told.holes = last_seq - num
    return told


@dataclass(slots=True)
class Told:
    """What the entries say, taken in one after the other; `holes` are entries that are missing between them."""

    holes: int = 0
    header: Header | None = None
    legs: list[Leg] = field(default_factory=lambda: [Leg()])
    observations: dict[str, ObservationEntry] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    serving: list[Serving] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    end: Inspection | None = None
    goes_on: bool = False
    served: Served | None = None  # in the present leg, at last
    will_serve: Served | None = None  # in the next one, should it record anything
    earlier: list[str] = field(default_factory=list)  # notices of legs that were stopped
    lacks: list[str] = field(default_factory=list)  # why such legs were not complete

    @property
    def knows_its_beginning(self) -> bool:
        """Whether the present life has begun, and its first place is known."""
        return not self.goes_on and self.legs[-1].first_m is not None

    def add(self, entry: Entry) -> None:
        """Take in the next one."""
        if self.goes_on and _is_record(entry):
            self._begin_leg()  # not before: a life that has recorded nothing is none
        if isinstance(entry, Header):
            self.header = self.header or entry
            self.served = self.served or (entry.inspection.model, entry.inspection.thresholds)
        elif isinstance(entry, ObservationEntry):
            self._add_observation(entry)
        elif isinstance(entry, Progress):
            self._add_progress(entry)
        elif isinstance(entry, GapEntry):
            self.legs[-1].gaps[entry.index] = entry.gap
        elif isinstance(entry, Serving):
            self._add_serving(entry)
        elif isinstance(entry, Event):
            self.events.append(entry)
        elif isinstance(entry, Resumed):
            self.goes_on = True
        else:
            self.end = entry.inspection
            self.legs[-1].end(entry.inspection)

    def _add_progress(self, entry: Progress) -> None:
        before = self.legs[-1].progress
        if before is not None and entry.accounting.received < before.accounting.received:
            self._begin_leg()  # counts never fall within a life: the entry that it goes on is lost
        self.legs[-1].add(entry)

    def _add_serving(self, entry: Serving) -> None:
        self.serving.append(entry)
        if self.goes_on:
            self.will_serve = (entry.model, entry.thresholds)
        else:
            self.served = (entry.model, entry.thresholds)

    def _begin_leg(self) -> None:
        if self.end is not None:
            self.earlier += [f"Up to {self.legs[-1].place}: {notice}" for notice in self.end.notices]
            self.lacks += [f"up to {self.legs[-1].place}: {reason}" for reason in lacking(self.end)]
        if self.served is not None and self.will_serve is not None:
            self.earlier += [f"Up to {self.legs[-1].place}: {change}." for change in changes(self.served, self.will_serve)]
        self.served, self.will_serve = self.will_serve or self.served, None
        self.legs.append(self.legs[-1].reopen())
        self.end, self.goes_on = None, False

    def began(self, name: str) -> Inspection:
        """The record as it began.

        Raises:
            OutputError: If it is lost; `name` is the journal's.
        """
        if self.header is None:
            raise OutputError(f"{name}: the entry that says what was inspected is lost; no report can be made")
        return self.header.inspection

    def inspection(self, began: Inspection) -> Inspection:
        """The record as far as it goes.

        A life that broke off leaves a gap, as a lost camera does, and the run may be complete all the same. One that had something in
        view just then may have left an observation out of the list, in a stretch that counts as inspected: the run is `recovered`.
        """
        last = self.end or self.broken_off(began)
        observations = self._observations()
        status, reasons = last.status, [*last.status_reasons, *self.lacks, *self._defects(), *self._losses()]
        if in_view := [said for leg in self._broken() if (said := unclosed(leg, f" at {leg.place}"))]:
            reasons = [f"the run broke off and went on later: after {listed(self._places_broken())}", *in_view, *reasons]
            status = "recovered"
        accounting, coverage = accounting_of(self.legs), coverage_of(self.legs, began.source, left=self._left(last))
        if status == "complete" and (accounting.processed == 0 or reasons):
            status = "incomplete"
        if accounting.processed == 0:
            reasons.append("no frame was inspected")
        return msgspec.structs.replace(
            last, status=status, status_reasons=tuple(reasons), notices=self._notices(last, broke_off=not in_view),
            source=source_of(self.legs, last.source, accounting, coverage), odometer=odometer_of(self.legs, last.odometer),
            accounting=accounting, coverage=coverage, observations=tuple(sorted(observations, key=_along_the_pipe)),
        )  # fmt: skip

    def _broken(self) -> list[Leg]:
        return [leg for leg in self.legs[:-1] if not leg.stopped]

    def _places_broken(self) -> list[str]:
        return [leg.place for leg in self._broken()]

    def _left(self, last: Inspection) -> GapReason | None:
        """Why what follows the last frame was not looked at; None where the run was over. A film knows what it had left, and has told."""
        if self.end is None:
            return "crashed"
        return "interrupted" if last.status == "interrupted" and last.source.kind == "live" else None

    def _add_observation(self, entry: ObservationEntry) -> None:
        name = entry.observation.observation_id
        before = self.observations.pop(name, None)
        newer = before is None or before.observation.revision <= entry.observation.revision
        self.observations[name] = entry if before is None or newer else before
        self.replaced.update(entry.replaces)

    def _observations(self) -> list[Observation]:
        return [entry.observation for name, entry in self.observations.items() if name not in self.replaced]

    def broken_off(self, began: Inspection) -> Inspection:
        """The record's head for a run without an end."""
        reasons = [f"the run broke off without an end (power loss or kill); it is recorded up to {self.legs[-1].place}"]
        if in_view := unclosed(self.legs[-1]):
            reasons.append(in_view)
        serves = self.serving[-1] if self.serving else None
        model, thresholds = (serves.model, serves.thresholds) if serves else (began.model, began.thresholds)
        return msgspec.structs.replace(began, status="recovered", status_reasons=tuple(reasons), model=model, thresholds=thresholds)

    def _defects(self) -> list[str]:
        """Of lives without an end of their own, which would have told of them."""
        broken = [leg for leg in self.legs if not leg.stopped and leg.progress and leg.progress.defects]
        return [f"up to {leg.place}: {defective(leg.progress.defects)}" for leg in broken if leg.progress]

    def _losses(self) -> list[str]:
        lost = sum(event.lost for event in self.events)
        reasons = [f"{lost} entries could not be recorded, the disk did not take them"] if lost else []
        return reasons + ([f"{self.holes} entries of the journal were lost in damage to it"] if self.holes > 0 else [])

    def _notices(self, last: Inspection, *, broke_off: bool) -> tuple[str, ...]:
        known = {f": {notice}" for notice in last.notices}
        earlier = [notice for notice in self.earlier if notice[notice.index(": ") :] not in known]
        stops = [leg.place for leg in self.legs[:-1] if leg.stopped]
        stopped = [f"The run was stopped and went on later: after {listed(stops)}."] if stops else []
        broken = self._places_broken() if broke_off else []
        stopped += [f"The run broke off (power loss or kill) and went on later: after {listed(broken)}."] if broken else []
        repairs = [event.text for event in self.events if event.name in ("salvage", "log_tail")]
        return (*earlier, *other_sizes(self.legs), *last.notices, *stopped, *without_picture(self.observations.values()), *repairs)


def _is_record(entry: Entry) -> bool:
    """Whether an entry is what a life recorded of the drive, and not the end that the life before it was given later."""
    if isinstance(entry, GapEntry):
        return entry.gap.reason != "crashed"
    return isinstance(entry, ObservationEntry | Progress) or (isinstance(entry, End) and entry.inspection.status != "recovered")


def _along_the_pipe(observation: Observation) -> tuple[bool, float, float, str]:
    """The order of a run's own record."""
    chainage = observation.chainage_m
    return chainage is None, chainage if chainage is not None else observation.time_s, observation.time_s, observation.class_.code
