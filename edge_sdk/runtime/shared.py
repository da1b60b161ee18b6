"""One session for several workers: the weights are held once instead of once per worker.

ONNX Runtime's `Run` may be called from several threads at once. A session of one thread does all of a run's work on the thread that
called, so workers that share it are as parallel as with a session each: ResNet-18 on four workers 119 MB less, and three loads fewer.
OpenVINO's too: there each caller has a request and a stream of its own.
The session that a chain has proved with the golden frames is shared with them if it has one thread (`ChainSession.handle`): one load.
"""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.runtime.session import Session


class SharedSession:
    """A session that is made when first asked for and closed when its last user has let go.

    Args:
        create: Makes the session; its `run` must be safe to call from several threads.
    """

    def __init__(self, create: Callable[[], Session]) -> None:
        self._create = create
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._users = 0

    def handle(self) -> Session:
        """A `Session` over the shared one, to be closed like any other.

        Raises:
            RuntimeUnavailableError: If the session cannot be made.
        """
        with self._lock:
            if self._session is None:
                self._session = self._create()
            self._users += 1
            return _Handle(self._session, self._let_go)

    def join(self) -> Session | None:
        """A further handle on a session that somebody holds; None if nobody does (any more)."""
        with self._lock:
            if self._session is None:
                return None
            self._users += 1
            return _Handle(self._session, self._let_go)

    def _let_go(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._session is not None:
                self._session.close()
                self._session = None


class _Handle:
    """One worker's hold on the session."""

    def __init__(self, session: Session, let_go: Callable[[], None]) -> None:
        self.provider, self.precision, self.threads = session.provider, session.precision, session.threads
        self._session: Session | None = session
        self._let_go = let_go

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """See `Session.run`."""
        assert self._session is not None, "the session is closed"
        return self._session.run(images_NHWC)

    def close(self) -> None:
        """Let go; once, however often it is called."""
        if self._session is not None:
            self._session = None
            self._let_go()
