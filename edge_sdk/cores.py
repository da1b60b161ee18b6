"""How many cores this process may use: containers and units pin processes to fewer than the machine has."""

import os


def usable_cores() -> int:
    """Cores in this process's affinity mask, at least 1; where there is no such mask, the machine's."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
