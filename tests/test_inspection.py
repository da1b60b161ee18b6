"""The main job on the tiny model: film in, observations along the pipe out, with what they must say known in advance."""

from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk import Bundle, Inspector, Odometer, open_source
from edge_sdk.contract.manifest import LabelRule
from edge_sdk.errors import CorruptBundleError, InferenceError, OutputError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.records import Inspection, Observation, inspection_from_json

FPS, SPEED_M_S = 10.0, 0.2
BOX = (16, 24, 64, 72)  # left, top, right, bottom in the 128 x 96 frame


def pipe(things: dict[tuple[int, int, int], list[tuple[float, float]]], *, length_m: float = 6.0) -> list[np.ndarray]:
    """A drive at constant speed; a colour stands in its box between each (from, to) metres."""
    frames = []
    for i in range(int(length_m / SPEED_M_S * FPS)):
        x = i / FPS * SPEED_M_S
        colour = next((c for c, spans in things.items() for a, b in spans if a <= x <= b), None)
        frames.append(tiny.painted(colour, box=BOX) if colour else tiny.painted(tiny.GREY))
    return frames


def write_odometer(path: Path, num_frames: int, *, every: int = 1) -> Path:
    rows = [f"{i / FPS:.3f},{i / FPS * SPEED_M_S:.4f}" for i in range(0, num_frames, every)]
    path.write_text("time_s,distance_m\n" + "\n".join(rows))
    return path


def inspect(tmp_path: Path, bundle: Bundle, things: dict[tuple[int, int, int], list[tuple[float, float]]], **kwargs: object) -> Inspection:
    film = tiny.write_film(tmp_path / "film.mp4", frames := pipe(things), fps=FPS)
    odometer = write_odometer(tmp_path / "odometer.csv", len(frames))
    inspection, _ = inspect_film(film, bundle=bundle, odometer=odometer, out=tmp_path / "out", **kwargs)  # type: ignore[arg-type]
    return inspection


def test_things_are_found_where_they_are_with_picture_box_and_identity(tmp_path: Path, bundle: Bundle) -> None:
    inspection = inspect(tmp_path, bundle, {tiny.RED: [(2.0, 2.4)], tiny.GREEN: [(3.0, 5.0)]})

    crack, roots = inspection.observations
    assert (inspection.status, inspection.basis) == ("complete", "distance")
    assert (crack.class_.code, crack.kind, crack.class_.coding_system) == ("RB", "point", "SEWER-ML")
    assert crack.chainage_m == pytest.approx(2.4, abs=0.1)
    assert (roots.class_.code, roots.kind) == ("RO", "continuous")
    assert (roots.chainage_m, roots.chainage_to_m) == (pytest.approx(3.0, abs=0.1), pytest.approx(5.0, abs=0.1))
    assert crack.clock_from is None and "clock" in crack.not_assessed and crack.review_status == "proposed"
    picture = crack.picture
    assert picture is not None and (tmp_path / "out" / picture.path).is_file() and (tmp_path / "out" / picture.heatmap_path).is_file()
    box = picture.boxes[0]
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(BOX, abs=14)
    assert inspection.model.provider.startswith(("OpenVINO ", "CPUExecutionProvider")) and inspection.model.data_kind == "rendered"
    counts = inspection.accounting
    assert counts.received == counts.processed == 300 and counts.dropped == {}
    assert inspection.coverage.travelled_m == pytest.approx(6.0, abs=0.05) and inspection.coverage.gaps == ()


def test_reports_and_annotated_film_are_written(tmp_path: Path, bundle: Bundle) -> None:
    inspect(tmp_path, bundle, {tiny.RED: [(2.0, 2.4)]})

    out = tmp_path / "out"
    names = ["annotated.mp4", "journal.sqlite", "observations.csv", "pictures", "report.html", "report.json"]
    assert sorted(item.name for item in out.iterdir()) == names
    with open_source(out / "annotated.mp4") as film:
        assert sum(1 for _ in film.frames()) == 300
    assert "trained on rendered images" in (out / "report.html").read_text(encoding="utf-8").lower()


def test_the_same_drive_at_other_frame_rates_gives_the_same_list(tmp_path: Path, bundle: Bundle) -> None:
    frames = pipe({tiny.RED: [(2.0, 2.4)], tiny.GREEN: [(3.0, 5.0)]})
    found = []
    for step in (1, 2):
        film = tiny.write_film(tmp_path / f"{step}.mp4", frames[::step], fps=FPS / step)
        odometer = write_odometer(tmp_path / "odometer.csv", len(frames))
        inspection, _ = inspect_film(film, bundle=bundle, odometer=odometer, out=tmp_path / f"out{step}", film=False)
        found.append([(o.class_.code, o.kind, o.chainage_m, o.chainage_to_m) for o in inspection.observations])

    assert [row[:2] for row in found[0]] == [row[:2] for row in found[1]]
    for first, second in zip(*found, strict=True):
        assert [x or 0 for x in first[2:]] == pytest.approx([x or 0 for x in second[2:]], abs=0.1)


def test_without_odometer_places_are_times_and_the_record_says_so(tmp_path: Path, bundle: Bundle) -> None:
    film = tiny.write_film(tmp_path / "film.mp4", pipe({tiny.RED: [(2.0, 2.4)]}), fps=FPS)

    inspection, _ = inspect_film(film, bundle=bundle, out=tmp_path / "out", film=False)

    (crack,) = inspection.observations
    assert inspection.basis == "time" and crack.chainage_m is None and crack.chainage_quality == "none"
    assert crack.time_s == pytest.approx(10.0, abs=0.5)
    assert any("No odometer" in notice for notice in inspection.notices)


def test_label_rule_bounds_the_place(tmp_path: Path, trust: Path) -> None:
    """Labels that look 1 m ahead: a thing seen from 2.0 to 2.4 m lies between 2.4 m and 3.0 m."""
    path = tiny.tiny_bundle(tmp_path / "b.bundle", label_rule=LabelRule(look_ahead_m=1.0, look_behind_m=0.0))

    (crack,) = inspect(tmp_path, Bundle.open(path, trust=[trust]), {tiny.RED: [(2.0, 2.4)]}).observations

    assert crack.chainage_m == pytest.approx(2.4, abs=0.1)
    assert crack.chainage_uncertainty_m == (0.0, pytest.approx(0.6, abs=0.15))


def test_against_the_counter_the_place_is_where_it_passed_the_camera(tmp_path: Path, trust: Path) -> None:
    """The counter falls from 20 m: a thing at 17.6 m, first seen 1 m before it."""
    path = tiny.tiny_bundle(tmp_path / "b.bundle", label_rule=LabelRule(look_ahead_m=1.0, look_behind_m=0.0))
    film = tiny.write_film(tmp_path / "film.mp4", frames := pipe({tiny.RED: [(1.4, 2.4)]}), fps=FPS)
    rows = [f"{i / FPS},{20 - i / FPS * SPEED_M_S}" for i in range(len(frames))]
    (tmp_path / "odometer.csv").write_text("time_s,distance_m\n" + "\n".join(rows))

    inspection, _ = inspect_film(
        film, bundle=Bundle.open(path, trust=[trust]), odometer=tmp_path / "odometer.csv", out=tmp_path / "out", film=False
    )

    (crack,) = inspection.observations
    assert crack.chainage_m == pytest.approx(17.6, abs=0.15) and crack.kind == "point"
    assert any("counter falls" in notice for notice in inspection.notices)


def test_a_disk_that_takes_no_pictures_still_gets_the_report(tmp_path: Path, bundle: Bundle) -> None:
    film = tiny.write_film(tmp_path / "film.mp4", pipe({tiny.RED: [(1.0, 1.4)]}), fps=FPS)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pictures").write_text("a file where the folder should be")

    with pytest.raises(OutputError, match="pictures"):
        inspect_film(film, bundle=bundle, out=tmp_path / "out", overwrite=True)

    record = inspection_from_json((tmp_path / "out" / "report.json").read_bytes())
    assert record.status == "interrupted" and record.accounting.processed > 0


def test_overwriting_leaves_nothing_of_the_run_before(tmp_path: Path, bundle: Bundle) -> None:
    inspect(tmp_path, bundle, {tiny.RED: [(2.0, 2.4)]})
    inspect(tmp_path, bundle, {}, overwrite=True, film=False)

    assert list((tmp_path / "out" / "pictures").iterdir()) == [] and not (tmp_path / "out" / "annotated.mp4").exists()


def test_an_odometer_that_ends_early_leaves_a_gap_and_nothing_is_invented(tmp_path: Path, bundle: Bundle) -> None:
    frames = pipe({tiny.RED: [(5.0, 5.4)]})
    film = tiny.write_film(tmp_path / "film.mp4", frames, fps=FPS)
    odometer = write_odometer(tmp_path / "odometer.csv", 150)

    inspection, _ = inspect_film(film, bundle=bundle, odometer=odometer, out=tmp_path / "out", film=False)

    (crack,) = inspection.observations
    (gap,) = inspection.coverage.gaps
    assert crack.chainage_m is None and crack.time_s == pytest.approx(25, abs=0.5)
    assert gap.reason == "no_chainage" and gap.from_s == pytest.approx(16.0, abs=0.2) and gap.from_m == pytest.approx(2.98, abs=0.01)


def test_frames_that_cannot_be_used_are_gaps_and_the_run_is_incomplete(tmp_path: Path, bundle: Bundle) -> None:
    folder = tmp_path / "stills"
    folder.mkdir()
    for i in range(6):
        cv2.imwrite(str(folder / f"{i}.png"), tiny.painted(tiny.GREY))
    (folder / "2.png").write_bytes(b"broken")
    cv2.imwrite(str(folder / "4.png"), np.zeros((1, 1, 3), np.uint8))

    inspection, _ = inspect_film(folder, bundle=bundle, out=tmp_path / "out", film=False)

    assert inspection.status == "incomplete"
    assert [gap.to_s for gap in inspection.coverage.gaps] == [3.0, 5.0]
    assert [(gap.reason, gap.from_s) for gap in inspection.coverage.gaps] == [("unreadable", 1.0), ("bad_shape", 3.0)]
    assert inspection.accounting.dropped == {"bad_shape": 1, "unreadable": 1} and inspection.accounting.processed == 4


def test_leaving_early_is_an_interrupted_run_with_everything_so_far(tmp_path: Path, bundle: Bundle) -> None:
    film = tiny.write_film(tmp_path / "film.mp4", pipe({tiny.RED: [(1.0, 1.4), (5.0, 5.4)]}), fps=FPS)

    with Inspector(bundle) as inspector, open_source(film) as source:
        run = inspector.run(source)
        first = next(iter(run))

    assert isinstance(first, Observation) and first.class_.code == "RB"
    assert run.inspection.status == "interrupted" and run.inspection.observations == (first,)
    (gap,) = run.inspection.coverage.gaps
    assert gap.reason == "interrupted" and gap.frames == 300 - run.inspection.accounting.received
    with pytest.raises(RuntimeError, match="iterated over once"):
        next(iter(run))


def test_ten_lines_of_python(tmp_path: Path, bundle: Bundle) -> None:
    film = tiny.write_film(tmp_path / "film.mp4", frames := pipe({tiny.RED: [(2.0, 2.4)]}), fps=FPS)
    write_odometer(tmp_path / "odometer.csv", len(frames))

    with Inspector(bundle) as inspector, open_source(film) as source:
        odometer = Odometer.from_csv(tmp_path / "odometer.csv", source)
        seen = [(o.chainage_m, o.class_.code) for o in inspector.run(source, odometer=odometer)]

    assert seen == [(pytest.approx(2.4, abs=0.1), "RB")]


def test_a_model_that_fails_its_golden_frames_never_serves(tmp_path: Path, trust: Path) -> None:
    content = tiny.tiny_content()
    content["model.onnx"] = tiny.tiny_graph(gain=3.0)  # another model than the one the golden scores came from
    path = tiny.tiny_bundle(tmp_path / "b.bundle", content=content)

    with pytest.raises(InferenceError, match="must not serve on this machine"):
        Inspector(Bundle.open(path, trust=[trust]))


def test_a_golden_frame_that_is_no_picture_refuses_the_bundle(tmp_path: Path, trust: Path) -> None:
    """It is decoded in a thread of its own while the session is made: what is wrong there must be heard."""
    path = tiny.tiny_bundle(tmp_path / "b.bundle", content=tiny.tiny_content(**{"golden-2.png": b"not a picture"}))

    with pytest.raises(CorruptBundleError, match=r"golden-2\.png is not a picture"):
        Inspector(Bundle.open(path, trust=[trust]))
