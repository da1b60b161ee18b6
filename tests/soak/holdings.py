"""What a process holds, seen from outside: from the kernel's books, so that looking costs the process nothing and adds nothing to it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from benchmarks.memory_use import rss_mb

MEMFD, SHM = "/memfd:", "/dev/shm/"  # as /proc names them


class Held(NamedTuple):
    """One look. Memory in MB of 10^6 bytes; `children_mb`, `children_fds` and `segments` are those of its children too."""

    rss_mb: float
    children_mb: float
    fds: int
    threads: int
    children: int
    children_fds: int
    memfds: int
    segments: int


COUNTED = ("fds", "threads", "children", "children_fds", "memfds", "segments")


def held_by(pid: int) -> Held:
    """What a process and its children hold now; zeros for one that has gone."""
    children = list(children_of(pid))
    maps = [_maps(one) for one in (pid, *children)]
    return Held(
        rss_mb=rss_mb(pid),
        children_mb=sum(map(rss_mb, children)),
        fds=_count(f"/proc/{pid}/fd"),
        threads=_count(f"/proc/{pid}/task"),
        children=len(children),
        children_fds=sum(_count(f"/proc/{child}/fd") for child in children),
        memfds=sum(MEMFD in line for line in maps[0]) + _linked(pid, MEMFD),
        segments=sum(SHM in line for lines in maps for line in lines),
    )


def least_of(looks: Sequence[Held]) -> dict[str, int]:
    """The least of each count over some looks: what is held all the time, without the file or the thread of a moment."""
    return {name: min(int(getattr(look, name)) for look in looks) for name in COUNTED}


def children_of(pid: int) -> Iterator[int]:
    """Its children that run; a zombie holds nothing but its number and is counted all the same, since nobody has reaped it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            if int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                yield int(folder.name)


def _maps(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except OSError:
        return []


def _count(folder: str) -> int:
    try:
        return len(os.listdir(folder))  # noqa: PTH208 - names are enough
    except OSError:
        return 0


def _linked(pid: int, what: str) -> int:
    num = 0
    for path in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            num += what in os.readlink(path)  # noqa: PTH115 - a memfd is no path
    return num
