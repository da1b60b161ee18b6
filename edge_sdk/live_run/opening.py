"""How a live run comes to its journal: it begins one, or goes on with the run that lies in its folder.

A service is started again with the same command after a crash, a power cut and a reboot. The run then goes on: the same journal, the same
id, numbers and times that follow, and a gap from where the last life broke off, or was stopped. Nothing that was recorded is changed. A
journal that nothing can be made of any more is put aside, and the run begins anew: a robot in a pipe must not fail at each start.
"""

import dataclasses
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge_sdk.camera.redact import redacted
from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal.earlier import Earlier, earlier_lives
from edge_sdk.journal.entries import Header, Row, stamp_now
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.salvage import DATABASE, UnreadableError, has_journal, put_unreadable_aside, remove_journal
from edge_sdk.live.result import LiveSettings
from edge_sdk.live_run.record import LiveRecord
from edge_sdk.live_run.roster import Roster
from edge_sdk.live_run.serving import serving_entry
from edge_sdk.records import Inspection

logger = logging.getLogger(__name__)

NEVER_BEGUN = ("the run was never started", "no frame was inspected")


class Opened(NamedTuple):
    """A journal that takes entries, who the run is and how it began, its earlier lives (None: it begins), and whether `out` is new."""

    journal: Journal
    record: LiveRecord
    began: Inspection
    earlier: Earlier | None
    is_new_folder: bool = False

    @property
    def begin_s(self) -> float:
        """The run's time now."""
        return self.earlier.time_s if self.earlier else 0.0

    @property
    def first_seq(self) -> int:
        """The first free number of an observation."""
        return self.earlier.next_seq if self.earlier else 0

    def withdraw(self, out: Path) -> Inspection:
        """Nothing came of this life: leave the folder as it was; returns the record of the run."""
        self.journal.close()
        if self.earlier is not None:
            return inspection_from_journal(out)
        remove_journal(out)  # nothing is in it but how the run was to begin
        if self.is_new_folder:
            with suppress(OSError):  # something else has come to lie there
                out.rmdir()
        return msgspec.structs.replace(self.began, status="incomplete", status_reasons=NEVER_BEGUN)


def open_journal(
    out: Path, record: LiveRecord, roster: Roster, identity: str, settings: LiveSettings, *, overwrite: bool, resume: bool
) -> Opened:
    """Begin a run's journal, or go on with the one that lies in `out`.

    Args:
        out: The run's folder.
        record: Who the run would be if it began now.
        roster: Knows the model.
        identity: Of the model that serves first.
        settings: What it runs under.
        overwrite: Delete the journal of an earlier run.
        resume: Go on with it.

    Raises:
        OutputError: If the folder cannot be used, another process writes in it, or it holds a run that this one cannot be.
    """
    put_aside: Path | None = None
    if resume and has_journal(out):
        try:
            return _gone_on_with(out, record, roster, identity, settings)
        except UnreadableError as error:
            put_aside = put_unreadable_aside(out)
            logger.warning("%s; it lies beside as %s, and the run begins anew", error, put_aside.name)
    header = Header(inspection=record.begun(roster.context(identity, settings)), policy=msgspec.to_builtins(settings.policy))
    is_new_folder = not out.exists()
    journal = Journal.create(out, header, overwrite=overwrite)
    if put_aside is not None:
        journal.add_event("error", "salvage", f"An earlier journal could not be read and lies beside as {put_aside.name}.")
    return Opened(journal, record, header.inspection, None, is_new_folder)


def _gone_on_with(out: Path, record: LiveRecord, roster: Roster, identity: str, settings: LiveSettings) -> Opened:
    lives: list[Earlier] = []
    serves = serving_entry(roster, identity, settings, "the run goes on")  # first: what cannot serve leaves the folder free
    journal = Journal.open(out, read=lambda rows: lives.append(_lives(rows, out, record.name)))
    (earlier,) = lives
    began = earlier.began
    record = dataclasses.replace(
        record, run_id=began.run_id, created=datetime.fromisoformat(began.created_utc), placed=earlier.has_place
    )  # fmt: skip
    journal.add_event("warn", "resumed", f"the run goes on; nothing was recorded {earlier.off}")
    journal.add(serves)
    return Opened(journal, record, began, earlier)


def _lives(rows: Iterable[Row], out: Path, name: str) -> Earlier:
    earlier = earlier_lives(rows, stamp_now(), name=str(out / DATABASE))
    source = earlier.began.source
    if source.kind != "live" or source.name != redacted(name):
        what = "a film or folder" if source.kind != "live" else "another live source"
        raise OutputError(f"{out}: holds the run of {source.name}, {what}, and cannot go on with {redacted(name)}; choose another folder")
    return earlier
