"""Section 6 of the design: hysteresis over distance, the same list at any frame rate, no overlaps, stops and reversing."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.tracking import ClosedTrack, Place, Tracker, TrackingPolicy, classes_above

THRESHOLDS = [0.5, 0.5]
SPEED_M_S = 0.2
Drive = list[tuple[float, float, float, float]]  # time, position, score of class 0, score of class 1


def drive(*, fps: float = 25.0, things: list[tuple[float, float]], turns: list[float] | None = None) -> Drive:
    """A drive through turning points at constant speed; class 0 scores 0.9 between each (from, to) of `things`."""
    turns = turns or [0.0, 10.0]
    times = np.concatenate([[0], np.cumsum(np.abs(np.diff(turns)) / SPEED_M_S)])
    stamps = np.arange(0, times[-1] + 1e-9, 1 / fps)
    positions = np.interp(stamps, times, turns)
    return [(t, x, 0.9 if any(a <= x <= b for a, b in things) else 0.05, 0.0) for t, x in zip(stamps, positions, strict=True)]


def track(frames: Drive, *, policy: TrackingPolicy | None = None, basis: str = "distance") -> list[ClosedTrack[int]]:
    """All tracks of a drive: the newest revision of each, without the absorbed ones, along the pipe."""
    tracker: Tracker[int] = Tracker(THRESHOLDS, policy)
    newest: dict[int, ClosedTrack[int]] = {}
    events = [
        event
        for i, (t, x, *scores) in enumerate(frames)
        for event in tracker.update(np.array(scores), Place(0, x if basis == "distance" else None), t, i)
    ]
    for event in [*events, *tracker.finish()]:
        newest[event.track_id] = event
        for gone in event.absorbed:
            newest.pop(gone, None)
    return sorted(newest.values(), key=lambda item: (item.class_index, item.low))


def spans(tracks: list[ClosedTrack[int]]) -> list[tuple[float, float]]:
    return [(item.low, item.high) for item in tracks]


@settings(max_examples=60, deadline=None)
@given(
    things=st.lists(st.floats(0.5, 9.0), min_size=0, max_size=5).map(sorted).filter(lambda xs: all(b - a > 1.2 for a, b in pairwise(xs))),
    length=st.floats(0.2, 0.6),
)
def test_the_list_is_the_same_at_5_12_and_25_frames_per_second(things: list[float], length: float) -> None:
    stretches = [(a, a + length) for a in things]

    lists = [spans(track(drive(fps=fps, things=stretches))) for fps in (5, 12, 25)]

    assert [len(found) for found in lists] == [len(things)] * 3
    for found in lists[1:]:
        np.testing.assert_allclose(found, lists[0], atol=0.1)
    if things:
        np.testing.assert_allclose(lists[2], stretches, atol=0.15)  # 0.3 s of smoothing at 0.2 m/s, and a frame


noisy_drives = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(-0.3, 0.3)), min_size=1, max_size=120).map(
    lambda steps: [(i * 0.2, float(x), s, 1 - s) for i, ((s, _), x) in enumerate(zip(steps, np.cumsum([d for _, d in steps]), strict=True))]
)


@settings(max_examples=200, deadline=None)
@given(noisy_drives)
def test_tracks_of_a_class_never_overlap_whatever_the_drive(frames: Drive) -> None:
    for c in (0, 1):
        found = [item for item in track(frames) if item.class_index == c]
        assert all(before.high < after.low for before, after in pairwise(found))


@settings(max_examples=100, deadline=None)
@given(noisy_drives)
def test_every_clear_sighting_lies_in_a_track_of_its_class(frames: Drive) -> None:
    found = track(frames, policy=TrackingPolicy(smoothing_s=0))

    for _, x, *scores in frames:
        for c, score in enumerate(scores):
            assert score < THRESHOLDS[c] or any(t.class_index == c and t.low <= x <= t.high for t in found)


@settings(max_examples=100, deadline=None)
@given(noisy_drives, st.integers(0, 119))
def test_the_tracker_is_causal(frames: Drive, cut: int) -> None:
    """What it said until a frame does not depend on what came later."""
    whole, part = (Tracker[int](THRESHOLDS) for _ in range(2))

    def step(tracker: Tracker[int], i: int) -> list[ClosedTrack[int]]:
        t, x, *scores = frames[i]
        return tracker.update(np.array(scores), Place(0, x), t, i)

    first = [step(part, i) for i in range(min(cut, len(frames)))]
    again = [step(whole, i) for i in range(len(frames))]

    assert first == again[: len(first)]


def test_a_stop_of_500_frames_is_one_look() -> None:
    moving = drive(things=[(4.0, 4.5)])
    middle = next(i for i, (_, x, *_) in enumerate(moving) if x >= 4.2)
    stopped = [(moving[middle][0] + k / 25, *moving[middle][1:]) for k in range(500)]
    later = [(t + 20, *rest) for t, *rest in moving[middle:]]

    with_stop, without = track(moving[:middle] + stopped + later), track(moving)

    np.testing.assert_allclose(spans(with_stop), spans(without), atol=0.02)


def test_driving_over_it_again_extends_the_track_instead_of_making_a_second() -> None:
    found = track(drive(things=[(4.0, 4.5)], turns=[0, 6, 2, 6]))

    assert len(found) == 1 and found[0].revision >= 1
    np.testing.assert_allclose(spans(found), [(4.0, 4.5)], atol=0.15)


def test_a_later_look_may_join_two_tracks_and_says_which_it_replaces() -> None:
    policy = TrackingPolicy(smoothing_s=0)
    tracker: Tracker[str] = Tracker(THRESHOLDS, policy)
    closed = []
    for t, x, score in [(0, 0.0, 0.9), (1, 0.5, 0.1), (2, 0.55, 0.9), (3, 1.0, 0.1), (4, 0.27, 0.9), (5, 2.0, 0.0)]:
        closed += tracker.update(np.array([score, 0.0]), Place(0, x), t, f"frame {t}")

    assert [(item.track_id, item.low, item.high, item.absorbed) for item in closed] == [
        (0, 0.0, 0.0, ()),
        (1, 0.55, 0.55, ()),
        (0, 0.0, 0.55, (1,)),
    ]


def test_single_frame_flicker_opens_nothing() -> None:
    frames = drive(things=[])
    frames[100] = (*frames[100][:2], 0.99, 0.0)

    assert track(frames) == []


def test_a_gap_under_the_limit_is_bridged_and_one_above_is_not() -> None:
    bridged, parted = (track(drive(things=[(3.0, 3.5), (3.5 + gap, 5.0)])) for gap in (0.2, 0.6))

    assert len(bridged) == 1 and len(parted) == 2


def test_the_strongest_frame_is_kept_and_a_weaker_revisit_brings_none() -> None:
    tracker: Tracker[str] = Tracker(THRESHOLDS, TrackingPolicy(smoothing_s=0))
    closed = []
    for t, x, score in [(0, 0.0, 0.6), (1, 0.1, 0.95), (2, 0.2, 0.7), (3, 1.0, 0.0), (4, 0.1, 0.8), (5, 1.0, 0.0)]:
        closed += tracker.update(np.array([score, 0.0]), Place(0, x), t, f"frame {t}")

    assert [(item.best, item.peak, item.revision) for item in closed] == [("frame 1", 0.95, 0), (None, 0.95, 1)]


def test_another_counter_segment_closes_and_forgets() -> None:
    tracker: Tracker[int] = Tracker(THRESHOLDS, TrackingPolicy(smoothing_s=0))
    tracker.update(np.array([0.9, 0.0]), Place(0, 14.0), 0.0, 0)

    closed = tracker.update(np.array([0.9, 0.0]), Place(1, 0.0), 0.1, 1)

    assert [(item.low, item.high) for item in closed] == [(14.0, 14.0)]
    assert [(item.low, item.basis) for item in tracker.finish()] == [(0.0, "distance")]
    assert tracker.finish() == []


@pytest.mark.parametrize("counter_step_m", [0.1, 0.3048, 0.5])
def test_a_coarse_counter_does_not_shatter_one_thing(counter_step_m: float) -> None:
    frames = [(t, round(x / counter_step_m) * counter_step_m, *scores) for t, x, *scores in drive(things=[(2.0, 6.0)])]

    assert len(track(frames)) == 1


def test_one_frame_per_second_does_not_shatter_one_thing() -> None:
    frames = [(t, 2 * x, *scores) for t, x, *scores in drive(fps=1, things=[(2.0, 4.0)])]  # 0.4 m between frames, above the gap

    assert len(track(frames)) == 1


def test_things_farther_apart_than_a_step_stay_apart_even_in_frames_that_follow() -> None:
    policy = TrackingPolicy(smoothing_s=0)
    frames = [(0.0, 0.0, 0.9, 0.0), (1.0, 3.0, 0.9, 0.0)]

    assert spans(track(frames, policy=policy)) == [(0.0, 0.0), (3.0, 3.0)]


@pytest.mark.parametrize("known_s", [1.0, 2.5])
def test_a_place_lost_and_found_again_leaves_one_track(known_s: float) -> None:
    """Readings every three seconds: the place is known for a while after each, then not."""
    tracker: Tracker[int] = Tracker(THRESHOLDS)
    closed = []
    for i, (t, x, *scores) in enumerate(drive(things=[(2.0, 4.0)])):
        closed += tracker.update(np.array(scores), Place(0, x if t % 3 <= known_s else None), t, i)
    closed += tracker.finish()

    assert [(item.basis, item.revision) for item in closed] == [("distance", 0)]
    assert closed[0].low == pytest.approx(2.0, abs=0.6) and closed[0].high == pytest.approx(4.0, abs=0.6)


def test_a_later_pass_after_a_hole_makes_no_second_track() -> None:
    tracker: Tracker[int] = Tracker(THRESHOLDS)
    newest = {}
    frames = drive(things=[(4.0, 4.5)], turns=[0, 6, 3, 6])
    for i, (t, x, *scores) in enumerate(frames):
        place = Place(0, None if 5.2 < x < 5.8 else x)
        newest |= {item.track_id: item for item in tracker.update(np.array(scores), place, t, i)}
    newest |= {item.track_id: item for item in tracker.finish()}

    assert len(newest) == 1


def test_what_is_seen_at_an_unknown_place_only_has_times() -> None:
    tracker: Tracker[int] = Tracker(THRESHOLDS)
    closed = []
    for i, (t, x, *scores) in enumerate(drive(things=[(4.0, 5.0)])):
        closed += tracker.update(np.array(scores), Place(0, None if 3.0 < x < 7.0 else x), t, i)

    assert [(item.basis, round(item.low), round(item.high)) for item in [*closed, *tracker.finish()]] == [("time", 20, 25)]


@pytest.mark.parametrize("step_s", [-60.0, 0.0])
def test_a_clock_that_does_not_go_forward_gives_no_absurd_score(step_s: float) -> None:
    tracker: Tracker[int] = Tracker(THRESHOLDS)
    tracker.update(np.array([0.9, 0.1]), Place(0, 0.0), 60.0, 0)
    tracker.update(np.array([0.2, 0.1]), Place(0, 0.1), 60.0 + step_s, 1)

    assert all(item.peak <= 1.0 for item in tracker.finish())


def test_joined_tracks_keep_the_strongest_look_whoever_has_it() -> None:
    """The absorbed track was closed with the strongest frame: no weaker one may take its place."""
    tracker: Tracker[str] = Tracker(THRESHOLDS, TrackingPolicy(smoothing_s=0))
    closed = []
    for t, x, score in [(0, 0.0, 0.6), (2, 0.55, 0.95), (4, 2.0, 0.0), (6, 0.0, 0.7), (8, 0.27, 0.8)]:
        closed += tracker.update(np.array([score, 0.0]), Place(0, x), t, f"frame {t}")

    (joined,) = tracker.finish()
    assert [(item.best, item.peak) for item in closed] == [("frame 0", 0.6), ("frame 2", 0.95)]
    assert (joined.best, joined.peak, joined.absorbed) == (None, 0.95, (1,))


def test_without_distance_the_same_rules_run_over_time() -> None:
    found = track(drive(things=[(4.0, 5.0)]), basis="time")

    assert [(round(item.low), round(item.high), item.basis) for item in found] == [(20, 25, "time")]


def test_classes_above_are_ordered_by_score_and_a_tie_counts() -> None:
    assert classes_above(np.array([0.5, 0.9, 0.2]), [0.5, 0.6, 0.3]) == [1, 0]


@pytest.mark.parametrize("close_ratio", [0.0, 1.5])
def test_impossible_policies_are_refused(close_ratio: float) -> None:
    import msgspec

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"close_ratio": close_ratio}, TrackingPolicy)
