"""A live inspection under `faults.c` whose disk stalls in fsync while the robot drives on: `live_stall_child.py BUNDLE KEY RUN SECONDS`.

Prints one JSON line of what the robot noticed of it.
"""

import ctypes
import json
import logging
import sys
import time
from pathlib import Path

import tiny
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.journal.journal import QUEUE_ENTRIES
from edge_sdk.supervision import read_status
from live_fakes import until
from live_scripts import Drive, observed, ready

FAULTS = ctypes.CDLL(None)
logging.disable(logging.CRITICAL)


class Timed:
    """The robot's calls, timed: the inspection in its hands."""

    def __init__(self, live: LiveInspection) -> None:
        self._live, self.odometer, self.stream, self.took_s = live, live.odometer, live.stream, [0.0]

    def submit(self, *frame: object, **fields: object) -> int:
        began_s = time.perf_counter()
        number = self._live.submit(*frame, **fields)  # type: ignore[arg-type]
        self._live.latest()
        self.took_s.append(time.perf_counter() - began_s)
        return number


def main(bundle: str, key: str, run_dir: str, seconds: float) -> None:
    out, heard, seen = Path(run_dir), [], {}
    with Inspector(Bundle.open(Path(bundle), trust=[Path(key)]), threads=1) as inspector, LiveInspection(inspector, out=out) as live:
        live.on_observation(lambda observation: heard.append(observation.observation_id))
        timed = Timed(ready(live))
        drive = Drive(timed, speed_m_s=1.0)  # type: ignore[arg-type]
        drive.go(0.4)
        until(lambda: live.status.journal.waiting == 0)

        FAULTS.faults_stall(1)
        began_s, processed = time.monotonic(), live.status.accounting.processed
        while time.monotonic() - began_s < seconds:
            drive.go(0.4, tiny.RED)
            drive.go(0.6)
        until(lambda: live._run.ledger.num_observations >= 1)
        until(lambda: live.status.journal.waiting >= 2)
        seen["stalled"] = facts(live, heard) | {"processed": live.status.accounting.processed - processed}

        journal = live._run._journal
        refused = [journal.add_event("info", "robot", str(i)) for i in range(QUEUE_ENTRIES)]
        until(lambda: read_status(out).level == "ERROR")
        seen["overflow"] = facts(live, heard) | {"refused": sum(done.done() for done in refused), "lacking": lacking(out)}
        drive.go(0.4, tiny.RED)
        drive.go(0.6)

        FAULTS.faults_stall(0)
        observed(live, 1)
        until(lambda: live.status.journal.waiting == 0 and read_status(out).level != "ERROR")
        until(lambda: heard)
        seen["after"] = facts(live, heard)
    print(json.dumps(seen | {"longest_s": max(timed.took_s), "told": heard}), flush=True)


def facts(live: LiveInspection, heard: list[str]) -> dict[str, object]:
    journal = live.status.journal
    return {"heard": len(heard), "acknowledged": live.status.observations, "waiting": journal.waiting, "journal": journal.state}


def lacking(out: Path) -> list[str]:
    return [item.name for item in read_status(out).lacking]


if __name__ == "__main__":
    *paths, stall_s = sys.argv[1:]
    main(*paths, seconds=float(stall_s))  # type: ignore[arg-type]
