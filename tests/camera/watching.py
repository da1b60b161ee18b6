"""What the tests of live cameras share: a camera with short pauses, waiting with an end, and what a camera may leave behind (nothing)."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from camera import scripted_worker
from edge_sdk.camera import Backoff, Frame, LiveCamera

PATIENCE_S = 60.0  # a new interpreter on a machine with eight other jobs
MEMORY_NAME = "sewer-edge-frames"  # in the list of mappings


def scripted(folder: Path, *attempts: list[list[Any]], **options: Any) -> LiveCamera:
    """A camera that follows a script and reconnects at once."""
    settings = {"no_frame_timeout_s": 0.6, "reconnect": Backoff([0.0]), "module": scripted_worker.__name__} | options
    return LiveCamera(scripted_worker.address(folder, *attempts), **settings)


def wait_for(condition: Callable[[], Any], what: str) -> None:
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, f"waited {PATIENCE_S} s for {what}"
        time.sleep(0.01)


def next_frame(camera: LiveCamera) -> Frame:
    end_s = time.monotonic() + PATIENCE_S
    while (frame := camera.read(0.2)) is None:
        assert time.monotonic() < end_s, f"waited {PATIENCE_S} s for a frame of a camera that is {camera.state}"
    return frame


def frames(camera: LiveCamera, num: int) -> list[Frame]:
    return [next_frame(camera) for _ in range(num)]


def children(of: int | None = None) -> set[int]:
    """Processes that a process (ours if not said otherwise) started and that still run."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        except (OSError, IndexError):
            continue
        if int(parent) == (of or os.getpid()) and state != "Z":
            found.add(int(folder.name))
    return found


def is_dead(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@contextmanager
def nothing_left() -> Iterator[None]:
    """No process, thread, descriptor or frame memory is there afterwards that was not before."""

    def held() -> tuple[set[int], set[threading.Thread], int, int]:
        maps = Path("/proc/self/maps").read_text().count(MEMORY_NAME)  # others' files in /dev/shm come and go
        return children(), set(threading.enumerate()), len(list(Path("/proc/self/fd").iterdir())), maps

    def left() -> list[Any]:
        now = held()
        return [*(now[0] - before[0]), *(now[1] - before[1]), *(now[i] for i in (2, 3) if now[i] > before[i])]

    before = held()
    yield
    end_s = time.monotonic() + PATIENCE_S
    while left() and time.monotonic() < end_s:
        time.sleep(0.01)
    assert left() == []
