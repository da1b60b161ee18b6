"""T-LOG5 and T-LOG6: read-only media, damaged files, journals of other versions. Nothing that still has its checksum is lost."""

import hashlib
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal import schema as journal_schema
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.pages import PAGE_SIZE, rows_in_files
from edge_sdk.journal.recover import recover
from edge_sdk.records import inspection_from_json
from tests.journal.cases import create, observation, pictured, recorded

VERSIONS = Path(__file__).parents[1] / "golden" / "journal"


def finished(run_dir: Path, num: int = 60) -> Path:
    """A closed journal of so many observations, some of them longer than a page."""
    with create(run_dir) as journal:
        for number in range(num):
            journal.add_observation(observation(number, remark="long " * (2000 if number % 20 == 7 else 10)))
    return run_dir / "journal.sqlite"


def broken_off(run_dir: Path, num: int = 20) -> Path:
    """The files of a run as a kill leaves them: the log not yet in the database."""
    with create(run_dir.with_name("living")) as journal:
        for number in range(num):
            journal.add_observation(*pictured(number)).result(20)
        shutil.copytree(run_dir.with_name("living"), run_dir)
    assert (run_dir / "journal.sqlite-wal").stat().st_size > PAGE_SIZE
    return run_dir


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A run that broke off, on a medium mounted read-only."""
    place = broken_off(tmp_path / "run")
    bind = ["mount", "--bind", str(place), str(place)]
    if subprocess.run(bind, capture_output=True).returncode:
        pytest.skip("may not mount a read-only medium here")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_pages_give_the_same_rows_as_sqlite(tmp_path: Path) -> None:
    path = finished(tmp_path / "run")
    with sqlite3.connect(path) as connection:
        expected = connection.execute("SELECT * FROM entry ORDER BY seq").fetchall()
    connection.close()

    assert [tuple(row) for row in rows_in_files(path).values()] == expected
    assert max(len(row[5]) for row in expected) > 2 * PAGE_SIZE


def test_a_read_only_medium_is_one_line_for_writing_and_no_hindrance_for_reading(read_only: Path) -> None:
    with pytest.raises(OutputError) as error:
        Journal.open(read_only)
    assert "\n" not in str(error.value) and "is read-only; copy the run" in str(error.value)
    with pytest.raises(OutputError):
        create(read_only / "new")

    inspection, notes = recover(read_only)
    assert len(inspection.observations) == 20 and inspection.status == "recovered"
    assert "stays unchanged" in notes[0]


@pytest.mark.parametrize("seed", range(12))
def test_flipped_pages_cost_what_was_on_them_and_the_old_file_is_kept(tmp_path: Path, seed: int) -> None:
    path = finished(tmp_path / "run")
    choose = random.Random(seed)
    data = bytearray(path.read_bytes())
    pages = choose.sample(range(len(data) // PAGE_SIZE), 3)
    for page in pages:
        at = page * PAGE_SIZE + choose.choice((0, 100, choose.randrange(PAGE_SIZE - 64)))
        data[at : at + 64] = choose.randbytes(64)
    path.write_bytes(data)
    before = hashlib.sha256(data).hexdigest()
    whole = rows_in_files(path)
    if 1 not in whole:
        with pytest.raises(OutputError, match="what was inspected is lost"):
            inspection_from_journal(tmp_path / "run")
        return

    inspection, notes = recover(tmp_path / "run")

    again = set(recorded(tmp_path / "run"))  # integrity_check is in here
    assert len(again) == sum('"kind":"observation"' in row.body for row in whole.values()) == len(inspection.observations)
    if len(whole) < 61:
        assert (
            any(f"{61 - len(whole)} entries of the journal were lost" in reason for reason in inspection.status_reasons) or 61 not in whole
        )
    if notes and "damaged" in notes[0]:
        kept = tmp_path / "run" / "journal.damaged-1.sqlite"
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == before
        assert kept.name in notes[0] and inspection_from_journal(tmp_path / "run") == inspection


def test_a_changed_byte_in_a_row_is_found_although_the_database_is_sound(tmp_path: Path) -> None:
    path = finished(tmp_path / "run", 10)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"peak":0.9', b'"peak":0.1', 1))

    inspection, notes = recover(tmp_path / "run")

    assert "do not fit their checksums" in notes[0] and len(inspection.observations) == 9
    assert all(item.score.peak == 0.9 for item in inspection.observations)
    assert "1 entries of the journal were lost in damage to it" in inspection.status_reasons


def test_a_torn_place_in_the_log_does_not_cost_what_lies_behind_it(tmp_path: Path) -> None:
    run_dir = broken_off(tmp_path / "run")
    log = run_dir / "journal.sqlite-wal"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(data)

    inspection, notes = recover(run_dir)

    assert len(inspection.observations) >= 19 and len(recorded(run_dir)) == len(inspection.observations)
    assert any("behind a damaged place" in note for note in notes)


def test_a_file_that_is_nothing_any_more_is_one_line_and_stays(tmp_path: Path) -> None:
    path = finished(tmp_path / "run", 3)
    path.write_bytes(os.urandom(20_000))
    before = path.read_bytes()

    with pytest.raises(OutputError, match="no entry in it can be read"):
        Journal.open(tmp_path / "run")
    assert path.read_bytes() == before


@pytest.mark.parametrize("dump", sorted(VERSIONS.glob("version-*.sql")), ids=lambda path: path.stem)
def test_journals_of_every_version_give_the_same_report_for_ever(tmp_path: Path, dump: Path) -> None:
    journal_from_dump(dump, tmp_path)

    told = inspection_from_journal(tmp_path)

    assert told == inspection_from_json(dump.with_suffix(".json").read_bytes())
    Journal.open(tmp_path, reserve_bytes=0).close()


def test_an_upgrade_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No version 2 exists yet; its place is taken by a column that version 1 does not have."""
    journal_from_dump(VERSIONS / "version-1.sql", tmp_path)
    before = inspection_from_journal(tmp_path)
    monkeypatch.setattr(journal_schema, "SCHEMA_VERSION", 2)

    broken = ("ALTER TABLE entry ADD COLUMN note TEXT NOT NULL DEFAULT ''", "INSERT INTO entry (seq) VALUES (1)")
    monkeypatch.setattr(journal_schema, "UPGRADES", {1: broken})
    with pytest.raises(OutputError):
        Journal.open(tmp_path)
    assert version_and_columns(tmp_path) == (1, 7)

    monkeypatch.setattr(journal_schema, "UPGRADES", {1: broken[:1]})
    assert inspection_from_journal(tmp_path) == before
    assert version_and_columns(tmp_path) == (2, 8)


def journal_from_dump(dump: Path, run_dir: Path) -> None:
    with sqlite3.connect(run_dir / "journal.sqlite") as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    connection.close()


def version_and_columns(run_dir: Path) -> tuple[int, int]:
    with sqlite3.connect(run_dir / "journal.sqlite") as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        columns = len(connection.execute("PRAGMA table_info(entry)").fetchall())
    connection.close()
    return version, columns
