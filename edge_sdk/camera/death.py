"""No child outlives its parent: the kernel kills it (Linux's PR_SET_PDEATHSIG), whatever the child hangs in."""

import ctypes
import signal

PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)  # loaded now: between fork and exec nothing may take a lock


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the thread that started this process ends. Call it first thing in the child."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
