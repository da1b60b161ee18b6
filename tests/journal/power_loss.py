"""A model of power loss: what a disk may hold after any instant of a recorded session (after CrashMonkey, OSDI 2018).

It is a model and no measurement on a board. It assumes that fsync of a file brings its bytes, fsync of a folder its names, that what was
not synced may be there, in part, or not at all, that what a failed fsync should have brought is lost unless it is written again, and that
writes are not torn within themselves. A disk that lies about fsync is outside.
"""

import random
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

MAX_DROPPED = 3  # bugs of this kind show with three operations or fewer (ACM TOS 15, 2019)


class Operation(NamedTuple):
    """One line of the trace: W write, T truncate, S sync, F failed sync, R rename, U unlink, A acknowledged."""

    kind: str
    path: str
    other: str
    offset: int
    data: bytes


def read_trace(path: Path) -> list[Operation]:
    data, at, operations = path.read_bytes(), 0, []
    while at < len(data):
        a, b, c, offset = struct.unpack_from("<IIIQ", data, at + 1)
        body = at + 21
        names = data[body : body + a].decode(), data[body + a : body + a + b].decode()
        operations.append(Operation(chr(data[at]), *names, offset, data[body + a + b : body + a + b + c]))
        at = body + a + b + c
    return operations


@dataclass(eq=False)
class _File:
    """Changes of one file's bytes; the first `synced` of them are on the disk."""

    changes: list[Operation] = field(default_factory=list)
    synced: int = 0
    lost: set[int] = field(default_factory=set)  # by a failed sync: the process sees them, the disk never gets them

    def content(self, kept: list[Operation]) -> bytes:
        data = bytearray()
        for change in kept:
            if change.kind == "T":
                data = data[: change.offset].ljust(change.offset, b"\0")
                continue
            end = change.offset + len(change.data)
            data = data.ljust(end, b"\0")
            data[change.offset : end] = change.data
        return bytes(data)


@dataclass
class Disk:
    """Names and files as the process sees them, and as they are on the disk for sure."""

    names: dict[str, _File] = field(default_factory=dict)
    sure_names: dict[str, _File] = field(default_factory=dict)
    unsure: list[dict[str, _File]] = field(default_factory=list)  # names after each change since the folder was synced
    acknowledged: list[str] = field(default_factory=list)

    def apply(self, operation: Operation) -> None:
        kind, path = operation.kind, operation.path
        if kind == "A":
            self.acknowledged.append(path)
        elif kind in "WT":
            if path not in self.names:
                self._rename({**self.names, path: _File()})
            self.names[path].changes.append(operation)
        elif kind == "S" and path in self.names:
            self.names[path].synced = len(self.names[path].changes)
        elif kind == "F":
            file = self.names.get(path)
            if file is not None:
                file.lost.update(range(file.synced, len(file.changes)))
        elif kind == "S":  # a folder: of its own names the present state is sure
            inside = {name: file for name, file in self.names.items() if str(Path(name).parent) == path}
            others = {name: file for name, file in self.sure_names.items() if str(Path(name).parent) != path}
            self.sure_names, self.unsure = {**others, **inside}, []
        elif kind == "R":
            names = dict(self.names)
            names[operation.other] = names.pop(path)
            self._rename(names)
        elif kind == "U":
            self._rename({name: file for name, file in self.names.items() if name != path})

    def after_power_loss(self, choose: random.Random, mode: str) -> dict[str, bytes]:
        """Files by path as they may be found: `none` or `all` of what was not synced, or all but a few operations."""
        states = [self.sure_names, *self.unsure]
        names = {"none": states[0], "all": states[-1]}.get(mode) or choose.choice(states)
        return {name: file.content(self._kept(file, choose, mode)) for name, file in names.items()}

    def _kept(self, file: _File, choose: random.Random, mode: str) -> list[Operation]:
        unsure = range(file.synced, len(file.changes))
        dropped = set(unsure) if mode == "none" else set()
        if mode != "all":
            dropped |= file.lost
        if mode == "some" and unsure:
            dropped |= set(choose.sample(unsure, min(len(unsure), choose.randint(1, MAX_DROPPED))))
        return [change for i, change in enumerate(file.changes) if i not in dropped]

    def _rename(self, names: dict[str, _File]) -> None:
        self.names = names
        self.unsure.append(names)


def power_losses(trace: list[Operation], at: Collection[int], *, seed: int = 0) -> Iterator[tuple[int, str, Disk, dict[str, bytes]]]:
    """After the operations `at` these places, what may be found: the index, how it was chosen, the disk, and the files."""
    disk, choose = Disk(), random.Random(seed)
    for i, operation in enumerate(trace):
        disk.apply(operation)
        if i in at:
            for mode in ("none", "all", "some", "some"):
                yield i, mode, disk, disk.after_power_loss(choose, mode)
