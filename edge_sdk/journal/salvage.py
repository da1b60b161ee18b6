"""Opening a journal whatever has happened to it: after a kill, with a torn log, with damaged pages.

The damaged file is never changed or deleted: it stays beside the new one under another name.
"""

import os
import uuid
from itertools import count
from pathlib import Path

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import Event, Row, Stamp, body_from_entry, row_from_body, stamp_now
from edge_sdk.journal.files import sync_folder, write_durably
from edge_sdk.journal.lock import FolderLock
from edge_sdk.journal.pages import rows_in_files
from edge_sdk.journal.space import RESERVE
from edge_sdk.journal.store import Store, StoreError

DATABASE = "journal.sqlite"
LOG = "journal.sqlite-wal"
PART = "journal.part"  # a database that is being made
DAMAGED = "journal.damaged-{}.sqlite"
PICTURES = "pictures"
UNREADABLE = "unreadable-{}.sqlite"  # not `journal.*`: what belongs to a run is deleted with it


class UnreadableError(OutputError):
    """Nothing can be made of a journal: no entry of it can be read, or its beginning is lost."""


def create_store(run_dir: Path, first: Row) -> Store:
    """A new journal with its first row: it appears with both or not at all.

    Raises:
        OutputError: If it cannot be written.
    """
    _write_whole(run_dir, [first])
    return Store(run_dir / DATABASE)


def open_store(run_dir: Path) -> tuple[Store, tuple[Event, ...]]:
    """Open a journal for writing; rows behind a torn place of the log are taken over, a damaged database is salvaged.

    Returns:
        The store, and what had to be done.

    Raises:
        OutputError: If there is none, or it cannot be written, or nothing in it can be read.
    """
    behind = _rows_in(run_dir / LOG)  # before SQLite cuts the log off at the torn place
    store, events = _sound_store(run_dir)
    late = [row for row in behind.values() if row.seq > store.last_seq]
    taken = store.restore(late) if late else 0
    if taken:
        text = f"{taken} entries stood in the log without a commit, or behind a damaged place of it, and were taken over"
        event = Event(level="warn", name="log_tail", text=text)
        store.append([_identified(event)])
        events = (*events, event)
    return store, events


def open_beside_reserve(run_dir: Path) -> tuple[Store, tuple[Event, ...]]:
    """As `open_store`; where the disk is full, with the reserve that the broken-off run left behind given up.

    Raises:
        OutputError: As `open_store`.
    """
    try:
        return open_store(run_dir)
    except StoreError as error:
        if not error.full or not (run_dir / RESERVE).exists():
            raise
        (run_dir / RESERVE).unlink()
        return open_store(run_dir)


def stored_rows(run_dir: Path) -> list[Row]:
    """Every row that can be read, without writing anything: for a medium that cannot be written to.

    Raises:
        OutputError: If there is none.
    """
    rows = _rows_in(*_files(run_dir))
    if not rows:
        raise OutputError(f"{run_dir / DATABASE}: no journal that can be read; give the folder of a run")
    return list(rows.values())


def remove_journal(run_dir: Path) -> None:
    """Delete the journal of an earlier run, with everything that belongs to it.

    Raises:
        OutputError: If it cannot be deleted.
    """
    try:
        for path in run_dir.glob("journal.*"):
            path.unlink()
    except OSError as error:
        raise OutputError(f"{run_dir}: {error.strerror}; an earlier journal cannot be deleted") from error


def put_unreadable_aside(run_dir: Path) -> Path:
    """Give a journal that nothing can be made of, and its pictures, other names, so that a run may begin; returns the journal's.

    Raises:
        OutputError: If it cannot be renamed, or another process uses the folder.
    """
    lock = FolderLock(run_dir)
    try:
        kept = next(path for n in count(1) if not (path := run_dir / UNREADABLE.format(n)).exists())
        if (run_dir / LOG).exists():
            (run_dir / LOG).replace(kept.with_name(f"{kept.name}-wal"))
        if (run_dir / PICTURES).is_dir():  # the next run's have the same names, and would take their place
            (run_dir / PICTURES).replace(kept.with_name(f"{kept.stem}-{PICTURES}"))
        (run_dir / DATABASE).replace(kept)
        sync_folder(run_dir)
    except OSError as error:
        raise OutputError(f"{run_dir / DATABASE}: {error.strerror}; the unreadable journal cannot be put aside") from error
    finally:
        lock.release()
    return kept


def has_journal(run_dir: Path) -> bool:
    """Whether a run was recorded in this folder."""
    return (run_dir / DATABASE).is_file()


def _sound_store(run_dir: Path) -> tuple[Store, tuple[Event, ...]]:
    path = run_dir / DATABASE
    if path.is_file() and not os.access(run_dir, os.W_OK):
        raise StoreError(f"{run_dir}: is read-only; copy the run to a disk that can be written to")
    if not path.is_file():
        raise OutputError(f"{run_dir}: no {DATABASE} in it; give the folder of a run")
    try:
        store = Store(path)
        damage = store.damage()
        if damage is None:
            return store, ()
        store.close()
    except StoreError as error:
        if not error.corrupt:
            raise
        damage = str(error)
    return _salvaged(run_dir, damage)


def _salvaged(run_dir: Path, damage: str) -> tuple[Store, tuple[Event, ...]]:
    rows = list(_rows_in(*_files(run_dir)).values())
    if not rows:
        raise UnreadableError(f"{run_dir / DATABASE}: damaged ({damage}), and no entry in it can be read; keep the file for a specialist")
    kept = _put_aside(run_dir)
    lost = rows[-1].seq - len(rows)
    text = f"The journal was damaged ({damage}). {len(rows)} entries were saved, {lost} are known to be lost; the old file is {kept.name}."
    event = Event(level="error", name="salvage", text=text)
    _write_whole(run_dir, [*rows, row_from_body(rows[-1].seq + 1, *_identified(event))])
    return Store(run_dir / DATABASE), (event,)


def _identified(event: Event) -> tuple[str, Stamp, str]:
    return f"{event.name}/{uuid.uuid4()}", stamp_now(), body_from_entry(event)


def _put_aside(run_dir: Path) -> Path:
    """Give the damaged files another name; the database keeps its own too, until the new one takes it."""
    number = next(n for n in range(1, 10_000) if not (run_dir / DAMAGED.format(n)).exists())
    kept = run_dir / DAMAGED.format(number)
    try:
        _duplicate(run_dir / DATABASE, kept)
        if (run_dir / LOG).exists():
            (run_dir / LOG).replace(kept.with_name(f"{kept.name}-wal"))
        sync_folder(run_dir)
    except OSError as error:
        raise OutputError(f"{kept}: {error.strerror}; the damaged journal cannot be put aside") from error
    return kept


def _duplicate(path: Path, other: Path) -> None:
    try:
        os.link(path, other)
    except OSError:  # exFAT and the like know no links
        write_durably(other, path.read_bytes())


def _write_whole(run_dir: Path, rows: list[Row]) -> None:
    part = run_dir / PART
    try:
        for left in (part, part.with_name(f"{PART}-wal"), part.with_name(f"{PART}-journal")):
            left.unlink(missing_ok=True)
        store = Store(part, create=True)
        store.restore(rows)
        store.close()
        if part.with_name(f"{PART}-wal").exists():
            raise OutputError(f"{part}: could not be brought to the disk; check the disk")
        part.replace(run_dir / DATABASE)
        sync_folder(run_dir)
    except OSError as error:
        raise OutputError(f"{run_dir / DATABASE}: {error.strerror}; check the folder and its free space") from error


def _files(run_dir: Path) -> list[Path]:
    """Databases before their logs, damaged ones of earlier before the present one."""
    damaged = sorted(run_dir.glob(DAMAGED.format("*")))
    return [file for path in (*damaged, run_dir / DATABASE) for file in (path, path.with_name(f"{path.name}-wal"))]


def _rows_in(*paths: Path) -> dict[int, Row]:
    try:
        return rows_in_files(*paths)
    except OSError as error:
        raise OutputError(f"{paths[0]}: {error.strerror}") from error
