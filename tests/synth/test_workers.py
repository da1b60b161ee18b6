"""Rendering processes: refused, killed, interrupted."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from trainer.synth import SynthError, workers
from trainer.synth.errors import InterruptedRunError
from trainer.synth.workers import run_jobs


def _double(number: int) -> int:
    return 2 * number


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("number", [0, -1])
def test_no_worker_is_refused(number: int) -> None:
    with pytest.raises(SynthError, match=f"workers {number}"):
        list(run_jobs(_double, [1], workers=number))


def test_one_worker_renders_with_one_thread_and_gives_the_others_back() -> None:
    before = cv2.getNumThreads()
    try:
        cv2.setNumThreads(3)
        jobs = run_jobs(lambda _: cv2.getNumThreads(), range(2), workers=1)

        assert next(jobs) == 1
        jobs.close()  # type: ignore[attr-defined]  # as an error in what takes the results does
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)


def test_killed_worker_is_an_interruption_with_advice() -> None:
    with pytest.raises(InterruptedRunError, match="fewer workers"):
        list(run_jobs(_die, range(3), workers=2))


def test_no_more_processes_than_the_cores_can_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Pool:
        def __init__(self, number: int, **_: object) -> None:
            asked.append(number)

        def shutdown(self, **_: object) -> None: ...

    monkeypatch.setattr(workers, "ProcessPoolExecutor", Pool)

    assert list(run_jobs(_double, [], workers=10**9)) == []
    assert asked == [4 * (os.cpu_count() or 1)]


def test_ctrl_c_while_workers_still_start_is_one_line(tmp_path: Path) -> None:
    command = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from trainer.cli import main; sys.exit(main())"
    arguments = ["synth", "frames", "--out", str(tmp_path / "set"), "--num", "200", "--workers", "2"]
    run = subprocess.Popen([sys.executable, "-c", command, *arguments], stderr=subprocess.PIPE, text=True, start_new_session=True)
    while not (tmp_path / ".set-part" / "Train").exists() and run.poll() is None:
        time.sleep(0.01)
    time.sleep(0.1)  # the workers are importing: long before their first frame
    os.killpg(run.pid, signal.SIGINT)

    assert run.communicate(timeout=60)[1].splitlines() == ["interrupted"]
    assert run.returncode == 130
    assert list(tmp_path.iterdir()) == []
