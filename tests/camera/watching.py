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

PATIENCE_S = 40.0  # a new interpreter on a machine with eight other jobs


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


def children() -> set[int]:
    """Processes of ours, grandchildren that lost their parent too: by session or by the worker's name in the command line."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
        except (OSError, IndexError):
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(folder.name))
    return found


@contextmanager
def nothing_left() -> Iterator[None]:
    """Processes, threads, descriptors and shared memory are afterwards what they were."""

    def held() -> tuple[set[int], int, int, list[Path]]:
        return children(), threading.active_count(), len(list(Path("/proc/self/fd").iterdir())), sorted(Path("/dev/shm").iterdir())

    before = held()
    yield
    end_s = time.monotonic() + 2
    while held() != before and time.monotonic() < end_s:
        time.sleep(0.01)
    assert held() == before
