"""What a process holds, from the kernel's own books, in MB of 10^6 bytes.

RSS counts a shared library in every process that maps it, PSS its share: the sum of PSS over all processes is the memory in use.
"""

import os
import re
from pathlib import Path

from edge_sdk.doctor.probe import output_of

KB = 1024 / 1e6


def rss_mb(pid: int | None = None) -> float:
    """Resident memory."""
    return _status_mb("VmRSS", pid) or 0.0


def peak_rss_mb(pid: int | None = None) -> float | None:
    """The largest resident memory since the process began, moments between two looks included; None where the kernel does not tell."""
    return _status_mb("VmHWM", pid)


def pss_mb(pid: int | None = None) -> float | None:
    """Proportional share; None where the kernel does not tell (before 4.14, or not allowed)."""
    found = re.search(r"^Pss:\s+(\d+) kB", _text(f"/proc/{pid or os.getpid()}/smaps_rollup"), re.MULTILINE)
    return int(found[1]) * KB if found else None


def gpu_mb(pid: int | None = None) -> float | None:
    """GPU memory by nvidia-smi; None where it lists no such process (a Jetson's GPU uses the machine's memory: it is in RSS and PSS)."""
    said = output_of("nvidia-smi", "--query-compute-apps=pid,used_memory", "--format=csv,noheader,nounits") or ""
    found = [line.split(",") for line in said.splitlines() if line.partition(",")[0].strip() == str(pid or os.getpid())]
    return sum(float(used) * 1.048576 for _, used in found if used.strip().isdigit()) or None


def _status_mb(field: str, pid: int | None) -> float | None:
    found = re.search(rf"^{field}:\s+(\d+) kB", _text(f"/proc/{pid or os.getpid()}/status"), re.MULTILINE)
    return int(found[1]) * KB if found else None


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
