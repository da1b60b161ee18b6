"""Exact accounting: every frame of a source is processed or counted as dropped with its reason."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from edge_sdk.camera import Frame
from edge_sdk.contract.interface import Outputs
from edge_sdk.errors import InferenceError
from edge_sdk.runtime.session import checked_outputs
from edge_sdk.stream import FrameStream
from live_fakes import until

GOOD, UNREADABLE, BAD_SHAPE = "good", "unreadable", "bad_shape"
IMAGES = {GOOD: tiny.painted(tiny.RED), UNREADABLE: None, BAD_SHAPE: np.zeros((1, 1, 3), np.uint8)}


class ScriptedSource:
    """A source of a few lines: a list of what to yield."""

    name, kind, width, height, fps = "scripted", "film", 128, 96, 25.0
    announced_frames, shortfall, names = None, None, None

    def __init__(self, script: list[str], error: Exception | None = None) -> None:
        self._script, self._error = script, error

    def frames(self) -> Iterator[Frame]:
        for i, step in enumerate(self._script):
            yield Frame(i, i / 25, time.monotonic_ns(), IMAGES[step])
        if self._error:
            raise self._error

    def close(self) -> None: ...


class ScriptedSession:
    """A session of a few lines: fails, or returns NaN, at the given runs."""

    provider, precision, threads = "scripted", "fp32", 1

    def __init__(self, fail_at: frozenset[int] = frozenset(), nan_at: frozenset[int] = frozenset()) -> None:
        self._fail_at, self._nan_at, self._runs = fail_at, nan_at, 0

    def run(self, images_NHWC: np.ndarray) -> Outputs:
        run, self._runs = self._runs, self._runs + 1
        if run in self._fail_at:
            raise InferenceError("scripted")
        value = np.nan if run in self._nan_at else 0.0
        return checked_outputs(np.full((1, 17), value, np.float32), np.zeros((1, 17, 2, 2), np.float32), 1)

    def close(self) -> None: ...


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([GOOD, UNREADABLE, BAD_SHAPE]), max_size=30),
    st.frozensets(st.integers(0, 20)),
    st.frozensets(st.integers(0, 20)),
)
def test_received_equals_processed_plus_dropped_whatever_happens(
    script: list[str], fail_at: frozenset[int], nan_at: frozenset[int]
) -> None:
    with FrameStream(ScriptedSource(script), ScriptedSession(fail_at, nan_at), tiny.SPEC) as stream:
        results = list(stream)

    counts = stream.accounting
    assert [result.frame.seq for result in results] == list(range(len(script)))
    assert counts.received == len(script) == counts.processed + sum(counts.dropped.values())
    assert counts.processed == sum(result.scores_C is not None for result in results)
    assert counts.dropped.get(UNREADABLE, 0) == script.count(UNREADABLE)
    assert counts.dropped.get(BAD_SHAPE, 0) == script.count(BAD_SHAPE)
    gaps = [r.dropped_before for r in results if r.dropped is None]
    trailing = next((i for i, r in enumerate(reversed(results)) if r.dropped is None), len(results))
    assert sum(gaps) + trailing == sum(counts.dropped.values())


def test_nan_never_becomes_a_score() -> None:
    with FrameStream(ScriptedSource([GOOD] * 3), ScriptedSession(nan_at=frozenset({1})), tiny.SPEC) as stream:
        results = list(stream)

    assert [result.dropped for result in results] == [None, "inference_failed", None]
    assert results[1].scores_C is None and results[2].dropped_before == 1


def test_an_error_of_the_source_reaches_the_consumer() -> None:
    with FrameStream(ScriptedSource([GOOD] * 3, OSError("cable")), ScriptedSession(), tiny.SPEC) as stream:
        iterator = iter(stream)
        for _ in range(3):
            next(iterator)
        with pytest.raises(OSError, match="cable"):
            next(iterator)


def test_leaving_early_stops_the_reader() -> None:
    before = threading.active_count()

    with FrameStream(ScriptedSource([GOOD] * 10_000), ScriptedSession(), tiny.SPEC) as stream:
        next(iter(stream))

    until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize(
    ("logits", "maps"), [((1, 16), (1, 17, 2, 2)), ((2, 17), (1, 17, 2, 2)), ((1, 17), (1, 17, 2)), ((1, 17), (1, 16, 2, 2))]
)
def test_outputs_of_another_shape_are_refused(logits: tuple[int, ...], maps: tuple[int, ...]) -> None:
    with pytest.raises(InferenceError, match="outputs of shape"):
        checked_outputs(np.zeros(logits, np.float32), np.zeros(maps, np.float32), 1)
