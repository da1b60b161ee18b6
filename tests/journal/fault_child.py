"""Runs inside a process under `faults.c`: `fault_child.py MODE FOLDER [ERRNO TIMES PART PARTS]`; prints JSON lines."""

import contextlib
import ctypes
import errno
import itertools
import json
import logging
import sys
import time
from pathlib import Path

from edge_sdk.errors import EdgeSdkError
from edge_sdk.journal import Journal
from tests.journal.cases import create, observation, pictured

FAULTS = ctypes.CDLL(None)
FAULTS.faults_mark.argtypes = [ctypes.c_char_p]
logging.disable(logging.CRITICAL)


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


def session(run_dir: Path) -> list[str]:
    """A whole short run with three pictured observations, each waited for; returns the ids that were acknowledged."""
    acknowledged = []
    journal = create(run_dir, reserve_bytes=1 << 16)
    try:
        for number in (1, 2, 3):
            item, files = pictured(number, size=6000)
            journal.add_observation(item, files).result(30)
            acknowledged.append(item.observation_id)
    finally:
        journal.close(5)
    return acknowledged


def every_call(folder: Path, error: int, times: int, part: int, parts: int) -> None:
    """Fail call n of a session, for all n of this part until a session needs no more calls than that."""
    for n in itertools.count(part, parts):
        run_dir = folder / f"{errno.errorcode[error]}-{times}-{n}"
        FAULTS.faults_arm(n, error, times)
        outcome, acknowledged = "ok", []
        try:
            acknowledged = session(run_dir)
        except EdgeSdkError as failure:
            outcome = str(failure)
        needed = FAULTS.faults_count()
        FAULTS.faults_arm(-1, 0, 0)
        say(n=n, run=run_dir.name, outcome=outcome, acknowledged=acknowledged, needed=needed)
        if needed <= n:
            return


def stalled(folder: Path) -> None:
    """Block fsync, add, see that adding returns and nothing is acknowledged; then let go."""
    journal = create(folder / "run", queue_entries=10, queue_bytes=20_000)
    FAULTS.faults_stall(1)
    took, waiting = [], []
    for number in range(1, 31):
        item, files = pictured(number, size=4000)
        start = time.perf_counter()
        waiting.append(journal.add_observation(item, files))
        took.append(time.perf_counter() - start)
    time.sleep(0.5)
    refused = [done for done in waiting if done.done()]
    health = journal.health
    say(longest_s=max(took), refused=len(refused), failed=sum(done.exception(0) is not None for done in refused),
        state=health.state, lost=health.lost, acknowledged=health.acknowledged)  # fmt: skip
    FAULTS.faults_stall(0)
    kept = [i for i, done in enumerate(waiting, 1) if done.exception(30) is None]
    journal.add_event("info", "after", "").result(30)
    say(kept=kept, state=journal.health.state, pictures_missing=journal.health.pictures_missing)
    journal.close()


def failing(folder: Path) -> None:
    """A disk that fails for a while: nothing is acknowledged meanwhile, everything afterwards, each once."""
    journal = create(folder / "run")
    FAULTS.faults_arm(0, errno.EIO, -1)
    waiting = [journal.add_observation(observation(number)) for number in (1, 2, 3)]
    patience_s = time.monotonic() + 30
    while journal.health.state == "ok" and time.monotonic() < patience_s:
        time.sleep(0.01)
    time.sleep(0.3)  # and a few tries more
    say(done=sum(done.done() for done in waiting), state=journal.health.state, reason=journal.health.reason)
    FAULTS.faults_arm(-1, 0, 0)
    say(kept=sum(done.result(30) is None for done in waiting), state=journal.health.state)
    journal.close()


def traced(folder: Path) -> None:
    """A session for the power-loss model; each acknowledgement is marked in the trace."""
    journal = create(folder / "run")
    for number in range(1, 9):
        item, files = pictured(number, size=500)
        done = journal.add_observation(item, files) if number % 2 else journal.add_observation(observation(number))
        done.result(30)
        FAULTS.faults_mark(item.observation_id.encode())
        if number == 4:
            journal.close()
            journal = Journal.open(folder / "run", commit_every_s=0.0, reserve_bytes=0)
    journal.close()


def every_sync(folder: Path, times: int) -> None:
    """For the power-loss model: sessions in which fsync n and the next ones fail, `times` in all, each after a mark `session N`."""
    for n in itertools.count():
        FAULTS.faults_mark(f"session {n}".encode())
        FAULTS.faults_fail_sync(n, times)
        with contextlib.suppress(EdgeSdkError):
            traced(folder / str(n))
        needed = FAULTS.faults_syncs()
        FAULTS.faults_fail_sync(-1, 0)
        if needed <= n:
            break
    say(sessions=n + 1)


if __name__ == "__main__":
    mode, folder, *numbers = sys.argv[1:]
    modes = {"every_call": every_call, "stalled": stalled, "failing": failing, "traced": traced, "every_sync": every_sync}
    modes[mode](Path(folder), *map(int, numbers))  # type: ignore[operator]
