"""The stream: frames of a source become results, in order, with exact accounting.

Decoding and preparing run in a thread of their own, a few frames ahead of inference, so that the two overlap (OpenCV and the runtimes
leave Python's lock while they work). Every frame of a film or folder is processed or counted as dropped with its reason:
`received == processed + sum of dropped` once the stream has ended.
"""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame, FrameSource
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.errors import FrameShapeError, InferenceError
from edge_sdk.odometer import Chainage, Odometer
from edge_sdk.records import Accounting
from edge_sdk.runtime import Session

logger = logging.getLogger(__name__)

QUEUE_DEPTH = 4  # frames decoded ahead: enough to bridge a slow key frame, little enough to stay small at 1080p (25 MB)
POLL_S = 0.1

DropReason = Literal["unreadable", "bad_shape", "inference_failed"]


@dataclass(frozen=True, slots=True)
class FrameResult:
    """One frame with what the model says of it.

    `scores_C` and `maps_Chw` are None for a dropped frame, whose `dropped` says why. `dropped_before` counts the frames dropped since
    the last result.
    """

    frame: Frame
    time_s: float
    chainage: Chainage
    provider: str
    dropped_before: int
    dropped: DropReason | None = None
    scores_C: NDArray[np.float64] | None = None
    maps_Chw: NDArray[np.float32] | None = None


@dataclass(slots=True)
class _Counts:
    received: int = 0
    processed: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Prepared:
    frame: Frame
    image_HWC: NDArray[np.uint8] | None
    dropped: DropReason | None


class FrameStream:
    """Results of every frame of a source; iterate once, inside `with`.

    Args:
        source: An open source; the caller closes it.
        session: Where inference runs; the caller closes it.
        spec: The model's geometry.
        odometer: Gives each frame its chainage; without it chainage is unknown.
        temperature: Probability scaling of the graph, from the manifest.
    """

    def __init__(
        self,
        source: FrameSource,
        session: Session,
        spec: PreprocessSpec,
        *,
        odometer: Odometer | None = None,
        temperature: float = 1.0,
    ) -> None:
        self._source, self._session, self._spec = source, session, spec
        self._odometer, self._temperature = odometer, temperature
        self._queue: queue.Queue[_Prepared | BaseException | None] = queue.Queue(QUEUE_DEPTH)
        self._stop = threading.Event()
        self._reader = threading.Thread(target=self._read, name="frame-reader", daemon=True)
        self._counts = _Counts()

    @property
    def accounting(self) -> Accounting:
        """What became of the frames received so far."""
        counts = self._counts
        return Accounting(received=counts.received, processed=counts.processed, dropped=dict(sorted(counts.dropped.items())))

    def __enter__(self) -> "FrameStream":
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._reader.join()

    def __iter__(self) -> Iterator[FrameResult]:
        dropped_before = 0
        while (item := self._queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            self._counts.received += 1
            result = self._infer(item, dropped_before)
            dropped_before = 0 if result.dropped is None else dropped_before + 1
            yield result

    def _read(self) -> None:
        """Decode and prepare until the source ends or the stream is left; errors travel to the consumer."""
        try:
            for frame in self._source.frames():
                if not self._put(_prepared(frame, self._spec)):
                    return
        except Exception as error:  # whatever it is, the consumer must hear it instead of waiting for ever
            self._put(error)
        self._put(None)

    def _put(self, item: _Prepared | BaseException | None) -> bool:
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._queue.put(item, timeout=POLL_S)
                return True
        return False

    def _infer(self, item: _Prepared, dropped_before: int) -> FrameResult:
        frame = item.frame
        time_s = self._odometer.time_s(frame) if self._odometer else frame.time_s
        chainage = self._odometer.at(frame) if self._odometer else Chainage(None, "none")
        if item.image_HWC is None:
            return self._drop(frame, time_s, chainage, dropped_before, item.dropped or "unreadable")
        try:
            logits_NC, maps_NChw = self._session.run(item.image_HWC[np.newaxis])
        except InferenceError as error:
            if not self._counts.dropped["inference_failed"]:
                logger.warning("frame %d of %s dropped, and the next such ones without a word: %s", frame.seq, self._source.name, error)
            return self._drop(frame, time_s, chainage, dropped_before, "inference_failed")
        self._counts.processed += 1
        scores_C = scores_from_logits(logits_NC[0], self._temperature)
        return FrameResult(frame, time_s, chainage, self._session.provider, dropped_before, None, scores_C, maps_NChw[0])

    def _drop(self, frame: Frame, time_s: float, chainage: Chainage, dropped_before: int, reason: DropReason) -> FrameResult:
        self._counts.dropped[reason] += 1
        return FrameResult(frame, time_s, chainage, self._session.provider, dropped_before, reason)


def _prepared(frame: Frame, spec: PreprocessSpec) -> _Prepared:
    if frame.image_HWC is None:
        return _Prepared(frame, None, "unreadable")
    try:
        return _Prepared(frame, prepare(frame.image_HWC, spec), None)
    except FrameShapeError:
        return _Prepared(frame, None, "bad_shape")
