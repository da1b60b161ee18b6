"""Two ways from a source's frames to the network's outputs, both in order: one session for quick answers, or several side by side.

`latency`: frames are decoded and prepared a few ahead in a thread, the caller's thread infers. `throughput`: one thread decodes, several
workers prepare and infer on successive frames, each with a session of its own (one thread inside, so that none waits for another; the
idea of OpenVINO's performance hints), and the consumer takes them in the order of the film. Neither loses a frame.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

from edge_sdk.camera.frame import Frame, FrameSource
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.cores import usable_cores
from edge_sdk.frame_inference import Inferred, Prepared, inferred, inferred_together, prepared
from edge_sdk.runtime import Session

logger = logging.getLogger(__name__)

Mode = Literal["latency", "throughput"]
T = TypeVar("T")

QUEUE_DEPTH = 4  # frames decoded ahead: enough to bridge a slow key frame, little enough to stay small at 1080p (25 MB)
TOGETHER = 2  # frames a run: the network's weights pass through the core's cache once for both, which saves a twentieth of the CPU time
AHEAD = 3  # frames a worker: with two the workers of a ViT-T waited for the decoder a tenth of the time
MAX_WORKERS = 8  # by default: each holds two frames and a run's intermediate results; the weights are shared (`worker_sessions`)
POLL_S = 0.1
STOP_S = 2.0  # a thread that has not ended by then hangs in the decoder or the runtime and is left behind
LEAST_S = 0.1  # of waiting for each: the time may have gone by while the whole machine stood still


class SerialLane:
    """Decoding and preparing in a thread, inference where the results are taken."""

    def __init__(self, source: FrameSource, session: Session, spec: PreprocessSpec, *, keep_images: bool = True) -> None:
        self._source, self._session, self._spec, self._keep_images = source, session, spec, keep_images
        self._queue: queue.Queue[Prepared | BaseException | None] = queue.Queue(QUEUE_DEPTH)
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, name="frame-reader", daemon=True)

    def start(self) -> None:
        """Begin to decode."""
        self._reader.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        join_or_leave([self._reader])

    def __iter__(self) -> Iterator[Inferred]:
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield inferred(item, self._session)

    def _read(self) -> None:
        """Decode and prepare until the source ends or the lane is left; errors travel to the consumer."""
        try:
            for frame in self._source.frames():
                item = prepared(frame, self._spec) if self._keep_images else _without_image(prepared(frame, self._spec))
                if not _put(self._queue, item, self._stop):
                    return
                del frame, item  # or they would be held while the next one is decoded
        except Exception as error:  # whatever it is, the consumer must hear it instead of waiting for ever
            _put(self._queue, error, self._stop)
        _put(self._queue, None, self._stop)


@dataclass(slots=True)
class _Job:
    frame: Frame | None
    outcome: Inferred | BaseException | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def finish(self, outcome: Inferred | BaseException) -> None:
        self.outcome = outcome
        self.done.set()


class ParallelLane:
    """Several sessions on successive frames; the order of the film is restored by a queue of the jobs as they were read.

    Args:
        source: An open source; the caller closes it.
        new_session: Makes one single-thread session; called once per worker by `start`, and the lane closes what it made.
        spec: The model's geometry.
        workers: How many; None takes a worker per usable core, at most eight.
        keep_images: Whether a frame that was inferred still has its picture; else that is let go of once it is prepared.

    At most `AHEAD * workers` frames are decoded ahead, which bounds the memory. Which frames run together depends on the film
    alone, never on who was quicker: the same film gives the same scores.
    """

    def __init__(
        self,
        source: FrameSource,
        new_session: Callable[[], Session],
        spec: PreprocessSpec,
        *,
        workers: int | None = None,
        keep_images: bool = True,
    ) -> None:
        self._source, self._new_session, self._spec, self._keep_images = source, new_session, spec, keep_images
        self._num_workers = workers or min(usable_cores(), MAX_WORKERS)
        self._in_order: queue.Queue[_Job | None] = queue.Queue(AHEAD * self._num_workers)
        self._todo: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._stop = threading.Event()
        self._sessions: list[Session] = []
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Make the sessions and begin.

        Raises:
            EdgeSdkError: If a session cannot be made; those made before are closed.
        """
        try:
            for _ in range(self._num_workers):
                self._sessions.append(self._new_session())
        except BaseException:
            self._close_sessions()
            raise
        self._threads = [threading.Thread(target=self._read, name="frame-reader", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, args=(session,), name=f"inference-{i}", daemon=True)
            for i, session in enumerate(self._sessions)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads and close the sessions; one that is still inside a run is left alone."""
        self._stop.set()
        self._release_workers()
        if join_or_leave(self._threads):
            self._close_sessions()

    def __iter__(self) -> Iterator[Inferred]:
        while (job := self._in_order.get()) is not None:
            job.done.wait()
            outcome, job.outcome = job.outcome, None
            if not isinstance(outcome, Inferred):
                assert outcome is not None, "a finished job has an outcome"
                raise outcome
            yield outcome

    def _read(self) -> None:
        together: list[_Job] = []
        try:
            for frame in self._source.frames():
                job = _Job(frame)
                del frame  # or it would be held while the next one is decoded
                together.append(job)
                if not _put(self._in_order, job, self._stop):
                    return
                if len(together) == TOGETHER:
                    self._todo.put(together)
                    together = []
        except Exception as error:  # the consumer must hear it, after the frames that came before
            job = _Job(None)
            job.finish(error)
            _put(self._in_order, job, self._stop)
        finally:
            if together:
                self._todo.put(together)
            _put(self._in_order, None, self._stop)
            self._release_workers()

    def _work(self, session: Session) -> None:
        while (jobs := self._todo.get()) is not None:
            if self._stop.is_set():
                return
            try:
                items = [self._prepared(job) for job in jobs]
                for job, outcome in zip(jobs, inferred_together(items, session), strict=True):
                    job.finish(outcome)
            except BaseException as error:  # a worker that died in silence would leave the consumer waiting for ever
                for job in jobs:
                    job.finish(error)

    def _prepared(self, job: _Job) -> Prepared:
        frame, job.frame = job.frame, None
        assert frame is not None, "a job to do has a frame"
        item = prepared(frame, self._spec)
        return item if self._keep_images else _without_image(item)

    def _release_workers(self) -> None:
        for _ in range(self._num_workers):
            self._todo.put(None)

    def _close_sessions(self) -> None:
        while self._sessions:
            self._sessions.pop().close()


def _without_image(item: Prepared) -> Prepared:
    return item._replace(frame=replace(item.frame, stored=None))


def join_or_leave(threads: Sequence[threading.Thread], *, timeout_s: float = STOP_S) -> bool:
    """Wait for threads, `timeout_s` for all together; True if all ended. What still hangs is left behind and logged."""
    deadline = time.monotonic() + timeout_s
    for thread in threads:
        if thread is not threading.current_thread() and thread.ident is not None:
            thread.join(max(deadline - time.monotonic(), 0.0))
            thread.join(LEAST_S)
    hanging = [thread.name for thread in threads if thread.is_alive() and thread is not threading.current_thread()]
    if hanging:
        logger.error("%s did not end within %.1f s and is left behind; restart the process when the robot is idle", hanging, timeout_s)
    return not hanging


def _put(target: queue.Queue[T], item: T, stop: threading.Event) -> bool:
    """Put an item where there is room; False once the lane is being stopped."""
    while not stop.is_set():
        with suppress(queue.Full):
            target.put(item, timeout=POLL_S)
            return True
    return False
