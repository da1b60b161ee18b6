"""T-CLK2: the counter is believed as it stands, flagged where it jumps, and never invented."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge_sdk.camera import Frame
from edge_sdk.errors import EdgeSdkError, OdometerError
from edge_sdk.odometer import Odometer


@dataclass
class Source:
    """What an odometer needs to know of a film or folder."""

    fps: float = 25.0
    announced_frames: int | None = None
    names: tuple[str, ...] | None = None
    name: str = "film.mp4"


FILM = Source()


def frame(time_s: float, *, seq: int = 0) -> Frame:
    return Frame(seq, time_s, 0, None)


def odometer(path: Path, text: str, source: Source = FILM, *, unit: str | None = None) -> Odometer:
    path = path / "odometer.csv"
    path.write_text(text, encoding="utf-8")
    return Odometer.from_csv(path, source, unit=unit)


def test_times_and_metres(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "time_s,distance_m\n0,0\n1,0.2\n2,0.4\n")

    assert [(readings.at(frame(t)).value_m, readings.at(frame(t)).quality) for t in (0, 1, 2)] == [(0, "ok"), (0.2, "ok"), (0.4, "ok")]
    assert readings.at(frame(1.5)).value_m == pytest.approx(0.3) and readings.at(frame(1.5)).quality == "interpolated"


def test_frame_numbers_semicolons_byte_order_mark_and_feet(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "\ufeffFrame; Counter_ft \n0;0\n25;1\n")

    assert readings.at(frame(99.0, seq=25)).value_m == pytest.approx(0.3048), "the number counts, not a clock that may vary"
    assert readings.at(frame(99.0, seq=10)).value_m == pytest.approx(0.3048 * 10 / 25)
    assert readings.record.key == "frame" and readings.record.unit == "ft"


STILLS = Source(fps=1.0, announced_frames=4, names=("a.jpg", "b.jpg", "c.jpg", "d.jpg"), name="frames")


def test_stills_are_found_by_name_and_take_the_files_times(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "file,time_s,counter_ft,sharp\na.jpg,60,10,1\nc.jpg,64,11,0\nelsewhere.jpg,65,12,0\n", STILLS)

    assert readings.at(frame(2.0, seq=2)).value_m == pytest.approx(11 * 0.3048)
    assert readings.at(frame(1.0, seq=1)).value_m is None, "a still without a reading has no place"
    assert [readings.time_s(frame(0.0, seq=i)) for i in range(4)] == [60, 62, 64, 65]


def test_stills_without_times_keep_the_folders_clock(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "file,counter_m\nd.jpg,3\na.jpg,0\nb.jpg,1\nc.jpg,2\n", STILLS)

    assert [readings.at(frame(0, seq=i)).value_m for i in range(4)] == [0, 1, 2, 3]
    assert [readings.time_s(frame(0, seq=i)) for i in range(4)] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("file,counter_m\na.jpg,1\n", FILM, r"film\.mp4 is a film"),
        ("file,counter_m\nframes/a.jpg,1\n", STILLS, "names none of the 4 stills in frames"),
        ("file,time_s,counter_m\nb.jpg,1,1\na.jpg,2,2\n", STILLS, r"b\.jpg follows a\.jpg in the folder, but its time_s is not later"),
        ("file,counter_m\na.jpg,1\na.jpg,2\n", STILLS, r"line 3: a\.jpg has a reading already"),
    ],
)
def test_readings_of_other_stills_are_refused(tmp_path: Path, text: str, source: Source, words: str) -> None:
    with pytest.raises(OdometerError, match=words):
        odometer(tmp_path, text, source)


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
    assert readings.at(frame(5.0)).segment == 1, "an unknown place still belongs to its run of the counter"


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
        ("time_s,distance_m,distance_m\n0,1,2\n", "stands twice"),
        ("time_s,distance_m\n0,1_0\n", "line 2: distance_m is '1_0'"),
        ("time_s,distance_m\n0,1e308\n", "more than 100000 m"),
        ('time_s,distance_m\n0,"' + "1\n" * 140_000 + '"\n', "field larger than field limit"),
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


@pytest.mark.parametrize(("text", "words"), [
    ("time_s,distance_m\n60,0\n277,50\n", "from 60 to 277 s, but the film runs from 0 to 30 s"),
    ("frame,distance_m\n2000,0\n3000,50\n", "from 2000 to 3000 frames, but the film runs from 0 to 750 frames"),
    ("time_s,distance_m\n-9,0\n-3,50\n", "from -9 to -3 s"),
])  # fmt: skip
def test_readings_outside_the_film_are_refused(tmp_path: Path, text: str, words: str) -> None:
    assert odometer(tmp_path, text) is not None, "a film of unknown length cannot tell"
    with pytest.raises(OdometerError, match=words):
        odometer(tmp_path, text, Source(announced_frames=750))


def test_a_quick_return_to_zero_within_a_crawlers_speed_is_no_reset(tmp_path: Path) -> None:
    readings = odometer(tmp_path, "time_s,distance_m\n0,0.3\n1,0\n2,0.1\n")

    assert readings.at(frame(1.0)).quality == "ok" and readings.record.resets == 0


def test_the_counter_tells_which_way_the_camera_looks(tmp_path: Path) -> None:
    rising, falling, reset = (
        odometer(tmp_path, "time_s,distance_m\n" + "\n".join(f"{t},{x}" for t, x in enumerate(places)))
        for places in ([0, 0.2, 0.4, 0.3], [25, 24.8, 24.6, 24.7], [5.0, 5.2, 0.0, 0.2, 0.4])
    )

    assert (rising.looks, falling.looks, reset.looks) == (1, -1, 1)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_give_anything_but_our_errors(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(data)

    with pytest.raises(EdgeSdkError):
        Odometer.from_csv(path, FILM)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OdometerError, match=r"absent\.csv: No such file"):
        Odometer.from_csv(tmp_path / "absent.csv", FILM)
