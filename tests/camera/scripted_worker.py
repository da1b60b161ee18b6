"""A capture process that does what a script says: the real worker, pipes and memory around a camera that fails on cue.

The address's target is JSON: the file in which attempts are counted, and for each attempt its steps. The last attempt's steps are repeated
by all later ones. `frame` paints every pixel with one value, so that a torn or stale frame shows.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from edge_sdk.camera import capture_worker
from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.grabbers import Grabbed, of_opencv
from edge_sdk.errors import SourceError


def address(folder: Path, *attempts: list[list[Any]]) -> LiveAddress:
    """What to give `LiveCamera`, together with `module=scripted_worker.__name__`."""
    return LiveAddress("network", "scripted", json.dumps([str(folder / "attempts"), attempts]))


class ScriptedGrabber:
    fps = 25.0

    def __init__(self, steps: list[list[Any]]) -> None:
        self._steps = iter(_unrolled(steps))

    def read(self) -> Grabbed | None:
        for name, *values in self._steps:
            if name == "frame":
                width, height, value, *pause = values
                time.sleep(pause[0] if pause else 0.03)
                return of_opencv(np.full((height, width, 3), value, np.uint8))
            _do(name, *values)
        return None


def _unrolled(steps: list[list[Any]]) -> Any:
    for name, *values in steps:
        if name == "frames":
            num, width, height, *pause = values
            for i in range(num):
                yield ["frame", width, height, i % 256, *pause]
        else:
            yield [name, *values]


def _do(name: str, *values: Any) -> None:
    if name == "wait":
        time.sleep(values[0])
    elif name == "hang":
        while True:
            time.sleep(60)
    elif name == "raise":
        raise OSError(5, "the driver said no")
    elif name == "refuse":
        raise SourceError("cannot be opened")
    else:
        os.kill(os.getpid(), getattr(signal, name))


def _open(address: LiveAddress) -> ScriptedGrabber:
    counter, attempts = json.loads(address.target)
    with Path(counter).open("ab") as file:
        file.write(b".")
        number = file.tell()
    return ScriptedGrabber(attempts[min(number, len(attempts)) - 1])


def main() -> None:
    if json.loads(os.environ.get("TEAR", "false")):
        _tear()
    capture_worker.serve(lambda address: _open)


def _tear() -> None:
    """Die in the middle of the fourth frame's pixels."""
    put, num = capture_worker.Port.put, iter(range(1000))

    def tearing(port: capture_worker.Port, grabbed: Grabbed, **rest: Any) -> None:
        if next(num) == 3:
            port._ring.write(port._free.popleft(), [plane[: len(plane) // 2] | 255 for plane in grabbed.planes])
            os.kill(os.getpid(), signal.SIGKILL)
        put(port, grabbed, **rest)

    capture_worker.Port.put = tearing  # type: ignore[method-assign]
