"""The inspection record from the journal alone: after a clean end the same as the run's own, after a crash as far as the journal goes.

A crash leaves a gap of reason `crashed` from the last recorded frame on. What was in view just then, and no observation yet, is named in
the status reasons: an empty list never means that nothing was there.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import End, Entry, GapEntry, Row
from edge_sdk.journal.legs import accounting_of, coverage_of
from edge_sdk.journal.lock import FolderLock
from edge_sdk.journal.salvage import DATABASE, LOG, has_journal, open_beside_reserve, stored_rows
from edge_sdk.journal.store import Store, StoreError
from edge_sdk.journal.told import Told, told_by
from edge_sdk.records import Inspection


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
        return _read_once(run_dir) or inspection_from_rows(rows_of(run_dir), name=str(run_dir / DATABASE))
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
        return list(store.rows())
    finally:
        store.close()


def _read_once(run_dir: Path) -> Inspection | None:
    """The record of a journal that was closed in order and is sound, in one pass; None where there is anything to bring in order.

    A robot stops when its journal is longest: a week's is read in a third of the time that looking for damage first would take.
    """
    name = str(run_dir / DATABASE)
    if (run_dir / LOG).exists() or not has_journal(run_dir):
        return None
    try:
        store = Store(run_dir / DATABASE)
        try:
            return inspection_from_rows(_whole(store.rows(), name), name=name)
        finally:
            store.close()
    except OutputError:
        return None


def _whole(rows: Iterable[Row], name: str) -> Iterator[Row]:
    for row in rows:
        if not row.whole:
            raise OutputError(f"{name}: entry {row.seq} does not fit its checksum")
        yield row


def closing_entries(told: Told, *, name: str) -> list[Entry]:
    """What ends a run that broke off: the gap that it left, and its record; nothing where it has an end.

    Raises:
        OutputError: As `inspection_from_rows`.
    """
    if told.end is not None:
        return []
    began = told.began(name)
    end = msgspec.structs.replace(told.broken_off(began), accounting=accounting_of(told.legs[-1:]))
    coverage = coverage_of(told.legs[-1:], began.source, left="crashed")
    gap = GapEntry(index=max(told.legs[-1].gaps, default=-1) + 1, gap=coverage.gaps[-1])
    return [gap, End(inspection=msgspec.structs.replace(end, coverage=msgspec.structs.replace(coverage, gaps=())))]


def inspection_from_rows(rows: Iterable[Row], *, name: str) -> Inspection:
    """The record that rows in the order of writing stand for.

    Raises:
        OutputError: If there is no header among them.
    """
    told = told_by(rows, name)
    return told.inspection(told.began(name))
