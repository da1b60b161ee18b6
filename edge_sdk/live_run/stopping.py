"""Who ends a live run: an operator who says by Ctrl-C (SIGINT) that the inspection is over, or somebody who ends a program by SIGTERM.

A shutdown, a supervisor and `docker stop` send SIGTERM, whatever the robot is doing just then: a run that ends by it is `interrupted`.
"""

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Heeds both signals for as long as it lasts; a context manager that changes nothing in another thread than the main one."""

    def __init__(self) -> None:
        self._before: dict[signal.Signals, object] = {}
        self._first: int | None = None

    @property
    def came(self) -> bool:
        """Whether the run is to end."""
        return self._first is not None

    @property
    def interrupted_by(self) -> str | None:
        """What ended the run though nobody had said that it was over, in words; None: nothing did. Of two signals the first counts."""
        return "stopped by SIGTERM while its cameras were live" if self._first == signal.SIGTERM else None

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heed) for number in SIGNALS}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what `signal` has given

    def _heed(self, number: int, frame: FrameType | None) -> None:
        """Only notes it: an event that is set within its own `wait` would wait for itself."""
        self._first = self._first or number
