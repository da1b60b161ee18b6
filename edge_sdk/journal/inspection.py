"""The inspection record from the journal alone: after a clean end the same as the run's own, after a crash as far as the journal goes.

A crash leaves a gap of reason `crashed` from the last recorded frame on. What was in view just then, and no observation yet, is named in
the status reasons: an empty list never means that nothing was there.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

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
from edge_sdk.journal.legs import Leg, accounting_of, coverage_of, metres_or_time
from edge_sdk.journal.lock import FolderLock
from edge_sdk.journal.salvage import DATABASE, open_beside_reserve, stored_rows
from edge_sdk.journal.store import StoreError
from edge_sdk.records import Inspection, Observation

MISSING = {
    "disk_full": "the disk was full",
    "io_error": "the disk failed",
    "overflow": "the disk did not keep up",
    "not_found": "their files were not there, or were others",
}


def inspection_from_journal(path: Path) -> Inspection:
    """Read a run's record from its journal; the journal is brought in order where it has to be, and nothing is added to it.

    Args:
        path: The run's folder, or the journal in it.

    Raises:
        OutputError: If there is no journal, nothing in it can be read, or a process is still writing it.
    """
    run_dir = path.parent if path.name == DATABASE else path
    lock = FolderLock(run_dir)
    try:
        return inspection_from_rows(rows_of(run_dir), name=str(run_dir / DATABASE))
    finally:
        lock.release()


def rows_of(run_dir: Path) -> list[Row]:
    """Every row of a journal whose folder is locked; read without SQLite where the medium cannot be written to.

    Raises:
        OutputError: As `inspection_from_journal`.
    """
    try:
        store, _ = open_beside_reserve(run_dir)
    except StoreError:
        with suppress(OutputError):
            return stored_rows(run_dir)
        raise
    try:
        return store.rows()
    finally:
        store.close()


def closing_entries(rows: Sequence[Row], *, name: str) -> list[Entry]:
    """What ends a run that broke off: the gap that it left, and its record; nothing where it has an end.

    Raises:
        OutputError: As `inspection_from_rows`.
    """
    told = _told(rows, name)
    if told.end is not None:
        return []
    began = told.began(name)
    end = msgspec.structs.replace(told.broken_off(began), accounting=accounting_of(told.legs[-1:]))
    coverage = coverage_of(told.legs[-1:], began.source, ended=False)
    gap = GapEntry(index=max(told.legs[-1].gaps, default=-1) + 1, gap=coverage.gaps[-1])
    return [gap, End(inspection=msgspec.structs.replace(end, coverage=msgspec.structs.replace(coverage, gaps=())))]


def inspection_from_rows(rows: Sequence[Row], *, name: str) -> Inspection:
    """The record that rows in the order of writing stand for.

    Raises:
        OutputError: If there is no header among them.
    """
    told = _told(rows, name)
    return told.inspection(told.began(name))


def _told(rows: Sequence[Row], name: str) -> "_Told":
    told = _Told(holes=max((row.seq for row in rows), default=0) - len(rows))
    try:
        for row in rows:
            told.add(entry_from_body(row.body))
    except msgspec.DecodeError as error:
        raise OutputError(f"{name}: entry {row.seq} is of another version ({error}); use a newer sewer-edge") from error
    return told


@dataclass(slots=True)
class _Told:
    """What the entries say, taken in one after the other."""

    holes: int = 0
    header: Header | None = None
    legs: list[Leg] = field(default_factory=lambda: [Leg()])
    observations: dict[str, ObservationEntry] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    serving: list[Serving] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    end: Inspection | None = None

    def add(self, entry: Entry) -> None:
        if isinstance(entry, Header):
            self.header = self.header or entry
        elif isinstance(entry, ObservationEntry):
            self._add_observation(entry)
        elif isinstance(entry, Progress):
            self.legs[-1].progress = entry
        elif isinstance(entry, GapEntry):
            self.legs[-1].gaps[entry.index] = entry.gap
        elif isinstance(entry, Serving):
            self.serving.append(entry)
        elif isinstance(entry, Event):
            self.events.append(entry)
        elif isinstance(entry, Resumed):
            self.legs[-1].reopen()
            self.legs.append(Leg())
            self.end = None
        else:
            self.end = entry.inspection
            self.legs[-1].end(entry.inspection)

    def began(self, name: str) -> Inspection:
        if self.header is None:
            raise OutputError(f"{name}: the entry that says what was inspected is lost; no report can be made")
        return self.header.inspection

    def inspection(self, began: Inspection) -> Inspection:
        last = self.end or self.broken_off(began)
        observations = self._observations()
        status, reasons = last.status, [*last.status_reasons, *self._losses()]
        if len(self.legs) > 1 and self.end is not None:
            reasons.insert(0, f"the run broke off and went on later: after {', after '.join(leg.place for leg in self.legs[:-1])}")
            status = "recovered"
        accounting = accounting_of(self.legs)
        if status == "complete" and (accounting.processed == 0 or reasons):
            status = "incomplete"
        if accounting.processed == 0:
            reasons.append("no frame was inspected")
        return msgspec.structs.replace(
            last, status=status, status_reasons=tuple(reasons), notices=(*last.notices, *self._notices()), accounting=accounting,
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
        progress = self.legs[-1].progress
        in_view = progress.in_view if progress else ()
        reasons = [f"the run broke off without an end (power loss or kill); it is recorded up to {self.legs[-1].place}"]
        if in_view:
            seen = ", ".join(f"{s.code} from {metres_or_time(s.chainage_m, s.time_s)} (score {s.peak:.2f})" for s in in_view)
            reasons.append(f"in view when it broke off, and not among the observations: {seen}")
        serves = self.serving[-1] if self.serving else None
        model, thresholds = (serves.model, serves.thresholds) if serves else (began.model, began.thresholds)
        return msgspec.structs.replace(began, status="recovered", status_reasons=tuple(reasons), model=model, thresholds=thresholds)

    def _losses(self) -> list[str]:
        lost = sum(event.lost for event in self.events)
        reasons = [f"{lost} entries could not be recorded, the disk did not take them"] if lost else []
        return reasons + ([f"{self.holes} entries of the journal were lost in damage to it"] if self.holes > 0 else [])

    def _notices(self) -> list[str]:
        counts: dict[str, int] = {}
        for entry in self.observations.values():
            if entry.picture_missing is not None:
                counts[entry.picture_missing] = counts.get(entry.picture_missing, 0) + 1
        notices = [f"Observations without a picture: {num}; {MISSING[why]}." for why, num in sorted(counts.items())]
        return notices + [event.text for event in self.events if event.name in ("salvage", "log_tail")]


def _along_the_pipe(observation: Observation) -> tuple[bool, float, float, str]:
    """The order of a run's own record."""
    chainage = observation.chainage_m
    return chainage is None, chainage if chainage is not None else observation.time_s, observation.time_s, observation.class_.code
