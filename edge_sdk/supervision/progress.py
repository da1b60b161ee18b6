"""Proof that inference lives, from successive looks at it: frames were processed, or there is nothing to do.

An unplugged camera leaves nothing to do; that is no reason to restart. A run of the network that does not come back, a frame that waits
while no worker takes it, and a worker that died are no proof, however often one looks.
"""

import time
from collections.abc import Callable

from edge_sdk.supervision.snapshot import Snapshot

LOADING_LIMIT_S = 2100.0  # an engine's build is given up after 1800 s by its own limit; beyond that loading is a hang too


class ProgressProof:
    """Compares looks at one run.

    Args:
        loading_limit_s: How long a runtime may be loading.
        monotonic: The clock, seconds.
    """

    def __init__(self, loading_limit_s: float = LOADING_LIMIT_S, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._loading_limit_s, self._monotonic = loading_limit_s, monotonic
        self._processed = 0
        self._loading_since: float | None = None

    def holds(self, now: Snapshot) -> bool:
        """Whether the run did something useful since the last look, or is alive with nothing to do."""
        processed, self._processed = self._processed, now.accounting.processed
        if now.is_loading or now.phase == "loading":
            if self._loading_since is None:
                self._loading_since = self._monotonic()
            return self._monotonic() - self._loading_since <= self._loading_limit_s
        self._loading_since = None
        if now.phase not in ("new", "running", "paused"):
            return False
        idle = now.accounting.in_flight == 0 and now.working_s == 0
        return idle or now.accounting.processed != processed
