"""T-RT2 on a whole live inspection: fsync itself blocks, below SQLite and below Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.journal import QUEUE_ENTRIES
from tests.journal.shim import HERE, build_shim


@pytest.mark.parametrize("stall_s", [0.9, pytest.param(5.0, marks=pytest.mark.slow)])
def test_a_disk_that_stalls_holds_up_nobody_and_what_it_cannot_take_is_counted_and_said(
    stall_s: float, bundle_path: Path, trust: Path, tmp_path: Path
) -> None:
    run_dir = tmp_path / "run"
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE.parent}", "OMP_NUM_THREADS": "1"}
    environment |= {"LD_PRELOAD": str(build_shim(tmp_path)), "JOURNAL_FAULTS_ROOT": str(run_dir.resolve())}
    command = [sys.executable, str(HERE / "live_stall_child.py"), str(bundle_path), str(trust), str(run_dir), str(stall_s)]

    child = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    assert child.returncode == 0, child.stderr
    seen = json.loads(child.stdout)
    stalled, overflow, after = seen["stalled"], seen["overflow"], seen["after"]
    assert seen["longest_s"] < 20.0, "of submit and latest together: who waited for the disk would wait for ever"
    assert stalled["heard"] == stalled["acknowledged"] == 0, "nothing is told of before it is on the disk"
    assert stalled["processed"] >= 10 * stall_s and 2 <= stalled["waiting"] <= QUEUE_ENTRIES
    assert overflow["heard"] == 0 and overflow["waiting"] == QUEUE_ENTRIES and overflow["refused"] >= 1
    assert overflow["journal"] == "error" and "journal_error" in overflow["lacking"]
    assert after["heard"] >= 1 and after["journal"] == "warn", "some are lost, and it goes on saying so"
    inspection = inspection_from_journal(run_dir)
    assert set(seen["told"]) == {item.observation_id for item in inspection.observations}
    assert inspection.status == "incomplete" and any("entries could not be recorded" in reason for reason in inspection.status_reasons)
