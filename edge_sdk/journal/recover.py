"""Closing a run that broke off: its journal gets the end it never had, status `recovered`."""

import uuid
from contextlib import suppress
from pathlib import Path

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import body_from_entry, stamp_now
from edge_sdk.journal.inspection import closing_entries, inspection_from_rows
from edge_sdk.journal.lock import FolderLock
from edge_sdk.journal.salvage import DATABASE, open_beside_reserve, stored_rows
from edge_sdk.journal.space import RESERVE
from edge_sdk.journal.store import Store, StoreError
from edge_sdk.journal.told import told_by
from edge_sdk.records import Inspection


def recover(run_dir: Path) -> tuple[Inspection, tuple[str, ...]]:
    """Bring a run's journal in order, close it if it broke off, and read its record.

    On a medium that cannot be written to the record is the same, and nothing is changed.

    Args:
        run_dir: The run's folder.

    Returns:
        The record, and what had to be done, in words.

    Raises:
        OutputError: If there is no journal, nothing in it can be read, or a process is still writing it.
    """
    lock = FolderLock(run_dir)
    try:
        try:
            store, events = open_beside_reserve(run_dir)
        except StoreError as error:
            return _unchanged(run_dir, error)
        try:
            closed, inspection = _closed(store, str(run_dir / DATABASE))
        finally:
            store.close()
        with suppress(OSError):
            (run_dir / RESERVE).unlink(missing_ok=True)
        return inspection, (*(event.text for event in events), *closed)
    finally:
        lock.release()


def _closed(store: Store, name: str) -> tuple[tuple[str, ...], Inspection]:
    """Give the run the end that it lacks; returns what was done, and its record."""
    told = told_by(store.rows(), name)
    entries = closing_entries(told, name=name)
    if not entries:
        return (), told.inspection(told.began(name))
    session = uuid.uuid4()
    store.append([(f"{session}/{i}", stamp_now(), body_from_entry(entry)) for i, entry in enumerate(entries)])
    told = told_by(store.rows(), name)
    return ("The run had broken off without an end; it is closed as recovered.",), told.inspection(told.began(name))


def _unchanged(run_dir: Path, error: StoreError) -> tuple[Inspection, tuple[str, ...]]:
    """The record as it can be read without writing."""
    try:
        rows = stored_rows(run_dir)
    except OutputError:
        raise error from None
    return inspection_from_rows(rows, name=str(run_dir / DATABASE)), (f"The journal is read as it is and stays unchanged ({error}).",)
