"""Rendering in several processes, results in order, a bounded number under way: memory stays flat however long the list of jobs."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

import cv2

from edge_sdk.opencv import one_opencv_thread
from trainer.synth.errors import InterruptedRunError, SynthError

J = TypeVar("J")
R = TypeVar("R")
_AHEAD = 3  # jobs per worker handed out before their results are asked for
_PER_CORE = 4  # more processes than that only cost memory: a hundred megabytes each


def run_jobs(work: Callable[[J], R], jobs: Iterable[J], *, workers: int) -> Iterator[R]:
    """Results of `work` in the order of the jobs, made by `workers` processes (1: in this one), four per core at most.

    Raises:
        SynthError: If there is to be no worker.
        InterruptedRunError: If a worker process was killed.
    """
    check_workers(workers)
    if workers == 1:
        with one_opencv_thread():  # as long by the clock, for half the processor time
            yield from map(work, jobs)
        return
    workers = min(workers, _PER_CORE * (os.cpu_count() or 1))
    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)
    waiting: deque[Future[R]] = deque()
    try:
        for job in jobs:
            with _interrupts_held():
                waiting.append(pool.submit(work, job))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise InterruptedRunError("a rendering process was killed, perhaps for want of memory; try again with fewer workers.") from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def check_workers(workers: int) -> None:
    """Refuse to render with nobody at work."""
    if workers < 1:
        raise SynthError(f"workers {workers} must be at least 1.")


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C waits until a process is started; that process begins with it held, and so imports in peace until `_begin`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """One thread each; Ctrl-C ends a worker without a word, for the parent has the say; and no worker outlives its parent."""
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, lambda *_: os._exit(1))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
