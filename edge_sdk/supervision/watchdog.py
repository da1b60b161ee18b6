"""The watchdog: pings the service manager from the very loops that prove progress, and from nowhere else.

A timer of its own would ping on over a hung worker. So each loop reports what it did, the last one to do so sends the ping, and a loop that
hangs ends the pings; systemd then restarts the process. A camera without frames is no reason to restart: a loop that finds nothing to do,
and is alive, reports that too. Pings come at a quarter of the watchdog's time, within the half that sd_watchdog_enabled(3) asks for.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping

from edge_sdk.supervision.notify import Notifier

INFERENCE = "inference"
SHARE = 0.25


class Watchdog:
    """Pings while every named loop makes progress.

    Args:
        notifier: Whom to ping.
        period_s: The watchdog's time; None pings nobody, and progress is noted all the same.
        loops: Those that must all make progress between two pings.
        monotonic: The clock, seconds.
    """

    def __init__(
        self,
        notifier: Notifier,
        period_s: float | None,
        *,
        loops: Collection[str] = (INFERENCE,),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._notifier, self._period_s, self._monotonic = notifier, period_s, monotonic
        self._lock = threading.Lock()
        self._proved_s = dict.fromkeys(loops, monotonic())
        self._waiting_for = set(loops)
        self._next_ping_s = monotonic()

    def progress(self, loop: str = INFERENCE) -> None:
        """Called by a loop that has just done something useful, or has found nothing to do; returns at once.

        Raises:
            ValueError: If there is no such loop.
        """
        if loop not in self._proved_s:
            raise ValueError(f"the watchdog knows no loop '{loop}'; it knows {', '.join(self._proved_s)}")
        with self._lock:
            now_s = self._monotonic()
            self._proved_s[loop] = now_s
            self._waiting_for.discard(loop)
            if self._period_s is None or self._waiting_for or now_s < self._next_ping_s:
                return
            if self._notifier.watchdog():
                self._next_ping_s = now_s + self._period_s * SHARE
                self._waiting_for = set(self._proved_s)

    @property
    def idle_s(self) -> float:
        """How long ago the slowest loop last proved that it lives."""
        with self._lock:
            return self._monotonic() - min(self._proved_s.values())


def watchdog_period_s(environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> float | None:
    """The time systemd gives this process between pings; None if it does not watch it (sd_watchdog_enabled(3))."""
    text, owner = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (text.isascii() and text.isdigit()) or int(text) == 0:
        return None
    if owner and owner != str(os.getpid() if pid is None else pid):
        return None
    return int(text) / 1e6
