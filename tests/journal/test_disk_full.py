"""T-LOG4: a full disk takes no pictures but, out of the reserve, still observations; and all is well again when space returns."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_sdk.journal import Journal
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.space import RESERVE, Space
from tests.journal.cases import create, observation, pictured, pictures_are_right, recorded

DISK_MB = 8
RESERVE_BYTES = 2 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 8 MB, which only root may mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("may not mount a small disk here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Use up the last byte."""
    path = disk / "other-data"
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            return path


def wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_full_disk_still_takes_observations_and_recovers(small_disk: Path) -> None:
    run_dir = small_disk / "run"
    # a hundred times as slow by its clock: on so small a disk the rule of the last hour would stop pictures before the disk is full
    with create(run_dir, reserve_bytes=RESERVE_BYTES, monotonic=lambda: time.monotonic() * 100) as journal:
        journal.add_observation(*pictured(1)).result(20)
        assert journal.health.state == "ok" and (run_dir / RESERVE).stat().st_blocks * 512 >= RESERVE_BYTES

        other = fill(small_disk)
        for number in range(2, 100):  # more than the log's own free pages: the reserve is needed
            journal.add_observation(*pictured(number)).result(20)
        assert journal.health.state == "warn" and "disk is full" in journal.health.reason
        assert journal.health.pictures_missing > 90 and not (run_dir / RESERVE).exists()

        other.unlink()
        wait_for(lambda: "disk is full" not in journal.health.reason)
        journal.add_observation(*pictured(100)).result(20)

    inspection = inspection_from_journal(run_dir)
    assert len(recorded(run_dir)) == len(inspection.observations) == 100 and pictures_are_right(run_dir)
    assert inspection.observations[0].picture is not None and inspection.observations[99].picture is not None
    assert inspection.observations[50].picture is None
    assert any("the disk was full" in notice for notice in inspection.notices)
    assert not (run_dir / RESERVE).exists()  # given back at the end


def test_a_disk_that_is_full_for_good_withholds_acknowledgement_and_is_an_error(small_disk: Path) -> None:
    run_dir = small_disk / "run"
    journal = create(run_dir, reserve_bytes=0)
    fill(small_disk)
    waiting = [journal.add_observation(observation(number, remark="x" * 3000)) for number in range(500)]
    wait_for(lambda: journal.health.state == "error")
    journal.close(timeout_s=1)

    kept = {i for i, done in enumerate(waiting) if done.exception(0) is None}
    assert len(kept) < 500 and all("not recorded" in str(done.exception(0)) for i, done in enumerate(waiting) if i not in kept)
    (small_disk / "other-data").unlink()
    found = {item.seq for item in inspection_from_journal(run_dir).observations}
    assert kept <= found


def test_a_run_that_broke_off_on_a_full_disk_is_opened_with_its_reserve(small_disk: Path) -> None:
    run_dir = small_disk / "run"
    code = (
        "import os, sys; from pathlib import Path; from tests.journal.cases import create, observation\n"
        f"journal = create(Path(sys.argv[1]), reserve_bytes={RESERVE_BYTES})\n"
        "for n in range(50): journal.add_observation(observation(n)).result(20)\n"
        "os._exit(9)"
    )
    environment = {**os.environ, "PYTHONPATH": f"{Path(__file__).parents[2]}{os.pathsep}{Path(__file__).parents[1]}"}
    assert subprocess.run([sys.executable, "-c", code, str(run_dir)], env=environment, check=False).returncode == 9
    fill(small_disk)

    with Journal.open(run_dir, reserve_bytes=0) as journal:
        journal.add_observation(observation(99)).result(20)
    assert len(recorded(run_dir)) == 51


def test_pictures_stop_with_an_hour_of_the_measured_rate_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    space = Space(tmp_path, reserve_bytes=0, monotonic=lambda: now[0])
    for _ in range(600):
        now[0] += 1.0
        space.add_written(1_000_000)
    assert space.rate_bytes_per_s == pytest.approx(1e6, rel=0.01)

    for free_gb, fit in ((3.7, True), (3.5, False)):
        monkeypatch.setattr(Space, "free_bytes", property(lambda self, free_gb=free_gb: int(free_gb * 1e9)))
        assert space.pictures_fit is fit
    now[0] += 700
    assert space.rate_bytes_per_s == 0.0 and space.pictures_fit


def test_a_reserve_that_finds_no_room_is_not_made_and_stops_pictures(tmp_path: Path) -> None:
    space = Space(tmp_path, reserve_bytes=1 << 60)

    assert not space.whole and not space.pictures_fit and not (tmp_path / RESERVE).exists()
