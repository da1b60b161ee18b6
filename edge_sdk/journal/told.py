"""What the entries of a journal say, taken in one after the other: how the run began, its legs, what was found, and how it ended."""

from collections.abc import Sequence
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
    entry_from_body,
)
from edge_sdk.journal.legs import Leg, accounting_of, coverage_of
from edge_sdk.journal.telling import Served, changes, listed, unclosed
from edge_sdk.records import Inspection, Observation

MISSING = {
    "disk_full": "the disk was full",
    "io_error": "the disk failed",
    "overflow": "the disk did not keep up",
    "not_found": "their files were not there, or were others",
}


def told_by(rows: Sequence[Row], name: str) -> "Told":
    """What these rows say.

    Raises:
        OutputError: If one is of another version.
    """
    told = Told(holes=max((row.seq for row in rows), default=0) - len(rows))
    try:
        for row in rows:
            told.add(entry_from_body(row.body))
    except msgspec.DecodeError as error:
        raise OutputError(f"{name}: entry {row.seq} is of another version ({error}); use a newer sewer-edge") from error
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
            if self.end.status == "incomplete":
                self.lacks += [f"up to {self.legs[-1].place}: {reason}" for reason in self.end.status_reasons]
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
        """The record as far as it goes."""
        last = self.end or self.broken_off(began)
        observations = self._observations()
        status, reasons = last.status, [*last.status_reasons, *self.lacks, *self._losses()]
        if broke := [leg.place for leg in self.legs[:-1] if not leg.stopped]:
            in_view = [unclosed(leg, f" at {leg.place}") for leg in self.legs[:-1] if not leg.stopped]
            reasons = [f"the run broke off and went on later: after {listed(broke)}", *filter(None, in_view), *reasons]
            status = "recovered"
        accounting = accounting_of(self.legs)
        if status == "complete" and (accounting.processed == 0 or reasons):
            status = "incomplete"
        if accounting.processed == 0:
            reasons.append("no frame was inspected")
        return msgspec.structs.replace(
            last, status=status, status_reasons=tuple(reasons), notices=self._notices(last), accounting=accounting,
            coverage=coverage_of(self.legs, began.source, ended=self.end is not None),
            observations=tuple(sorted(observations, key=_along_the_pipe)),
        )  # fmt: skip

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

    def _losses(self) -> list[str]:
        lost = sum(event.lost for event in self.events)
        reasons = [f"{lost} entries could not be recorded, the disk did not take them"] if lost else []
        return reasons + ([f"{self.holes} entries of the journal were lost in damage to it"] if self.holes > 0 else [])

    def _notices(self, last: Inspection) -> tuple[str, ...]:
        known = {f": {notice}" for notice in last.notices}
        earlier = [notice for notice in self.earlier if notice[notice.index(": ") :] not in known]
        stops = [leg.place for leg in self.legs[:-1] if leg.stopped]
        stopped = [f"The run was stopped and went on later: after {listed(stops)}."] if stops else []
        repairs = [event.text for event in self.events if event.name in ("salvage", "log_tail")]
        return (*earlier, *last.notices, *stopped, *self._without_picture(), *repairs)

    def _without_picture(self) -> list[str]:
        counts: dict[str, int] = {}
        for entry in self.observations.values():
            if entry.picture_missing is not None:
                counts[entry.picture_missing] = counts.get(entry.picture_missing, 0) + 1
        return [f"Observations without a picture: {num}; {MISSING[why]}." for why, num in sorted(counts.items())]


def _is_record(entry: Entry) -> bool:
    """Whether an entry is what a life recorded of the drive, and not the end that the life before it was given later."""
    if isinstance(entry, GapEntry):
        return entry.gap.reason != "crashed"
    return isinstance(entry, ObservationEntry | Progress) or (isinstance(entry, End) and entry.inspection.status != "recovered")


def _along_the_pipe(observation: Observation) -> tuple[bool, float, float, str]:
    """The order of a run's own record."""
    chainage = observation.chainage_m
    return chainage is None, chainage if chainage is not None else observation.time_s, observation.time_s, observation.class_.code
