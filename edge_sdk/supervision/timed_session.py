"""A session that reports how long each run took; otherwise the one it was given."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import Outputs
from edge_sdk.runtime.session import Session


class TimedSession:
    """A `Session` around another.

    Args:
        session: What runs.
        record_s: Told the seconds of every run that returned; `Metrics.observe_inference` for one.
    """

    def __init__(self, session: Session, record_s: Callable[[float], object]) -> None:
        self._session, self._record_s = session, record_s

    @property
    def provider(self) -> str:
        """What runs."""
        return self._session.provider

    @property
    def precision(self) -> str:
        """The graph's precision."""
        return self._session.precision

    @property
    def threads(self) -> int:
        """Threads of one run."""
        return self._session.threads

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the graph; see `Session.run`."""
        begin_s = time.perf_counter()
        outputs = self._session.run(images_NHWC)
        self._record_s(time.perf_counter() - begin_s)
        return outputs

    def close(self) -> None:
        """Free what the runtime holds."""
        self._session.close()
