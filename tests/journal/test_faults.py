"""T-LOG2 and T-RT2: every write, fsync, rename, allocation and truncation fails once or for good, under SQLite and pictures alike."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_sdk.journal.inspection import inspection_from_journal
from tests.journal.cases import pictures_are_right, recorded
from tests.journal.shim import build_shim, memory_folder, run_child


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with memory_folder(tmp_path) as place:
        yield place


def check_promises(folder: Path, report: dict[str, Any]) -> None:
    """Acknowledged is there, once; no row points to a missing picture; a failure is one line."""
    run_dir = folder / report["run"]
    assert "\n" not in report["outcome"], report
    if not (run_dir / "journal.sqlite").exists():
        assert report["acknowledged"] == [] and report["outcome"] != "ok", report
        return
    inspection_from_journal(run_dir)
    found = [name for name, _ in recorded(run_dir)]
    assert len(found) == len(set(found)) and set(report["acknowledged"]) <= set(found), report
    assert pictures_are_right(run_dir), report


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_any_single_call_may_fail(folder: Path, shim: Path, error: int) -> None:
    reports = run_child(shim, folder, "every_call", error, 1, 0, 1)

    assert len(reports) > 40 and reports[-1]["needed"] <= reports[-1]["n"]
    for report in reports:
        check_promises(folder, report)
    begun = [report for report in reports if (folder / report["run"] / "journal.sqlite").exists() and report["outcome"] == "ok"]
    assert all(len(report["acknowledged"]) == 3 for report in begun) and len(begun) > 20  # once the run has begun nothing ends it


@pytest.mark.slow
@pytest.mark.parametrize("times", [2, 3, 8])
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_any_calls_in_a_row_may_fail(folder: Path, shim: Path, error: int, times: int) -> None:
    for report in run_child(shim, folder, "every_call", error, times, 0, 1):
        check_promises(folder, report)


def test_a_disk_that_fails_for_a_while_gets_everything_afterwards_and_each_once(tmp_path: Path, shim: Path) -> None:
    during, after = run_child(shim, tmp_path, "failing")

    assert during["done"] == 0 and during["state"] == "error" and during["reason"]
    assert after == {"kept": 3, "state": "ok"}
    assert len(recorded(tmp_path / "run")) == 3


def test_a_stalled_disk_holds_up_nobody_and_acknowledges_nothing(tmp_path: Path, shim: Path) -> None:
    during, after = run_child(shim, tmp_path, "stalled")

    assert during["longest_s"] < 10.0  # the disk stalls until later; the promise of a millisecond is measured in the benchmarks
    assert during["acknowledged"] == 0 and during["refused"] == during["failed"] == during["lost"] == 20
    assert during["state"] == "error"
    assert len(after["kept"]) == 10 and after["state"] == "warn" and after["pictures_missing"] > 0
    inspection = inspection_from_journal(tmp_path / "run")
    assert "20 entries could not be recorded, the disk did not take them" in inspection.status_reasons
    assert len(inspection.observations) == 10 and pictures_are_right(tmp_path / "run")
    assert any("the disk did not keep up" in notice for notice in inspection.notices)
