import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera.backoff import GOOD_S, JITTER, STEPS_S, Backoff


def test_the_schedule_is_exact_and_lasts_for_ever() -> None:
    backoff = Backoff(jitter=0)

    assert [backoff.lost() for _ in range(24)] == [1] * 5 + [5] * 5 + [10] * 10 + [60] * 4
    assert all(backoff.lost() == 60 for _ in range(10_000))


def test_half_a_minute_of_frames_starts_the_schedule_again() -> None:
    backoff = Backoff(jitter=0)
    for _ in range(12):
        backoff.lost()

    for now_s in (100.0, 110.0, 100.0 + GOOD_S - 0.001):
        backoff.frame(now_s)
    assert backoff.lost() == 10, "not good for long enough"

    for now_s in (500.0, 500.0 + GOOD_S):
        backoff.frame(now_s)
    assert [backoff.lost() for _ in range(6)] == [1, 1, 1, 1, 1, 5]


def test_frames_before_a_loss_do_not_count_for_the_time_after_it() -> None:
    backoff = Backoff(jitter=0)
    for _ in range(6):
        backoff.lost()
    backoff.frame(0.0)
    assert backoff.lost() == 5

    backoff.frame(GOOD_S + 1)
    assert backoff.lost() == 5


@given(st.integers(0, 2**32))
def test_jitter_stays_within_a_fifth_and_is_not_always_the_same(seed: int) -> None:
    backoff = Backoff(rng=random.Random(seed))
    pauses = [backoff.lost() for _ in range(25)]

    for pause_s, step_s in zip(pauses, [*STEPS_S, *[60.0] * 4], strict=True):
        assert step_s * (1 - JITTER) <= pause_s <= step_s * (1 + JITTER)
    assert len(set(pauses)) > 20


@pytest.mark.parametrize("jitter", [-0.1, 1.0])
def test_an_impossible_jitter_is_refused(jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        Backoff(jitter=jitter)
    with pytest.raises(ValueError, match="steps_s"):
        Backoff([])
