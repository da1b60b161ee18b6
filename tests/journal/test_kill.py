"""T-LOG1: killed at any instant, every acknowledged observation is there exactly once, with its pictures."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.journal.recover import recover
from tests.journal.cases import pictures_are_right, recorded

HERE = Path(__file__).parent


def acknowledged_until_killed(run_dir: Path, first: int, delay_s: float) -> set[tuple[str, int]]:
    """Let a child write for so long after its first sign of life, kill it, and return what it printed."""
    environment = {**os.environ, "PYTHONPATH": f"{HERE.parents[1]}{os.pathsep}{HERE.parent}"}
    command = [sys.executable, str(HERE / "kill_child.py"), str(run_dir), str(first)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    killer = threading.Timer(delay_s, lambda: os.kill(child.pid, signal.SIGKILL))
    killer.start()
    printed = child.stdout.read()  # whole lines only: each came in one write below the size of a pipe
    child.stdout.close()
    killer.join()
    assert child.wait() == -signal.SIGKILL
    return {(name, int(revision)) for name, revision in (line.split() for line in printed.decode().splitlines())}


def kill_loop(tmp_path: Path, kills: int) -> int:
    choose = random.Random(20260501)
    expected: set[tuple[str, int]] = set()
    run = 0
    for kill in range(kills):
        run_dir = tmp_path / f"run{run}"
        expected |= acknowledged_until_killed(run_dir, 1 + 10_000 * kill, choose.uniform(0.001, 0.2))
        if kill % 4 == 3:  # several kills of the same run, then look
            inspection, _ = recover(run_dir)
            found = recorded(run_dir)
            assert len(found) == len(set(found)) and expected <= set(found)
            assert pictures_are_right(run_dir)
            assert inspection.status == "recovered" and not any("lost" in reason for reason in inspection.status_reasons)
            assert inspection_from_journal(run_dir) == inspection
            expected, run = set(), run + 1
    return kills


def test_nothing_acknowledged_is_lost_in_twelve_kills(tmp_path: Path) -> None:
    assert kill_loop(tmp_path, 12) == 12


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_two_hundred_kills(tmp_path: Path) -> None:
    assert kill_loop(tmp_path, 200) == 200


def test_the_kill_loop_does_acknowledge(tmp_path: Path) -> None:
    """The control: with a second to live, the child acknowledges, so that the loop above tests something."""
    start = time.monotonic()
    delay_s = 0.5
    while not (found := acknowledged_until_killed(tmp_path / f"run{delay_s}", 1, delay_s)) and time.monotonic() - start < 60:
        delay_s *= 2
    assert found
