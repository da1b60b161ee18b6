"""Adding to a journal: acknowledged means kept, adding never waits, and writing twice is writing once."""

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from edge_sdk.errors import OutputError
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import Event, Row, body_from_entry, entry_from_body
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.schema import SCHEMA_VERSION
from edge_sdk.records import Score
from live_fakes import keeps_within
from tests.journal.cases import create, head, header, observation, pictured, pictures_are_right, recorded


def test_what_is_acknowledged_is_there_with_both_clocks_and_its_pictures(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        item, files = pictured(1)
        journal.add_observation(item, files).result(20)

        assert all((tmp_path / "run" / name).read_bytes() == data for name, data in files.items())  # before the close
    with sqlite3.connect(tmp_path / "run" / "journal.sqlite") as connection:
        rows = [Row(*row) for row in connection.execute("SELECT * FROM entry ORDER BY seq")]
    assert [row.seq for row in rows] == [1, 2] and all(row.whole for row in rows)
    assert rows[1].monotonic_ns > 0 and len(rows[1].boot_id) == 36 and rows[1].wall_utc.endswith("+00:00")
    assert recorded(tmp_path / "run") == [(item.observation_id, 0)] and pictures_are_right(tmp_path / "run")


def test_the_database_is_in_wal_mode_with_full_synchronisation(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        connection = journal._writer._store._connection
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
        assert not (tmp_path / "run" / "journal.sqlite-shm").exists()  # a shared index could end the process on a full disk


def test_the_same_again_is_written_once_and_something_else_under_its_id_is_refused(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        for _ in range(3):
            journal.add_observation(observation(1)).result(20)
        journal.add_observation(observation(1, revision=1, remark="longer")).result(20)
        with pytest.raises(ValueError, match="another observation"):
            journal.add_observation(observation(1, remark="other")).result(20)

    assert [revision for _, revision in recorded(tmp_path / "run")] == [0, 1]


def test_many_that_come_together_are_one_commit(tmp_path: Path) -> None:
    with create(tmp_path / "run", commit_every_s=0.3) as journal:
        journal.add_event("info", "first", "").result(20)
        before = (tmp_path / "run" / "journal.sqlite-wal").stat().st_size
        written = [journal.add_observation(observation(i)) for i in range(20)]
        for done in written:
            done.result(20)
        grown = (tmp_path / "run" / "journal.sqlite-wal").stat().st_size - before

    assert grown < 20 * 4096 < 20 * 2 * 4096  # twenty commits would write at least two pages each


def test_a_number_that_json_cannot_hold_is_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        bad = journal.add_observation(observation(1, score=Score(peak=float("nan"), threshold=0.5, frames_positive=1)))
        good = journal.add_observation(observation(2))

        good.result(20)
        with pytest.raises(ValueError, match="NaN or infinite"):
            bad.result(20)
        assert journal.health.lost == 1
    assert any("1 entries could not be recorded" in reason for reason in inspection_from_journal(tmp_path / "run").status_reasons)


def test_a_file_name_that_is_no_unicode_is_recorded_all_the_same(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        journal.add_observation(observation(1, frame_name="still\udcff.png")).result(20)

    (item,) = inspection_from_journal(tmp_path / "run").observations
    assert item.frame_name == "still?.png"


def test_a_picture_is_never_written_over_another(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        for revision in (0, 1, 1):
            journal.add_observation(*pictured(1, revision=revision)).result(20)

    assert sorted(path.name for path in (tmp_path / "run" / "pictures").iterdir()) == [
        "0001-RB-2.jpg", "0001-RB-heat-2.jpg", "0001-RB-heat.jpg", "0001-RB.jpg",
    ]  # fmt: skip
    (item,) = inspection_from_journal(tmp_path / "run").observations
    assert item.picture.path == "pictures/0001-RB-2.jpg" and pictures_are_right(tmp_path / "run")


def test_pictures_that_should_lie_there_and_do_not_are_named_as_missing(tmp_path: Path) -> None:
    with create(tmp_path / "run") as journal:
        journal.add_observation(pictured(1)[0]).result(20)

    inspection = inspection_from_journal(tmp_path / "run")
    assert inspection.observations[0].picture is None
    assert any("without a picture: 1; their files were not there" in notice for notice in inspection.notices)


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", "pictures/../../a.jpg"])
def test_a_picture_outside_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    item, _ = pictured(1)
    item = msgspec.structs.replace(item, picture=msgspec.structs.replace(item.picture, path=name))
    with create(tmp_path / "run") as journal, pytest.raises(ValueError, match="run's folder"):
        journal.add_observation(item, {name: b"", item.picture.heatmap_path: b""})


def test_a_second_process_gets_one_line(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from edge_sdk.journal import Journal; Journal.open(Path(sys.argv[1]))"
    with create(tmp_path / "run"):
        second = subprocess.run([sys.executable, "-c", code, str(tmp_path / "run")], capture_output=True, text=True, timeout=60)
        with pytest.raises(OutputError, match="another process is writing this run"):
            Journal.create(tmp_path / "run", header(), overwrite=True)

    assert second.stderr.splitlines()[-1].startswith("edge_sdk.errors.OutputError") and "another process is writing" in second.stderr
    Journal.open(tmp_path / "run", reserve_bytes=0).close()


def test_a_folder_with_a_journal_is_not_taken_for_another_run(tmp_path: Path) -> None:
    create(tmp_path / "run").close()

    with pytest.raises(OutputError, match="journal of another run"):
        create(tmp_path / "run")
    create(tmp_path / "run", overwrite=True).close()


@pytest.mark.parametrize("path", ["none", "file", "empty"])
def test_a_folder_without_a_journal_is_one_line(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()

    with pytest.raises(OutputError, match="give the folder of a run"):
        inspection_from_journal(tmp_path / path)


def test_another_database_and_a_newer_journal_are_refused_and_stay_as_they_are(tmp_path: Path) -> None:
    for name, setting, message in (
        ("other", "application_id = 5", "no journal"),
        ("newer", f"user_version = {SCHEMA_VERSION + 1}", "newer"),
    ):
        create(tmp_path / name).close()
        with sqlite3.connect(tmp_path / name / "journal.sqlite") as connection:
            connection.execute(f"PRAGMA {setting}")
        connection.close()
        before = sorted(path.name for path in (tmp_path / name).iterdir())

        with pytest.raises(OutputError, match=message):
            Journal.open(tmp_path / name)
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == before


def test_a_closed_journal_refuses_and_counts(tmp_path: Path) -> None:
    journal = create(tmp_path / "run")
    journal.close()

    with pytest.raises(OutputError, match="closed"):
        journal.add(Event(level="info", name="late", text="")).result(0)
    assert journal.health.lost == 1


def test_adding_allocates_little_and_returns_at_once(tmp_path: Path) -> None:
    """100 entries in well under the time of one commit each."""
    names = iter(("first", "second", "third"))

    def adding_s() -> float:
        with create(tmp_path / next(names), commit_every_s=0.1) as journal:
            item, files = pictured(1, size=200_000)
            start = time.perf_counter()
            for _ in range(100):
                journal.add_observation(item, files)
            took_s = time.perf_counter() - start
            assert journal.health.state == "ok"
        return took_s

    assert keeps_within(1.0, adding_s)


def test_every_kind_of_entry_reads_back(tmp_path: Path) -> None:
    for entry in (header(), Event(level="warn", name="a", text="ü", lost=2)):
        assert entry_from_body(body_from_entry(entry)) == entry
    assert inspection_head_is_kept(tmp_path)


def inspection_head_is_kept(tmp_path: Path) -> bool:
    create(tmp_path / "run").close()
    told = inspection_from_journal(tmp_path / "run")
    kept = ("run_id", "created_utc", "source", "odometer", "model", "thresholds", "notices")
    return all(getattr(told, name) == getattr(head(), name) for name in kept)
