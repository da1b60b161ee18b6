"""One thread that owns a CUDA context: every call on the context is made there, callers on any thread wait for the answer.

CUDA contexts belong to threads; calls from several are the source of the often reported "invalid device context". The thread is a daemon:
a call that hangs in the driver must not keep the process from ending.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class OwnerThread:
    """A thread that runs calls one after another.

    Args:
        name: Of the thread, for whoever lists threads.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], T], timeout_s: float) -> T:
        """Run `work` on the thread; returns what it returns and raises what it raises.

        Raises:
            TimeoutError: If there is no answer in time. The call goes on; later ones queue behind it.
        """
        future: Future[T] = Future()
        self._calls.put((work, future))
        try:
            return future.result(timeout_s)
        except FutureTimeoutError:
            if future.done():  # raised by the work itself
                raise
            raise TimeoutError(f"no answer in {timeout_s:g} s") from None

    def close(self, timeout_s: float = 5.0) -> None:
        """End the thread once its calls are done; a thread that hangs is left behind."""
        self._calls.put(None)
        self._thread.join(timeout_s)

    def _serve(self) -> None:
        while (item := self._calls.get()) is not None:
            work, future = item
            try:
                future.set_result(work())
            except BaseException as error:  # whatever it is belongs to the caller, not to this thread
                future.set_exception(error)
            del item, work, future  # CUDA objects must not live on in this frame while the thread waits
