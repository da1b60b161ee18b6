"""A run of a week has a million entries in its journal, most of which say how far it had come: read one after the other, and once."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edge_sdk.journal import Journal
from edge_sdk.journal.earlier import earlier_lives
from edge_sdk.journal.entries import End, Progress, Row, body_from_entry, row_from_body, stamp_now
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.recover import recover
from edge_sdk.journal.store import Store
from edge_sdk.records import Accounting
from tests.journal.cases import create, head

NUM_ROWS = 20_000  # as a list 16 MB
HELD_BYTES = 2_000_000


def progress(second: int) -> Progress:
    at_m = round(second / 100, 2)
    accounting = Accounting(received=25 * second, processed=25 * second, dropped={})
    return Progress(
        time_s=float(second), chainage_m=at_m, accounting=accounting, from_m=0.0, to_m=at_m, travelled_m=at_m, duration_s=float(second)
    )


@pytest.fixture
def long_run(tmp_path: Path) -> Path:
    """Seconds of driving, one row each, and an end."""
    create(tmp_path / "run").close()
    end = End(inspection=head(status="complete", status_reasons=(), accounting=progress(NUM_ROWS).accounting))
    store = Store(tmp_path / "run" / "journal.sqlite")
    entries = [*(progress(second) for second in range(1, NUM_ROWS + 1)), end]
    store.restore([row_from_body(i, f"session/{i}", stamp_now(), body_from_entry(entry)) for i, entry in enumerate(entries, 2)])
    store.close()
    return tmp_path / "run"


def read_to_go_on(run_dir: Path) -> None:
    Journal.open(run_dir, read=lambda rows: earlier_lives(rows, stamp_now(), name="journal"), reserve_bytes=0).close()


@pytest.mark.parametrize("read", [inspection_from_journal, recover, read_to_go_on])
def test_a_long_journal_is_not_held_in_memory(long_run: Path, read: Callable[[Path], object]) -> None:
    tracemalloc.start()
    try:
        read(long_run)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak_bytes < HELD_BYTES


def test_what_a_long_journal_says_is_what_its_newest_progress_says(long_run: Path) -> None:
    inspection = inspection_from_journal(long_run)

    assert inspection.accounting.received == 25 * NUM_ROWS and inspection.status == "complete"
    assert recover(long_run)[0] == inspection


def test_one_changed_byte_in_a_journal_that_was_closed_in_order_is_found_and_salvaged(long_run: Path) -> None:
    """Which the quick way of reading must not overlook."""
    path = long_run / "journal.sqlite"
    data = path.read_bytes()
    needle = msgspec.json.encode(progress(NUM_ROWS // 2)).split(b",")[1]  # its time
    assert data.count(needle) == 1
    path.write_bytes(data.replace(needle, needle.replace(b"1", b"7")))

    inspection = inspection_from_journal(long_run)

    assert any("The journal was damaged (1 entries do not fit" in notice for notice in inspection.notices), inspection.notices
    assert any("1 entries of the journal were lost" in reason for reason in inspection.status_reasons)
    assert (long_run / "journal.damaged-1.sqlite").exists()


def test_a_row_that_is_no_text_is_found_by_its_checksum(long_run: Path) -> None:
    path = long_run / "journal.sqlite"
    data, needle = path.read_bytes(), b'{"kind":"progress","time_s":777.0'
    path.write_bytes(data.replace(needle, needle[:-5] + b"\xff" + needle[-4:]))
    store = Store(path)
    rows: list[Row] = list(store.rows())
    damage = store.damage()
    store.close()

    assert [row.seq for row in rows] == list(range(1, NUM_ROWS + 3)) and [row.seq for row in rows if not row.whole] == [778]
    assert damage == "1 entries do not fit their checksums"
