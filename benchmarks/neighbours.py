"""What everybody else takes of the machine: all cores' work by the kernel's books, less that of this process and what it started.

The load average cannot tell: after a minute of our own work on every core it says that the machine is busy, on the quietest robot.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.fingerprint import text_of

PROC = Path("/proc")
FIELDS = 9  # of the line `cpu`: its name, user, nice, system, idle, iowait, irq, softirq, steal


def others_core_s() -> float | None:
    """Core-seconds that others have used since the machine started; None where it does not tell.

    What a hypervisor gave to other machines counts as theirs.
    """
    busy_s = busy_core_s(text_of(str(PROC / "stat")))
    return None if busy_s is None else busy_s - own_core_s()


def busy_core_s(stat: str) -> float | None:
    """Core-seconds of work in `/proc/stat`; None where that says nothing."""
    line = stat.partition("\n")[0].split()[:FIELDS]
    if len(line) < FIELDS:
        return None
    ticks = [int(text) for text in line[1:]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def own_core_s() -> float:
    """Core-seconds of this process, of those it has waited for, and of those it started that still run."""
    running = {int(path.name): _stat(path / "stat") for path in PROC.glob("[0-9]*")}
    parents = {pid: int(fields[1]) for pid, fields in running.items() if fields}
    ticks = sum(sum(map(int, running[pid][11:15])) for pid in _descendants(os.getpid(), parents))
    return sum(os.times()[:4]) + ticks / os.sysconf("SC_CLK_TCK")


def _stat(path: Path) -> list[str]:
    """A process's line behind its name, which may hold anything; empty where it has ended meanwhile."""
    return text_of(str(path)).rpartition(")")[2].split()


def _descendants(ancestor: int, parents: Mapping[int, int]) -> Iterator[int]:
    for pid, parent in parents.items():
        if parent == ancestor:
            yield pid
            yield from _descendants(pid, parents)
