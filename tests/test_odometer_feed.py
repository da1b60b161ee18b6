"""The live odometer: believed as it stands, flagged where it is odd, and nothing invented beyond a second."""

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_sdk.camera import Frame
from edge_sdk.errors import OdometerError
from edge_sdk.odometer import Chainage
from edge_sdk.odometer_feed import HISTORY_S, MAX_SAMPLES, OdometerFeed, readings_from_csv

NS = 1_000_000_000
START_NS = time.monotonic_ns() - 3600 * NS  # readings of the last hour


def feed(*readings: tuple[float, float]) -> tuple[OdometerFeed, list[str]]:
    """A feed of (seconds, metres), and what was made of each."""
    result = OdometerFeed()
    return result, [result.push(metres, START_NS + int(seconds * NS)) for seconds, metres in readings]


def at(odometer: OdometerFeed, seconds: float) -> Chainage:
    return odometer.at_ns(START_NS + int(seconds * NS))


def test_between_readings_the_place_follows_the_clock() -> None:
    odometer, flags = feed((0.0, 1.0), (0.5, 1.1), (1.0, 1.1))

    assert flags == ["ok"] * 3
    assert at(odometer, 0.0) == Chainage(1.0, "ok", 0) and at(odometer, 0.5) == Chainage(1.1, "ok", 0)
    middle = at(odometer, 0.25)
    assert middle.value_m == pytest.approx(1.05) and middle.quality == "interpolated"
    assert at(odometer, 0.75).value_m == pytest.approx(1.1), "a robot that stands still has a place"


def test_the_last_reading_holds_for_a_second_and_no_longer() -> None:
    odometer, _ = feed((0.0, 1.0), (0.5, 1.1))

    assert at(odometer, 1.49) == Chainage(1.1, "interpolated", 0)
    assert at(odometer, 1.51) == Chainage(None, "stale", 0)


def test_a_pause_of_the_counter_is_not_bridged() -> None:
    odometer, _ = feed((0.0, 1.0), (5.0, 2.0))

    assert at(odometer, 0.5).quality == "interpolated" and at(odometer, 4.5).quality == "interpolated"
    assert at(odometer, 2.5) == Chainage(None, "stale", 0)


def test_before_the_first_reading_there_is_no_place() -> None:
    assert at(OdometerFeed(), 0.0) == Chainage(None, "none")
    assert at(feed((1.0, 1.0))[0], 0.5) == Chainage(None, "none")


def test_jump_and_reset_begin_a_segment_and_are_flagged() -> None:
    odometer, flags = feed((0.0, 5.0), (0.1, 5.02), (0.2, 9.0), (0.3, 0.0), (0.4, 0.02))

    assert flags == ["ok", "ok", "jump", "reset", "ok"]
    assert at(odometer, 0.2) == Chainage(9.0, "jump", 1) and at(odometer, 0.3) == Chainage(0.0, "reset", 2)
    assert at(odometer, 0.15) == Chainage(5.02, "interpolated", 0), "never between two segments"
    assert at(odometer, 0.35).segment == 2
    record = odometer.record
    assert (record.key, record.unit, record.samples, record.jumps, record.resets) == ("time", "m", 5, 1, 1)


def test_going_backwards_is_told_and_believed() -> None:
    odometer, flags = feed((0.0, 5.0), (0.1, 4.98), (0.2, 4.95), (0.3, 4.9501))

    assert flags == ["ok", "backward", "backward", "ok"] and odometer.flags == {"ok": 2, "backward": 2}
    assert at(odometer, 0.2) == Chainage(4.95, "ok", 0) and odometer.looks == -1
    assert feed((0.0, 5.0), (0.1, 5.2))[0].looks == 1


def test_a_late_reading_is_counted_and_rewrites_nothing() -> None:
    odometer, flags = feed((0.0, 1.0), (1.0, 1.2), (0.5, 7.0), (1.0, 8.0))

    assert flags == ["ok", "ok", "late", "late"]
    assert at(odometer, 0.5).value_m == pytest.approx(1.1) and at(odometer, 1.0).value_m == 1.2
    assert odometer.record.samples == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e6])
def test_a_value_no_counter_shows_is_rejected(value: float) -> None:
    odometer, flags = feed((0.0, 1.0), (0.1, value), (0.2, 1.02))

    assert flags == ["ok", "rejected", "ok"]
    assert at(odometer, 0.1).value_m == pytest.approx(1.01) and odometer.record.samples == 2


def test_a_reading_by_another_clock_is_rejected() -> None:
    assert OdometerFeed().push(1.0, time.time_ns() + time.monotonic_ns()) == "rejected"


def test_a_reading_without_a_time_is_of_now() -> None:
    odometer = OdometerFeed()
    odometer.push(3.5)

    assert odometer.at(Frame(0, 0.0, time.monotonic_ns(), None)).value_m == 3.5


def test_a_long_shift_takes_no_more_memory() -> None:
    odometer = OdometerFeed()
    for i in range(40_000):
        odometer.push(i / 1000, START_NS + i * NS // 500)

    assert len(odometer._times_ns) == len(odometer._samples) <= MAX_SAMPLES + 256
    assert odometer.record.samples == 40_000 and HISTORY_S * 500 > MAX_SAMPLES, "the count binds here, not the age"
    assert at(odometer, 79.9).value_m == pytest.approx(39.95)


def test_pushing_and_asking_from_two_threads_gives_places_in_order() -> None:
    odometer, enough, seen = OdometerFeed(), threading.Event(), []

    def push() -> None:
        distance_m = 0.0
        while not enough.is_set():
            distance_m += 1e-6
            odometer.push(distance_m)

    thread = threading.Thread(target=push)
    thread.start()
    end_s, patience_s = time.monotonic() + 0.3, time.monotonic() + 60
    while time.monotonic() < end_s or (not seen and time.monotonic() < patience_s):
        place = odometer.at_ns(time.monotonic_ns()).value_m
        if place is not None:
            seen.append(place)
    enough.set()
    thread.join()

    assert seen and seen == sorted(seen)


@given(
    st.lists(st.tuples(st.floats(0.001, 3.0), st.floats(-3.0, 3.0) | st.just(float("nan"))), max_size=30),
    st.lists(st.floats(-1.0, 100.0), max_size=20),
)
def test_no_place_is_further_than_a_second_from_a_reading_or_outside_its_neighbours(
    steps: list[tuple[float, float]], asked: list[float]
) -> None:
    odometer, seconds, metres = OdometerFeed(), 0.0, 10.0
    used: list[tuple[float, float]] = []
    for pause_s, step_m in steps:
        seconds, value = seconds + pause_s, metres + step_m
        if odometer.push(value, START_NS + int(seconds * NS)) != "rejected":
            metres = value
            used.append((seconds, value))

    for question in asked:
        place = at(odometer, question)
        before = [reading for reading in used if reading[0] <= question + 1e-3]
        after = [reading for reading in used if reading[0] > question + 1e-3]
        if place.value_m is None:
            assert place.quality in ("none", "stale")
            continue
        assert before
        nearest_s = min(abs(question - reading[0]) for reading in [*before[-1:], *after[:1]])
        assert nearest_s <= 1.0 + 1e-6
        beside = [reading[1] for reading in [*before[-1:], *after[:1]]]
        assert min(beside) - 1e-9 <= place.value_m <= max(beside) + 1e-9


def test_readings_of_a_recorded_drive(tmp_path: Path) -> None:
    path = tmp_path / "drive.csv"
    path.write_text("time_s,distance_cm\n0,100\n0.5,110\n")

    readings = readings_from_csv(path, start_ns=START_NS)

    assert [(pytest.approx(m), ns) for m, ns in readings] == [(1.0, START_NS), (1.1, START_NS + NS // 2)]
    path.write_text("frame,distance_m\n0,1\n")
    with pytest.raises(OdometerError, match="no column time_s"):
        readings_from_csv(path, start_ns=0)
    path.write_text("time_s,distance_m\n0,nan\n")
    with pytest.raises(OdometerError, match="line 2"):
        readings_from_csv(path, start_ns=0)
