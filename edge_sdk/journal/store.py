"""One open journal database: SQLite in WAL mode, `synchronous=FULL`, so that a commit that returned survives a power loss.

Any error ends the connection. After a failed fsync the kernel may call pages clean that never reached the disk, so that a second fsync
on the same handle succeeds and proves nothing (Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020). Opening again
first writes the whole log into the database anew and waits for it, and only then takes rows.

The locking mode is EXCLUSIVE: the index of the log then lies in memory and not in a shared file, which on a full disk would end the
process with SIGBUS.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import Row, Stamp, row_from_body
from edge_sdk.journal.files import sync_file, sync_folder
from edge_sdk.journal.pages import PAGE_SIZE
from edge_sdk.journal.schema import create_schema, upgrade_schema

COLUMNS = ", ".join(Row._fields)
INSERT = f"INSERT INTO entry ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - our own column names
SELECT = f"SELECT {COLUMNS} FROM entry WHERE seq > ? ORDER BY seq"  # noqa: S608 - as above
FIRST = -(1 << 63)  # before any row
SETTINGS = ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "cell_size_check = ON")


class StoreError(OutputError):
    """The database took no more; `full` and `corrupt` say why, where that is known."""

    def __init__(self, message: str, *, full: bool = False, corrupt: bool = False) -> None:
        super().__init__(message)
        self.full, self.corrupt = full, corrupt


class Store:
    """An open journal database; every method may raise `StoreError`, and the connection is closed then.

    Args:
        path: The database.
        create: Whether to make it; there must be none then.

    Raises:
        OutputError: If it is no journal, or one of a newer version.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._log_named = False
        try:
            self._connection = _connection(path, create=create)
            if create:
                create_schema(self._connection)
            else:
                self._settle(self._connection)
            self.upgraded_from = upgrade_schema(self._connection, str(path))
            self.last_seq = int(self._connection.execute("SELECT ifnull(max(seq), 0) FROM entry").fetchone()[0])
        except sqlite3.Error as error:
            raise self._ended(error) from error
        except OutputError:
            self._abandon()
            raise

    def append(self, entries: Sequence[tuple[str, Stamp, str]]) -> list[str]:
        """Commit entries (id, stamp, body) as one transaction; those that are there already are not written again.

        Returns:
            Ids under which something else is there already.
        """
        connection = self._alive()
        differing = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for entry_id, stamp, body in entries:
                row = row_from_body(self.last_seq + 1, entry_id, stamp, body)
                if connection.execute(f"{INSERT} ON CONFLICT (entry_id) DO NOTHING", row).rowcount == 1:
                    self.last_seq += 1
                elif connection.execute("SELECT body FROM entry WHERE entry_id = ?", (entry_id,)).fetchone() != (body,):
                    differing.append(entry_id)
            self._commit(connection)
        except sqlite3.Error as error:
            raise self._ended(error) from error
        return differing

    def restore(self, rows: Sequence[Row]) -> int:
        """Commit rows as they were, with their own `seq`, but for those that are there; returns how many were written."""
        connection = self._alive()
        try:
            connection.execute("BEGIN IMMEDIATE")
            written = sum(connection.execute(f"{INSERT} ON CONFLICT DO NOTHING", row).rowcount for row in rows)
            self._commit(connection)
        except sqlite3.Error as error:
            raise self._ended(error) from error
        self.last_seq = max([self.last_seq, *(row.seq for row in rows)])
        return written

    def rows(self) -> Iterator[Row]:
        """Every row in the order of writing, one after the other: a robot's week has a million, which are half a gigabyte."""
        connection, last = self._alive(), FIRST
        try:
            try:
                for values in connection.execute(SELECT, (last,)):
                    last = values[0]
                    yield Row._make(values)
            except sqlite3.OperationalError as error:
                if "decode" not in str(error):
                    raise
                connection.text_factory = _whatever_it_is  # a changed byte is for the checksum to find
                yield from map(Row._make, connection.execute(SELECT, (last,)))
        except sqlite3.Error as error:
            raise self._ended(error) from error

    def damage(self) -> str | None:
        """What is wrong with the file, in one line; None where every page and every checksum is right."""
        connection = self._alive()
        try:
            verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            raise self._ended(error) from error
        if verdict != "ok":
            return " ".join(str(verdict).split())
        broken = sum(not row.whole for row in self.rows())
        return f"{broken} entries do not fit their checksums" if broken else None

    def checkpoint(self) -> None:
        """Bring the log into the database."""
        connection = self._alive()
        try:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error as error:
            raise self._ended(error) from error

    def close(self) -> None:
        """Bring the log into the database and remove it; a second call does nothing."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.close()
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: {error}") from error

    def _commit(self, connection: sqlite3.Connection) -> None:
        """Commit; the first time with the log's name, whose fsync SQLite also does, but without looking at how it went."""
        connection.execute("COMMIT")
        if not self._log_named:
            try:
                sync_folder(self._path.parent)
            except OSError as error:
                raise sqlite3.OperationalError(f"the log's name is not on the disk ({error.strerror})") from error
            self._log_named = True

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Write the log into the database, and make sure that it is empty.

        SQLite does not wait for the emptying. Were a log left of which a failed fsync has swallowed the end, its sound beginning would be
        laid over the newer database at the next start.
        """
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise sqlite3.OperationalError("database is locked")
        try:
            sync_file(self._path.with_name(f"{self._path.name}-wal"))
        except OSError as error:
            raise sqlite3.OperationalError(f"the emptied log is not on the disk ({error.strerror})") from error

    def _alive(self) -> sqlite3.Connection:
        if self._connection is None:
            raise StoreError(f"{self._path}: closed")
        return self._connection

    def _abandon(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def _ended(self, error: Exception) -> StoreError:
        """Close, and say what happened; the messages are SQLite's own (Python 3.10 tells no error code)."""
        self._abandon()
        text = str(error)
        corrupt = any(s in text for s in ("malformed", "not a database", "no such table"))
        return StoreError(f"{self._path}: {text}", full="full" in text, corrupt=corrupt)


def _whatever_it_is(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _connection(path: Path, *, create: bool) -> sqlite3.Connection:
    mode = "rwc" if create else "rw"
    # one thread at a time uses it, but not always the one that opened it
    connection = sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=0
    )
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        for setting in SETTINGS:
            connection.execute(f"PRAGMA {setting}").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection
