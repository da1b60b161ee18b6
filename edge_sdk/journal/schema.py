"""The database of a journal: one table that is only appended to, and its version.

Version 1 is the first. A journal of an older version is brought to the present one in a single transaction when it is opened for
writing: either it is all there afterwards or nothing has changed. One of a newer version is refused.
"""

import sqlite3

from edge_sdk.errors import OutputError

APPLICATION_ID = 0x53454A31  # "SEJ1", so that `file` and we know it from any other database
SCHEMA_VERSION = 1

CREATE_ENTRY = """
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,
  entry_id TEXT NOT NULL UNIQUE,
  boot_id TEXT NOT NULL,
  monotonic_ns INTEGER NOT NULL,
  wall_utc TEXT NOT NULL,
  body TEXT NOT NULL,
  crc INTEGER NOT NULL
)
"""

# What makes a journal of version n + 1 of one of version n. Rows keep their bodies and checksums: a new field of an entry has a default.
# A new column has to be made known to pages.py too, which reads the table without SQLite.
UPGRADES: dict[int, tuple[str, ...]] = {}


def create_schema(connection: sqlite3.Connection) -> None:
    """Make the table, and say what file this is."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(CREATE_ENTRY)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def upgrade_schema(connection: sqlite3.Connection, name: str) -> int:
    """Bring a journal to the present version; returns the version it had.

    Raises:
        OutputError: If it is of a newer version, or no journal.
    """
    (application_id,), (version,) = (connection.execute(f"PRAGMA {key}").fetchone() for key in ("application_id", "user_version"))
    if application_id != APPLICATION_ID:
        raise OutputError(f"{name}: a database, but no journal of sewer-edge")
    if version > SCHEMA_VERSION:
        raise OutputError(f"{name}: a journal of version {version}, this sewer-edge knows up to {SCHEMA_VERSION}; use a newer one")
    if version < SCHEMA_VERSION:
        connection.execute("BEGIN IMMEDIATE")
        for step in range(version, SCHEMA_VERSION):
            for statement in UPGRADES[step]:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    return int(version)
