"""The stream of a film or folder: every frame of a source becomes a result, in order, with exact accounting.

Every frame is processed or counted as dropped with its reason: `received == processed + sum of dropped` once the stream has ended. How
the work is shared out among threads is `throughput.py`'s; live cameras, where only the newest frame counts, are `live/`'s.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from edge_sdk.camera.frame import Frame, FrameSource
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.frame_inference import DropReason, Inferred
from edge_sdk.odometer import Chainage, Odometer
from edge_sdk.records import Accounting
from edge_sdk.runtime import Session
from edge_sdk.throughput import QUEUE_DEPTH, Mode, ParallelLane, SerialLane

__all__ = ["QUEUE_DEPTH", "DropReason", "FrameResult", "FrameStream"]

logger = logging.getLogger(__name__)


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


class FrameStream:
    """Results of every frame of a source; iterate once, inside `with`.

    Args:
        source: An open source; the caller closes it.
        session: Where inference runs in mode `latency`; the caller closes it.
        spec: The model's geometry.
        odometer: Gives each frame its chainage; without it chainage is unknown.
        temperature: Probability scaling of the graph, from the manifest.
        mode: `latency` gives each answer as soon as can be; `throughput` the most frames per second.
        new_session: Makes a session of one thread, for mode `throughput`; the stream closes those it made.
        workers: How many of them; None takes one per core, at most eight.
        keep_images: Whether results have their frames' pictures; without, 1080p film takes some 30 MB less in mode `throughput`.

    Raises:
        ValueError: If mode `throughput` has no `new_session`.
    """

    def __init__(
        self,
        source: FrameSource,
        session: Session,
        spec: PreprocessSpec,
        *,
        odometer: Odometer | None = None,
        temperature: float = 1.0,
        mode: Mode = "latency",
        new_session: Callable[[], Session] | None = None,
        workers: int | None = None,
        keep_images: bool = True,
    ) -> None:
        self._source, self._odometer, self._temperature = source, odometer, temperature
        self._lane: SerialLane | ParallelLane = SerialLane(source, session, spec, keep_images=keep_images)
        if mode == "throughput":
            if new_session is None:
                raise ValueError("mode 'throughput' needs new_session, which makes the workers' sessions")
            self._lane = ParallelLane(source, new_session, spec, workers=workers, keep_images=keep_images)
        self._counts = _Counts()

    @property
    def accounting(self) -> Accounting:
        """What became of the frames received so far."""
        counts = self._counts
        return Accounting(received=counts.received, processed=counts.processed, dropped=dict(sorted(counts.dropped.items())))

    def __enter__(self) -> "FrameStream":
        self._lane.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lane.stop()

    def __iter__(self) -> Iterator[FrameResult]:
        dropped_before = 0
        for item in self._lane:
            self._counts.received += 1
            result = self._result(item, dropped_before)
            dropped_before = 0 if result.dropped is None else dropped_before + 1
            yield result

    def _result(self, item: Inferred, dropped_before: int) -> FrameResult:
        frame, odometer = item.frame, self._odometer
        time_s = odometer.time_s(frame) if odometer else frame.time_s
        chainage = odometer.at(frame) if odometer else Chainage(None, "none")
        if item.outputs is None:
            self._count_drop(item)
            return FrameResult(frame, time_s, chainage, item.provider, dropped_before, item.dropped)
        self._counts.processed += 1
        scores_C = scores_from_logits(item.outputs.logits_NC[0], self._temperature)
        return FrameResult(frame, time_s, chainage, item.provider, dropped_before, None, scores_C, item.outputs.maps_NChw[0])

    def _count_drop(self, item: Inferred) -> None:
        assert item.dropped is not None, "a frame without outputs has a reason"
        if item.dropped == "inference_failed" and not self._counts.dropped["inference_failed"]:
            logger.warning(
                "frame %d of %s dropped, and the next such ones without a word: %s", item.frame.seq, self._source.name, item.reason
            )
        self._counts.dropped[item.dropped] += 1
