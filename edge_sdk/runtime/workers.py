"""The sessions of mode `throughput`'s workers: a hold on what a chain serves with, and after failures in a row on what comes next.

A chain's own thread runs nothing meanwhile, so the workers tell it (`ChainSession.give_up`). It goes on to the next runtime, golden frames
first, while they wait; each then takes hold of that before its next run. The change and its reason are in the chain's record.
"""

import threading
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.errors import InferenceError, RuntimeUnavailableError
from edge_sdk.runtime.chain import MAX_FAILURES_IN_A_ROW, ChainSession
from edge_sdk.runtime.links import Provider
from edge_sdk.runtime.session import Session


class Workers:
    """Makes workers' sessions.

    Args:
        chain: What serves.
        sessions_on: Makes sessions of one thread on a runtime, for where the chain's own is none that several threads may run.
    """

    def __init__(self, chain: ChainSession, sessions_on: Callable[[Provider], Callable[[], Session]]) -> None:
        self._chain, self._sessions_on = chain, sessions_on
        self._own: dict[Provider, Callable[[], Session]] = {}
        self._began_on: Provider = chain.link.name if chain.link is not None and chain.link.on_cpu else "cpu"
        self._lock = threading.Lock()
        self._in_a_row = 0

    def session(self) -> Session:
        """One worker's, to be closed like any other.

        Raises:
            RuntimeUnavailableError: If it cannot be made.
        """
        return _Worker(self, self.hold())

    def hold(self) -> Session:
        """A hold on what serves now."""
        link = self._chain.link  # None once the chain was closed, which leaves its runs what they began on
        name = link.name if link is not None and link.on_cpu else self._began_on
        with self._lock:
            own = self._own[name] = self._own.get(name) or self._sessions_on(name)
        return self._chain.handle() or own()

    def went_on(self, session: Session) -> bool:
        """Whether the chain serves on another of the CPU's runtimes by now."""
        link = self._chain.link
        return link is not None and link.on_cpu and session.provider != self._chain.provider

    def succeeded(self) -> None:
        """A run gave its outputs."""
        self._in_a_row = 0

    def failed(self, session: Session, error: InferenceError) -> None:
        """A run failed; the one that makes them too many waits for the next runtime, and the others with it."""
        with self._lock:
            if session.provider != self._chain.provider:
                return
            self._in_a_row += 1
            if self._in_a_row > MAX_FAILURES_IN_A_ROW:
                self._in_a_row = 0
                self._chain.give_up(error)


class _Worker:
    """What one worker runs; from one thread."""

    def __init__(self, workers: Workers, session: Session) -> None:
        self._workers, self._session = workers, session
        self.precision, self.threads = session.precision, session.threads

    @property
    def provider(self) -> str:
        """What runs."""
        return self._session.provider

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """See `Session.run`."""
        if self._workers.went_on(self._session):
            with suppress(RuntimeUnavailableError):  # then the old one speaks for itself
                session, self._session = self._session, self._workers.hold()
                session.close()
        try:
            outputs = self._session.run(images_NHWC)
        except InferenceError as error:
            self._workers.failed(self._session, error)
            raise
        self._workers.succeeded()
        return outputs

    def close(self) -> None:
        """Let go."""
        self._session.close()
