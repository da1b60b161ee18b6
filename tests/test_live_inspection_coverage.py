"""What a live camera did not see, frame by frame and without a clock."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from edge_sdk.camera import Frame
from edge_sdk.contract.manifest import LabelRule
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.live.result import LiveResult, LiveSettings
from edge_sdk.live_run.coverage import LiveCoverage
from edge_sdk.live_run.tracks import CameraTracks, Found, evidence
from edge_sdk.odometer import Chainage
from edge_sdk.records import Gap
from edge_sdk.tracking import TrackingPolicy

SPEED_M_S = 0.2
SETTINGS = LiveSettings(thresholds=(0.5,) * 17)
RB = taxonomy().codes.index("RB")
RUN_ID = "00000000-0000-0000-0000-000000000000"


def result(seq: int, time_s: float, *, at_m: float | None = -1.0, score: float = 0.0, **fields: Any) -> LiveResult:
    at_m = time_s * SPEED_M_S if at_m == -1.0 else at_m
    scores_C = np.zeros(17)
    scores_C[RB] = score
    given: dict[str, Any] = {
        "provider": "fake", "dropped_before": 0, "scores_C": scores_C, "maps_Chw": np.zeros((17, 2, 2), np.float32), "camera": 0,
        "model": "tiny", "settings": SETTINGS, "age_ms": 1.0, "source_state": "online",
    }  # fmt: skip
    frame = Frame(seq, time_s, int(time_s * 1e9), tiny.painted(tiny.GREY))
    chainage = Chainage(at_m, "none" if at_m is None else "ok")
    return LiveResult(**{**given, "frame": frame, "time_s": time_s, "chainage": chainage, **fields})


def covered(*results: LiveResult, expects_chainage: bool = True) -> LiveCoverage:
    coverage = LiveCoverage(Chainage(0.0, "ok"))
    for item in results:
        coverage.add(item, expects_chainage=expects_chainage, no_frame_s=2.0)
    return coverage


def spans(gaps: tuple[Gap, ...]) -> list[tuple[str, float, float]]:
    return [(gap.reason, gap.from_s, gap.to_s) for gap in gaps]


def test_frames_that_gave_way_are_no_gap_at_five_looks_a_second_and_are_one_at_four() -> None:
    quick = [result(5 * i, 0.2 * i, at_m=0.05 * i, drops={"superseded": 4} if i else {}) for i in range(30)]
    slow = [result(6 * i, 0.25 * i, at_m=0.0625 * i, drops={"superseded": 5} if i else {}) for i in range(30)]

    assert covered(*quick).gaps() == ()
    (gap,) = covered(*slow).gaps()
    assert (gap.reason, gap.to_s, gap.frames) == ("too_few_looks", 7.25, 26 * 5)
    assert gap.from_s == pytest.approx(1.0, abs=0.3), "a second must pass before anyone can say so"


@pytest.mark.parametrize(
    ("dropped", "reason"),
    [
        ({}, "camera_lost"), ({"stopped": 1}, "interrupted"), ({"stopped": 1, "superseded": 9}, "too_few_looks"),
        ({"stopped": 1, "paused": 3}, "paused"), ({"abandoned": 1, "superseded": 4}, "inference_failed"),
        ({"stopped": 1, "inference_failed": 2}, "inference_failed"), ({"bad_shape": 2}, "bad_shape"), ({"unreadable": 2}, "unreadable"),
        ({"paused": 0}, "camera_lost"),
    ],
)  # fmt: skip
def test_the_end_says_what_became_of_the_last_frames(dropped: dict[Any, int], reason: str) -> None:
    looked, never = covered(*(result(i, i / 10) for i in range(20))), covered()
    for coverage, from_s in ((looked, 1.9), (never, 0.0)):
        coverage.end(4.0, Chainage(0.8, "ok"), dropped)
        assert spans(coverage.gaps()) == [(reason, from_s, 4.0)]


def test_the_end_leaves_no_gap_where_the_last_look_was_a_moment_ago_whatever_was_dropped_since() -> None:
    coverage = covered(*(result(i, i / 10) for i in range(20)))
    coverage.end(2.3, Chainage(0.46, "ok"), {"stopped": 1})
    assert coverage.gaps() == ()


def test_a_robot_that_stands_misses_nothing() -> None:
    assert covered(*(result(25 * i, float(i), at_m=0.0, drops={"superseded": 24} if i else {}) for i in range(5))).gaps() == ()


def test_a_flag_that_comes_and_goes_with_each_frame_is_one_gap() -> None:
    (gap,) = covered(*(result(i, i / 10, quality=("blurred",) if i % 2 else ()) for i in range(40))).gaps()
    assert (gap.from_s, gap.to_s, gap.frames) == (0.0, 3.9, 20)


def test_a_slow_camera_whose_frames_are_all_looked_at_is_inspected() -> None:
    assert covered(*(result(i, float(i)) for i in range(8))).gaps() == ()


def test_a_longer_silence_of_a_camera_is_a_gap_even_if_no_look_at_the_clock_came_between() -> None:
    assert spans(covered(result(0, 0.04), result(1, 3.0)).gaps()) == [("camera_lost", 0.04, 3.0)]


def test_results_that_were_lost_on_the_way_count_as_not_looked_at() -> None:
    assert spans(covered(result(0, 0.04), result(30, 1.3)).gaps()) == [("too_few_looks", 0.04, 1.3)]


@pytest.mark.parametrize(
    ("drops", "reason"),
    [
        ({"paused": 20}, "paused"), ({"bad_shape": 20}, "bad_shape"), ({"unreadable": 20, "superseded": 3}, "unreadable"),
        ({"abandoned": 1, "superseded": 19}, "inference_failed"),
    ],
)  # fmt: skip
def test_frames_that_were_not_taken_leave_a_gap_with_their_reason(drops: dict[str, int], reason: str) -> None:
    gaps = covered(result(0, 0.04), result(21, 1.0, drops=drops)).gaps()
    assert spans(gaps) == [(reason, 0.04, 1.0)] and gaps[0].frames == sum(drops.values())


def test_one_bad_frame_among_good_ones_is_no_gap() -> None:
    assert covered(result(0, 0.04), result(2, 0.12, drops={"unreadable": 1})).gaps() == ()


@pytest.mark.parametrize("flag", ["black", "over_exposed", "blurred", "water_on_lens", "off_axis", "corrupt", "unchecked"])
def test_a_flagged_stretch_is_a_gap_between_the_good_looks_beside_it(flag: str) -> None:
    looks = [result(i, i / 10, quality=(flag,) if 10 <= i < 20 else ()) for i in range(1, 30)]

    (gap,) = covered(*looks).gaps()

    assert (gap.reason, gap.from_s, gap.to_s, gap.frames) == (flag, 0.9, 2.0, 10)
    assert (gap.from_m, gap.to_m) == (0.18, 0.4)


def test_a_frozen_picture_that_is_found_after_a_pause_may_have_stood_since_before_the_pause() -> None:
    good, frozen = (result(i, i / 10) for i in range(31)), result(31, 4.5, quality=("frozen",))
    (gap,) = covered(*good, frozen).gaps()

    assert (gap.reason, gap.from_s, gap.to_s) == ("frozen", 1.0, 4.5), "it was not yet called frozen at 3.0 s, and is after two seconds"


def test_a_frozen_picture_was_frozen_before_anyone_could_know() -> None:
    looks = [result(i, i / 10, quality=("frozen",) if i >= 40 else ()) for i in range(1, 61)]

    (gap,) = covered(*looks).gaps()

    assert (gap.from_s, gap.from_m, gap.to_s) == (2.0, 0.4, 6.0)


def test_a_place_is_missed_only_where_there_is_an_odometer() -> None:
    looks = [result(i, i / 10, at_m=None if 10 <= i < 20 else i / 50) for i in range(1, 30)]

    assert spans(covered(*looks).gaps()) == [("no_chainage", 0.9, 2.0)]
    assert covered(*looks, expects_chainage=False).gaps() == ()


def test_a_silent_camera_has_an_open_gap_that_grows_and_ends_at_the_next_look() -> None:
    coverage = covered(result(0, 0.5))
    for now_s in (1.0, 2.0, 3.0):
        coverage.idle(now_s, Chainage(now_s * SPEED_M_S, "ok"), "camera_lost")
        assert spans(coverage.gaps()) == [("camera_lost", 0.5, now_s)]
    coverage.add(result(1, 3.4), expects_chainage=True, no_frame_s=2.0)

    assert spans(coverage.gaps()) == [("camera_lost", 0.5, 3.4)] and coverage.in_gap is None
    assert coverage.record().travelled_m == pytest.approx(3.4 * SPEED_M_S, abs=0.01)


@given(st.lists(st.tuples(st.floats(0.02, 3.0), st.sampled_from(["", "blurred", "black", "lost", "paused"])), min_size=1, max_size=40))
def test_every_instant_is_inspected_or_in_a_gap(steps: list[tuple[float, str]]) -> None:
    """T-COV1: wherever two looks lie apart by more than the longest pause allowed, or one is flagged, a gap covers it."""
    coverage, time_s, seq, bad = LiveCoverage(Chainage(0.0, "ok")), 0.0, 0, []
    for step_s, what in steps:
        before_s, time_s, seq = time_s, time_s + step_s, seq + 1
        if what == "lost":
            coverage.idle(time_s, Chainage(time_s * SPEED_M_S, "ok"), "camera_lost")
            bad.append((before_s, time_s))
            continue
        drops = {"paused": 1} if what == "paused" else {}
        seq += len(drops)
        quality = (what,) if what in ("blurred", "black") else ()
        coverage.add(result(seq - 1, time_s, drops=drops, quality=quality), expects_chainage=True, no_frame_s=2.0)
        if quality or step_s > 2.0 or (drops and step_s > 0.4):
            bad.append((before_s, time_s))
    found = [(gap.from_s - 1e-3, gap.to_s + 1e-3) for gap in coverage.gaps()]
    for low, high in bad:
        assert any(a <= (low + high) / 2 <= b for a, b in found), (low, high, found)


# What flagged pictures say to the tracker


def test_a_flagged_frame_speaks_for_what_it_shows_and_is_silent_about_the_rest() -> None:
    scores_C, before_C = np.full(17, 0.1), np.full(17, 0.8)
    assert evidence(scores_C, (), SETTINGS, before_C) is scores_C
    assert evidence(scores_C, ("blurred",), SETTINGS, before_C) is None
    scores_C[RB] = 0.9
    said_C = evidence(scores_C, ("blurred",), SETTINGS, before_C)
    assert said_C is not None and said_C[RB] == 0.9
    assert np.delete(said_C, RB) == pytest.approx(0.9 * SETTINGS.policy.close_ratio * 0.5)
    for flag in ("frozen", "black", "corrupt"):
        assert evidence(scores_C, ("blurred", flag), SETTINGS, before_C) is None


def tracked(*results: LiveResult) -> list[Found]:
    rule = LabelRule(look_ahead_m=0.0, look_behind_m=0.0)
    tracks = CameraTracks(RUN_ID, camera=0, num_cameras=1, looks=lambda: 1, rule=lambda model: rule)
    return [found for item in results for found in tracks.add(item)] + list(tracks.finish())


def test_a_thing_seen_through_a_wet_lens_stays_one_and_a_frozen_one_is_never_stretched() -> None:
    """Seen from 1 to 3 s, in the middle through water that hides it; then the picture of it freezes while the robot drives on."""
    wet = [result(i, i / 10, score=0.9 if i % 10 < 5 else 0.1, quality=("water_on_lens",)) for i in range(14, 24)]
    looks = [result(i, i / 10, score=0.9) for i in range(10, 14)] + wet + [result(i, i / 10, score=0.9) for i in range(24, 30)]
    frozen = [result(i, i / 10, score=0.9, quality=("frozen",)) for i in range(30, 100)]

    (found,) = tracked(*looks, *frozen)

    assert found.observation.chainage_m == pytest.approx(2.9 * SPEED_M_S, abs=0.02) and found.observation.kind == "point"


def test_another_policy_or_model_closes_what_is_open_and_numbers_go_on() -> None:
    policy = LiveSettings(thresholds=(0.6,) * 17, policy=TrackingPolicy(gap_m=0.5))
    first, second, third = tracked(
        *(result(i, i / 10, score=0.9) for i in range(10)),
        *(result(i, i / 10, score=0.9, settings=policy) for i in range(10, 20)),
        *(result(i, i / 10, score=0.9, settings=policy, model="other") for i in range(20, 30)),
    )

    assert [found.observation.seq for found in (first, second, third)] == [0, 1, 2]
    assert (first.observation.score.threshold, second.observation.score.threshold) == (0.5, 0.6)
    assert len({found.observation.observation_id for found in (first, second, third)}) == 3


@pytest.mark.parametrize("threshold", [0.2, 0.7])
def test_an_open_observation_goes_on_under_other_thresholds_and_keeps_the_one_it_passed(threshold: float) -> None:
    other = LiveSettings(thresholds=(threshold,) * 17)
    (found,) = tracked(
        *(result(i, i / 10, score=0.6) for i in range(10)), *(result(i, i / 10, score=0.6, settings=other) for i in range(10, 20))
    )

    assert (found.observation.score.threshold, found.observation.score.frames_positive) == (0.5, 20)
    assert found.observation.time_to_s == 1.9


def test_higher_thresholds_close_what_no_longer_reaches_them_and_open_nothing_new() -> None:
    strict = LiveSettings(thresholds=(0.95,) * 17)
    (found,) = tracked(
        *(result(i, i / 10, score=0.6) for i in range(10)), *(result(i, i / 10, score=0.6, settings=strict) for i in range(10, 60))
    )

    assert found.observation.time_to_s == 0.9 and found.observation.score.frames_positive == 10


def test_what_is_in_view_stays_in_view_under_higher_thresholds() -> None:
    rule = LabelRule(look_ahead_m=0.0, look_behind_m=0.0)
    tracks = CameraTracks(RUN_ID, camera=0, num_cameras=1, looks=lambda: 1, rule=lambda model: rule)
    strict = LiveSettings(thresholds=(0.7,) * 17)
    for i in range(20):
        assert list(tracks.add(result(i, i / 10, score=0.6, settings=strict if i >= 10 else SETTINGS))) == []

    assert [sighting.code for sighting in tracks.in_view] == ["RB"], "it would be lost if the run broke off now"


@pytest.mark.parametrize(("num_cameras", "first_seq"), [(1, 0), (1, 7), (2, 7), (3, 6), (4, 1)])
def test_numbers_of_a_run_that_goes_on_are_free_ones(num_cameras: int, first_seq: int) -> None:
    rule, given = LabelRule(look_ahead_m=0.0, look_behind_m=0.0), []
    for camera in range(num_cameras):
        tracks = CameraTracks(RUN_ID, camera=camera, num_cameras=num_cameras, looks=lambda: 1, rule=lambda model: rule, first_seq=first_seq)
        found = [*tracks.add(result(0, 0.1, score=0.9)), *tracks.finish()]
        given += [item.observation.seq for item in found]

    assert len(set(given)) == num_cameras and min(given) >= first_seq


def test_a_thing_that_is_passed_again_keeps_its_id_and_its_best_picture() -> None:
    out = [result(i, i / 10, at_m=i / 50, score=0.9 if 10 <= i < 20 else 0.0) for i in range(60)]
    back = [result(60 + i, 6 + i / 10, at_m=1.2 - i / 50, score=0.8 if 40 <= i < 50 else 0.0) for i in range(60)]

    first, again = tracked(*out, *back)

    assert first.observation.observation_id == again.observation.observation_id == again.before
    assert (first.observation.revision, again.observation.revision) == (0, 1)
    assert first.look is not None and again.replaces == ()
