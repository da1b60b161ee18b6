"""T-CLK2: the counter is believed as it stands, flagged where it jumps, and never invented."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_sdk.camera import Frame
from edge_sdk.errors import EdgeSdkError, OdometerError
from edge_sdk.odometer import Odometer


def frame(time_s: float, name: str | None = None) -> Frame:
    return Frame(0, time_s, 0, None, name)


def odometer(path: Path, text: str, *, fps: float = 25.0, unit: str | None = None) -> Odometer:
    path = path / "odometer.csv"
    path.write_text(text, encoding="utf-8")
    return Odometer.from_csv(path, fps=fps, unit=unit)


def test_times_and_metres(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "time_s,distance_m\n0,0\n1,0.2\n2,0.4\n")

    assert [(readings.at(frame(t)).value_m, readings.at(frame(t)).quality) for t in (0, 1, 2)] == [(0, "ok"), (0.2, "ok"), (0.4, "ok")]
    assert readings.at(frame(1.5)).value_m == pytest.approx(0.3) and readings.at(frame(1.5)).quality == "interpolated"


def test_frame_numbers_semicolons_byte_order_mark_and_feet(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "\ufeffFrame; Counter_ft \n0;0\n25;1\n")

    assert readings.at(frame(1.0)).value_m == pytest.approx(0.3048)
    assert readings.record.key == "frame" and readings.record.unit == "ft"


def test_stills_are_found_by_name_and_take_the_files_times(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "file,time_s,counter_ft,sharp\na.jpg,60,10,1\nb.jpg,61,11,0\n")

    assert readings.at(frame(0.0, "b.jpg")).value_m == pytest.approx(11 * 0.3048)
    assert readings.time_s(frame(0.0, "b.jpg")) == 61
    assert readings.at(frame(0.0, "c.jpg")).value_m is None
    assert readings.time_s(frame(3.0, "c.jpg")) == 3.0


def test_preset_reset_and_reverse_are_followed_and_flagged(tmp_path: Path) -> None:
    rows = [(0, 4.20), (1, 4.25), (2, 0.0), (3, 0.1), (4, -0.1), (5, -0.3), (6, 7.0), (7, 7.2)]
    readings = odometer(tmp_path, "time_s,distance_m\n" + "\n".join(f"{t},{x}" for t, x in rows))

    places = [readings.at(frame(t)) for t, _ in rows]

    assert [place.value_m for place in places] == [x for _, x in rows]
    assert [place.quality for place in places] == ["ok", "ok", "reset", "ok", "ok", "ok", "jump", "ok"]
    assert [place.segment for place in places] == [0, 0, 1, 1, 1, 1, 2, 2]
    assert (readings.record.jumps, readings.record.resets) == (1, 1)


def test_a_coarse_counter_at_full_frame_rate_is_no_jump(tmp_path: Path) -> None:
    rows = [(i / 25, round(i / 25 * 0.2 / 0.1) * 0.1) for i in range(500)]

    readings = odometer(tmp_path, "time_s,distance_m\n" + "\n".join(f"{t},{x}" for t, x in rows))

    assert readings.record.jumps == readings.record.resets == 0


def test_nothing_is_interpolated_across_a_jump_or_beyond_a_second(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "time_s,distance_m\n0,1.0\n0.5,9.0\n10,9.5\n")

    assert readings.at(frame(0.25)).value_m == 1.0
    assert (readings.at(frame(5.0)).value_m, readings.at(frame(5.0)).quality) == (None, "stale")
    assert readings.at(frame(9.5)).value_m == pytest.approx(9.0 + 0.5 * 9 / 9.5)
    assert readings.at(frame(10.9)).value_m == 9.5
    assert (readings.at(frame(11.1)).value_m, readings.at(frame(11.1)).quality) == (None, "stale")
    assert (readings.at(frame(-1.0)).value_m, readings.at(frame(-1.0)).quality) == (None, "none")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("time_s,distance_m\n", "no readings"),
        ("when,distance_m\n0,0\n", "no column file, frame or time_s"),
        ("time_s,where\n0,0\n", "no column distance_m"),
        ("time_s,distance\n0,0\n", "no unit"),
        ("time_s,distance_m\n0,0\n1,nan\n", "line 3: distance_m is 'nan'"),
        ("time_s,distance_m\n0,0\n1,inf\n", "line 3: distance_m is 'inf'"),
        ("time_s,distance_m\n0,0\n1,far away\n", "line 3: distance_m is 'far away'"),
        ("time_s,distance_m\n0,0\nsoon,1\n", "line 3: time_s is 'soon'"),
        ("time_s,distance_m\n0,0\n1\n", "line 3: 1 values for 2 columns"),
        ("time_s,distance_m\n1,0\n1,1\n", "line 3: time does not grow"),
        ("time_s,distance_m\n2,0\n1,1\n", "line 3: time does not grow"),
    ],
)
def test_bad_files_are_named_with_line_and_remedy(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(OdometerError, match=words):
        odometer(tmp_path, text)


def test_units_must_agree(tmp_path: Path) -> None:
    assert odometer(tmp_path, "time_s,counter\n0,100\n", unit="cm").at(frame(0)).value_m == 1.0
    with pytest.raises(OdometerError, match=r"in ft, but --odometer-unit says m"):
        odometer(tmp_path, "time_s,counter_ft\n0,100\n", unit="m")
    with pytest.raises(OdometerError, match="not one of"):
        odometer(tmp_path, "time_s,counter\n0,100\n", unit="miles")


def test_readings_outside_the_film_are_refused(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "time_s,distance_m\n60,0\n277,50\n")

    readings.check_covers(duration_s=100.0)
    readings.check_covers(duration_s=None)
    with pytest.raises(OdometerError, match="from 60 to 277 s, but the film runs from 0 to 30 s"):
        readings.check_covers(duration_s=30.0)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_give_anything_but_our_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data)

    with pytest.raises(EdgeSdkError):
        Odometer.from_csv(path, fps=25.0)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OdometerError, match=r"absent\.csv: No such file"):
        Odometer.from_csv(tmp_path / "absent.csv", fps=25.0)
