"""Writes `tests/golden/journal/version-N.sql` and `.json`: a journal with every kind of entry, and the record made from it.

Run it once, when `SCHEMA_VERSION` has become N, and never again for that N: journals of version N are out there then, and these two
files stand for them. A change request that touches a committed pair breaks the promise that old runs can be reported.
"""

import sqlite3
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from edge_sdk.journal import Journal
from edge_sdk.journal.entries import End, Event, GapEntry, Progress, Serving, Sighting
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.schema import APPLICATION_ID, SCHEMA_VERSION
from edge_sdk.records import Accounting, Coverage, Gap, json_from_inspection
from tests.journal.cases import POLICY, create, head, observation, pictured

FOLDER = Path(__file__).parents[1] / "golden" / "journal"


def write(run_dir: Path) -> None:
    with create(run_dir) as journal:
        journal.add_observation(*pictured(1))
        journal.add_observation(observation(2))
        journal.add_observation(observation(3), replaces=[observation(2).observation_id])
        journal.add_observation(observation(1, revision=1, remark="längs"))
        journal.add_observation(pictured(4)[0])  # its pictures are not there
        journal.add(GapEntry(index=0, gap=Gap(reason="unreadable", from_s=1.0, to_s=2.0, from_m=0.1, to_m=0.2, frames=3)))
        journal.add(GapEntry(index=0, gap=Gap(reason="unreadable", from_s=1.0, to_s=3.0, from_m=0.1, to_m=0.3, frames=4)))
        sighting = Sighting(code="RO", time_s=9.0, chainage_m=0.9, peak=0.8)
        journal.add(progress(10.0, 1.0, Accounting(received=100, processed=96, dropped={"unreadable": 4}), (sighting,)))
        model = msgspec.structs.replace(head().model, provider="CUDAExecutionProvider")
        journal.add(Serving(model=model, thresholds={"RB": 0.4, "RO": 0.5}, policy=POLICY, reason="swapped"))
        journal.add_event("info", "note", "lights on")
    with Journal.open(run_dir, reserve_bytes=0) as journal:
        journal.add_observation(observation(5))
        journal.add(Event(level="error", name="lost", text="2 entries could not be recorded", lost=2))
        journal.add(progress(30.0, 3.0, Accounting(received=100, processed=100, dropped={})))
        coverage = Coverage(from_m=1.2, to_m=3.0, travelled_m=1.8, duration_s=18.0, gaps=())
        accounting = Accounting(received=100, processed=100, dropped={})
        journal.add(End(inspection=head(status="complete", status_reasons=(), coverage=coverage, accounting=accounting))).result(60)


def progress(time_s: float, chainage_m: float, accounting: Accounting, in_view: tuple[Sighting, ...] = ()) -> Progress:
    return Progress(
        time_s=time_s, chainage_m=chainage_m, accounting=accounting, from_m=0.0, to_m=chainage_m, travelled_m=chainage_m, duration_s=time_s,
        in_view=in_view,
    )  # fmt: skip


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    dump = FOLDER / f"version-{SCHEMA_VERSION}.sql"
    if dump.exists():
        sys.exit(f"{dump.name} is there; journals of this version are out, and it stands for them")
    with TemporaryDirectory() as name:
        write(Path(name) / "run")
        inspection = inspection_from_journal(Path(name) / "run")
        with sqlite3.connect(Path(name) / "run" / "journal.sqlite") as connection:
            pragmas = [f"PRAGMA application_id = {APPLICATION_ID};", f"PRAGMA user_version = {SCHEMA_VERSION};"]
            dump.write_text("\n".join([*pragmas, *connection.iterdump()]) + "\n", encoding="utf-8")
        connection.close()
    dump.with_suffix(".json").write_bytes(json_from_inspection(inspection))


if __name__ == "__main__":
    main()
