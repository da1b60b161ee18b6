"""T-CLK1: the wall clock jumps while a run goes on, and nothing depends on it; it is kept beside the monotonic one, for people."""

import os
import re
import shutil
import struct
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import pytest

from edge_sdk.journal.inspection import inspection_from_journal, rows_of
from edge_sdk.supervision import read_status
from live_fakes import until

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def settable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`wall_clock.c`, compiled."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("clock") / "wall_clock.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(ROOT / "tests" / "wall_clock.c")], check=True)
    return library


def set_clock(file: Path, utc: str) -> None:
    """Make it this instant for who runs under the shifted clock."""
    shift_s = round(datetime.fromisoformat(utc).replace(tzinfo=timezone.utc).timestamp() - time.time())
    with file.open("r+b" if file.exists() else "wb") as handle:  # the same file: it is mapped
        handle.write(struct.pack("<q", shift_s))


def driven_through_jumps(child: "subprocess.Popen[str]", clock: Path, out: Path) -> list[str]:
    """The ids that were acknowledged while the clock was set again and again and the run looked at."""
    assert child.stdout is not None
    told = [child.stdout.readline().strip()]
    for jump in ("2026-10-25T00:59:59", "2036-10-25T00:59:59", "2036-10-24T23:59:59", "1969-12-31T23:00:00"):
        set_clock(clock, jump)
        told += [child.stdout.readline().strip() for _ in range(2)]
        now = until(lambda: (read := read_status(out)).cameras[0].state == "online" and read.state == "ACTIVE" and read)
        assert (now.result_age_s or 0.0) >= 0 and now.progress_age_s >= 0 and (now.cameras[0].frame_age_s or 0.0) >= 0
    return told


def test_a_wall_clock_that_jumps_loses_no_camera_and_orders_nothing(bundle_path: Path, trust: Path, settable: Path, tmp_path: Path) -> None:
    """No clock at boot (1970), then set, ten years on, an hour back over the end of summer time, and before 1970."""
    clock, out = tmp_path / "clock", tmp_path / "run"
    set_clock(clock, "1970-01-01T00:00:05")
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1", "TZ": "Europe/Berlin"}
    command = [sys.executable, str(ROOT / "tests" / "live_child.py"), str(bundle_path), str(trust), str(out)]
    faked = environment | {"LD_PRELOAD": str(settable), "WALL_CLOCK": str(clock)}
    with subprocess.Popen(command, env=faked, stdout=subprocess.PIPE, text=True) as child:
        try:
            told = driven_through_jumps(child, clock, out)
        finally:
            child.kill()

    rows = rows_of(out)
    assert {row.wall_utc[:4] for row in rows} >= {"1970", "2026", "2036"}, "the clock did jump, and is kept"
    assert [row.monotonic_ns for row in rows] == sorted(row.monotonic_ns for row in rows)
    assert len({row.entry_id for row in rows}) == len(rows)
    inspection = inspection_from_journal(out)
    assert "camera_lost" not in [gap.reason for gap in inspection.coverage.gaps] and 0 < inspection.coverage.duration_s < 3600
    listed = [item.observation_id for item in inspection.observations]
    assert len(set(listed)) == len(listed) and set(filter(None, told)) <= set(listed)
    times_s = [item.time_s for item in sorted(inspection.observations, key=lambda item: item.seq)]
    assert times_s == sorted(times_s) and times_s[0] >= 0


def test_nothing_that_decides_looks_at_the_wall_clock() -> None:
    """The wall clock is for people: when a run began, a row or a status was written, and what a folder is called."""
    asks = re.compile(r"time\.time\(|time\.time_ns\(|datetime\.(now|utcnow|today)|time\.(localtime|gmtime|ctime)|CLOCK_REALTIME")
    modules = sorted((ROOT / "edge_sdk").rglob("*.py"))
    found = {str(path.relative_to(ROOT)): len(asks.findall(path.read_text(encoding="utf-8"))) for path in modules}
    assert {name: num for name, num in found.items() if num} == {
        "edge_sdk/inspect_live.py": 1,
        "edge_sdk/journal/entries.py": 1,
        "edge_sdk/live_run/record.py": 1,
        "edge_sdk/run.py": 1,
        "edge_sdk/supervision/status_writer.py": 1,
    }
