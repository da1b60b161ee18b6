"""Room on the disk: a reserve that is given up so that observations still go in when everything else is full.

Pictures stop first, while there is still an hour of the measured write rate left (the rule of Frigate's storage maintainer), or when the
reserve is gone. Both come back when the space does.
"""

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RESERVE = "journal.reserve"
RESERVE_BYTES = 64 << 20
SLACK_BYTES = 1 << 20  # beyond the reserve, before it is made again
HOURS_LEFT = 1.0
WINDOW_S, LEAST_S = 600.0, 60.0  # the write rate is a mean over the last ten minutes, and not over less than one


class Space:
    """The reserve of one run, and whether pictures fit beside it; `pictures_stopped` is what was last found.

    Args:
        run_dir: Its folder.
        reserve_bytes: Size of the reserve; 0 for none.
        monotonic: The clock, seconds.
    """

    def __init__(self, run_dir: Path, *, reserve_bytes: int = RESERVE_BYTES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder, self._path, self._reserve_bytes = run_dir, run_dir / RESERVE, reserve_bytes
        self._monotonic = monotonic
        self._written: deque[tuple[float, int]] = deque()
        self._began = monotonic()
        self.whole = self.pictures_stopped = False
        self.restore()

    def restore(self) -> bool:
        """Make the reserve if it is not there and there is room for it; returns whether it is there."""
        if not self.whole:
            self.whole = self._reserve_bytes == 0 or self._made()
        return self.whole

    def release(self) -> bool:
        """Give the reserve up; returns whether there was one to give."""
        was, self.whole = self.whole and self._reserve_bytes > 0, self._reserve_bytes == 0
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
        return was

    def remove(self) -> None:
        """Delete the reserve at the end of the run."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)

    def add_written(self, num_bytes: int) -> None:
        """Count bytes that were written; those of one second together."""
        now = self._monotonic()
        if self._written and int(now) == int(self._written[-1][0]):
            num_bytes += self._written.pop()[1]
        self._written.append((now, num_bytes))
        self._forget()

    @property
    def pictures_fit(self) -> bool:
        """Whether the reserve is whole and an hour of writing at the measured rate is left beside it."""
        fit = self.whole and self.free_bytes >= self.rate_bytes_per_s * HOURS_LEFT * 3600
        self.pictures_stopped = not fit
        return fit

    @property
    def rate_bytes_per_s(self) -> float:
        """Mean over the window."""
        self._forget()
        elapsed_s = min(max(self._monotonic() - self._began, LEAST_S), WINDOW_S)
        return sum(num_bytes for _, num_bytes in self._written) / elapsed_s

    @property
    def free_bytes(self) -> int:
        """Free space for us; 0 where the disk does not say."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return 0
        return disk.f_bavail * disk.f_frsize

    def _forget(self) -> None:
        """Drop what lies before the window: a run without pictures, whose rate nobody asks for, must not gather it."""
        now = self._monotonic()
        while self._written and self._written[0][0] < now - WINDOW_S:
            self._written.popleft()

    def _made(self) -> bool:
        """Allocate the reserve for real: a sparse file would hold nothing."""
        with suppress(OSError):
            if self._path.exists() and self._path.stat().st_blocks * 512 >= self._reserve_bytes:
                return True
        if self.free_bytes < self._reserve_bytes + SLACK_BYTES:
            return False
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.posix_fallocate(handle, 0, self._reserve_bytes)
            finally:
                os.close(handle)
        except OSError:
            self.remove()
            return False
        return True
