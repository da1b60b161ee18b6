"""Writes a journal until it is killed, and prints the id of everything that was acknowledged: `kill_child.py RUN FIRST`."""

import os
import sys
from concurrent.futures import Future
from pathlib import Path

from edge_sdk.journal import Journal
from tests.journal.cases import create, pictured


def main(run_dir: Path, first: int) -> None:
    options = {"commit_every_s": 0.002, "reserve_bytes": 1 << 16}
    journal = Journal.open(run_dir, **options) if (run_dir / "journal.sqlite").exists() else create(run_dir, **options)
    os.write(1, b"ready\n")
    waiting: list[tuple[str, Future[None]]] = []
    number = first
    while True:
        for revision in (0, 1) if number % 5 == 0 else (0,):
            item, files = pictured(number, revision=revision)
            waiting.append((f"{item.observation_id} {revision}", journal.add_observation(item, files)))
        number += 1
        while waiting and (len(waiting) > 8 or waiting[0][1].done()):
            name, done = waiting.pop(0)
            done.result(60)
            os.write(1, f"{name}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
