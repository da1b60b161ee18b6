"""Rendered data on disk: Sewer-ML layout, independence of workers and interruptions, refusals, nothing half-written."""

import csv
import errno
import os
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from edge_sdk.camera import FilmSource
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.odometer import Odometer
from trainer.synth import SynthError, drive_files, image_files, render_drive, render_frame, write_drive, write_frames
from trainer.synth.resume import resumable_folder
from trainer.synth.write import SplitPlan, frame_seed, write_splits

TINY = (48, 60)


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_layout_is_that_of_sewer_ml(tmp_path: Path) -> None:
    done: list[int] = []
    write_frames(tmp_path / "set", 20, seed=3, size=TINY, masks=True, depth=True, split="Val", progress=done.append)

    rows = rows_of(tmp_path / "set" / "SewerML_Val.csv")
    assert list(rows[0]) == ["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"]
    assert [r["Filename"] for r in rows] == [f"{i:08d}.png" for i in range(1, 21)]
    for row in rows:
        shown = [c for c in taxonomy().codes if row[c] == "1"]
        assert row["Defect"] == str(int(bool(shown)))
        assert row["ND"] == str(int(not shown and row["VA"] == "0"))
        assert 0 <= float(row["WaterLevel"]) <= 100
        assert cv2.imread(str(tmp_path / "set" / "Val" / row["Filename"])).shape == (*TINY, 3)
    assert done[-1] == 20
    assert {p.name for p in (tmp_path / "set").iterdir()} == {
        *("SewerML_Val.csv", "SewerML_Val_operator.csv", "frames.csv"),
        *("Val", "Val_masks", "Val_depth"),
    }


def test_files_hold_the_truth_of_their_frames(tmp_path: Path) -> None:
    write_frames(tmp_path, 20, seed=3, size=TINY, profile="natural", masks=True, depth=True)
    tables = (rows_of(tmp_path / name) for name in ("SewerML_Train.csv", "SewerML_Train_operator.csv", "frames.csv"))

    for number, (strict, noted, row) in enumerate(zip(*tables, strict=True), start=1):
        frame = render_frame(frame_seed(3, number), size=TINY, profile="natural")
        stem = f"{number:08d}.png"
        assert strict["Filename"] == noted["Filename"] == row["Filename"] == stem
        assert [int(strict[c]) for c in taxonomy().codes] == frame.labels.tolist()
        assert [int(noted[c]) for c in taxonomy().codes] == frame.operator_labels.tolist()
        np.testing.assert_array_equal(cv2.imread(str(tmp_path / "Train" / stem))[..., ::-1], frame.image)
        bits = cv2.imread(str(tmp_path / "Train_masks" / stem)).astype(np.uint32) @ np.array([1, 256, 65536], np.uint32)
        np.testing.assert_array_equal([(bits >> k) & 1 for k in range(17)], frame.masks)
        depth = cv2.imread(str(tmp_path / "Train_depth" / stem), cv2.IMREAD_UNCHANGED)
        assert depth.dtype == np.uint16
        np.testing.assert_allclose(depth / 1000, frame.depth, atol=0.0006)
        assert float(row["pan_deg"]) == pytest.approx(np.degrees(frame.camera.pan), abs=0.006)
        assert int(row["seed"]) == frame_seed(3, number) and row["flags"].split() == list(frame.flags)


def test_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    write_frames(tmp_path / "one", 36, seed=5, size=TINY, image_format="jpg")
    write_frames(tmp_path / "two", 36, seed=5, size=TINY, image_format="jpg", workers=2)

    assert files_in(tmp_path / "one") == files_in(tmp_path / "two")


def test_sizes_are_mixed_by_their_shares(tmp_path: Path) -> None:
    sizes = (((48, 60), 0.5), ((64, 48), 0.5))
    write_splits(tmp_path / "set", [SplitPlan("Train", 40, 1, sizes=sizes)])

    shapes = [cv2.imread(str(path)).shape[:2] for path in (tmp_path / "set" / "Train").iterdir()]

    assert 8 <= shapes.count((48, 60)) <= 32 and shapes.count((48, 60)) + shapes.count((64, 48)) == 40


@pytest.mark.parametrize(
    "arguments",
    [
        {"num": 0},
        {"num": -3},
        {"seed": -1},
        {"profile": "x"},
        {"size": (4, 4)},
        {"image_format": "bmp"},
        {"workers": 0},
        {"split": "../up"},
    ],
)
def test_wrong_arguments_are_refused_and_leave_nothing(tmp_path: Path, arguments: dict[str, object]) -> None:
    given: dict[str, object] = {"num": 2, "seed": 0, "size": TINY, **arguments}

    with pytest.raises(SynthError) as error:
        write_frames(tmp_path / "set", given.pop("num"), **given)  # type: ignore[arg-type]

    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")

    with pytest.raises(SynthError, match="not empty"):
        write_frames(tmp_path, 2, seed=0, size=TINY)
    with pytest.raises(SynthError, match="not empty"):
        write_drive(tmp_path, seed=0, length_m=1.0, size=TINY)

    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


class Stop:
    """Progress that interrupts after so many calls."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, _: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set made without interruption."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "whole"
    write_frames(folder, 50, seed=1, size=TINY, masks=True)
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_and_resumed_gives_the_bytes_of_an_uninterrupted_run(whole: Path, tmp_path: Path, workers: int) -> None:
    done: list[int] = []

    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "set", 50, seed=1, size=TINY, masks=True, workers=workers, progress=Stop(2))
    left = sorted(p.name for p in tmp_path.iterdir())
    write_frames(tmp_path / "set", 50, seed=1, size=TINY, masks=True, progress=done.append)

    assert left == [".set-part"]
    assert done == [48, 50]  # two chunks of 16 were there already
    assert files_in(tmp_path / "set") == files_in(whole)
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


def test_half_written_images_of_an_interrupted_run_are_written_anew(tmp_path: Path) -> None:
    write_frames(tmp_path / "whole", 20, seed=1, size=TINY)
    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "set", 20, seed=1, size=TINY, progress=Stop(1))
    (tmp_path / ".set-part" / "Train" / "00000018.png").write_bytes(b"half")

    write_frames(tmp_path / "set", 20, seed=1, size=TINY)

    assert files_in(tmp_path / "set") == files_in(tmp_path / "whole")


def test_interrupted_run_is_not_gone_on_with_by_other_arguments(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_frames(tmp_path / "set", 20, seed=1, size=TINY, progress=Stop(1))

    with pytest.raises(SynthError, match=r"other arguments \(Train num 20, now 21; Train seed 1, now 2\)"):
        write_frames(tmp_path / "set", 21, seed=2, size=TINY)

    assert [p.name for p in tmp_path.iterdir()] == [".set-part"]


def test_interruption_before_anything_is_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), resumable_folder(tmp_path / "set", {"seed": 1}):
        raise KeyboardInterrupt

    assert list(tmp_path.iterdir()) == []


def test_run_killed_before_anything_was_finished_is_in_nobodys_way(tmp_path: Path) -> None:
    part = tmp_path / ".set-part"
    (part / "Val").mkdir(parents=True)
    (part / "Val" / "00000001.png").write_bytes(b"half")
    (part / ".plan.json").write_text('{"seed": 1}')

    with resumable_folder(tmp_path / "set", {"seed": 2}) as pieces:
        assert (part / ".plan.json").read_text() == '{"seed": 2}'
        pieces.finish("all")

    assert [path.name for path in tmp_path.iterdir()] == ["set"] and not list((tmp_path / "set").iterdir())


def test_two_runs_into_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        resumable_folder(tmp_path / "set", {"seed": 1}),
        pytest.raises(SynthError, match="another run"),
        resumable_folder(tmp_path / "set", {"seed": 1}),
    ):
        pass


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def fill(path: Path, *_: object) -> None:
        written.append(path)
        if len(written) > 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr("trainer.synth.write.write_image", fill)

    with pytest.raises(SynthError, match="the disk is full") as error:
        write_frames(tmp_path / "set", 40, seed=0, size=TINY)

    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_film_that_did_not_fit_on_the_disk_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        """As OpenCV's writer on a full disk: not a word, and no film."""

        def __init__(self, *_: object) -> None: ...

        def isOpened(self) -> bool:
            return True

        def write(self, image: object) -> None: ...

        def release(self) -> None: ...

    monkeypatch.setattr(drive_files.cv2, "VideoWriter", Silent)

    with pytest.raises(SynthError, match="the disk is full"):
        write_drive(tmp_path / "drive", seed=2, length_m=1.0, fps=5, size=(64, 80))

    assert list(tmp_path.iterdir()) == []


def test_film_on_a_full_disk_is_given_up_at_once_and_without_chatter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    done: list[int] = []
    monkeypatch.setattr("trainer.synth.drive_files.shutil.disk_usage", lambda _: SimpleNamespace(free=0 if len(done) == 3 else 1))

    with pytest.raises(SynthError, match="the disk is full"):
        write_drive(tmp_path / "drive", seed=2, length_m=1.0, fps=5, size=(64, 80), progress=done.append)

    assert done == [1, 2, 3] and list(tmp_path.iterdir()) == []
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("fps", [0.1, 7.3, 23.976, 29.97, 59.94, 119.88, 240])
def test_any_rate_that_is_not_refused_can_be_stored(fps: float, tmp_path: Path) -> None:
    drive_files.check_film(fps)

    film = cv2.VideoWriter(str(tmp_path / "f.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), fps, (40, 32))
    film.write(np.zeros((32, 40, 3), np.uint8))
    film.release()

    assert cv2.VideoCapture(str(tmp_path / "f.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(fps, abs=5e-4)


@pytest.mark.parametrize("fps", [0.0, 1e-9, 0.0166666, 99.123456, 240.5, float("nan"), float("inf"), -25.0])
def test_rates_that_no_film_can_have_are_refused(fps: float, tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="cannot be stored in a film"):
        write_drive(tmp_path / "drive", seed=2, length_m=1.0, fps=fps, size=(64, 80))


def test_depth_beyond_the_format_is_cut(tmp_path: Path) -> None:
    image_files.write_depth(tmp_path / "d.png", np.array([[0.0, 1.2345, 70.0]], np.float32))

    assert cv2.imread(str(tmp_path / "d.png"), cv2.IMREAD_UNCHANGED).tolist() == [[0, 1234, 65535]]


def test_drive_on_disk_has_a_row_per_frame_in_every_table(tmp_path: Path) -> None:
    write_drive(tmp_path / "drive", seed=2, length_m=1.5, fps=5, size=(64, 80))

    film = cv2.VideoCapture(str(tmp_path / "drive" / "drive.mp4"))
    frames = 0
    while film.read()[0]:
        frames += 1
    tables = {name: rows_of(tmp_path / "drive" / f"{name}.csv") for name in ("odometer", "truth", "labels", "labels_operator")}
    assert set(tables["odometer"][0]) == {"time_s", "distance_m"}
    assert {len(rows) for rows in tables.values()} == {frames}
    assert {p.name for p in (tmp_path / "drive").iterdir()} == {"drive.mp4", "observations.csv", *(f"{name}.csv" for name in tables)}


def test_files_of_a_drive_hold_what_it_shows_and_how_it_was_driven(tmp_path: Path) -> None:
    write_drive(tmp_path / "drive", seed=8, length_m=3.0, fps=2, size=(64, 80), counter="robot")
    drive = render_drive(8, length_m=3.0, fps=2, size=(64, 80), counter="robot")
    tables = (rows_of(tmp_path / "drive" / f"{name}.csv") for name in ("truth", "odometer", "labels", "labels_operator"))
    film = cv2.VideoCapture(str(tmp_path / "drive" / "drive.mp4"))

    assert drive.labels.any() and (drive.labels != drive.operator_labels).any()
    for number, (truth, read, strict, noted) in enumerate(zip(*tables, strict=True)):
        camera, stored = drive.frames.cameras[number], film.read()[1].astype(float)
        assert [int(strict[c]) for c in taxonomy().codes] == drive.labels[number].tolist()
        assert [int(noted[c]) for c in taxonomy().codes] == drive.operator_labels[number].tolist()
        assert float(truth["chainage_m"]) == pytest.approx(drive.chainage_m[number], abs=6e-5)
        assert float(truth["counter_m"]) == float(read["distance_m"]) == pytest.approx(drive.counter.value_m[number], abs=6e-5)
        assert float(truth["pan_deg"]) == pytest.approx(np.degrees(camera.pan), abs=0.006)
        assert float(truth["tilt_deg"]) == pytest.approx(np.degrees(camera.tilt), abs=0.006)
        shown = drive.frames[number].astype(float)
        assert np.abs(stored[..., ::-1] - shown).mean() < min(15, np.abs(stored - shown).mean())  # its colours, too
    assert [row["first_seen_s"] for row in rows_of(tmp_path / "drive" / "observations.csv")] == [
        f"{observation.first_seen_s:.3f}" for observation in drive.observations
    ]


@pytest.mark.parametrize(("seed", "happened"), [(3, ["preset", "reset"]), (23, ["preset", "jump"])])
def test_robots_odometer_is_readable_and_its_jumps_are_found_where_the_truth_has_them(
    tmp_path: Path, seed: int, happened: list[str]
) -> None:
    write_drive(tmp_path / "drive", seed=seed, length_m=8.0, fps=5, size=(32, 40), counter="robot", num_defects=3)
    truth = rows_of(tmp_path / "drive" / "truth.csv")

    with FilmSource(tmp_path / "drive" / "drive.mp4") as film:
        record = Odometer.from_csv(tmp_path / "drive" / "odometer.csv", film).record

    events = [row["counter_event"] for row in truth]
    assert record.samples == len(truth) and [event for event in events if event] == happened
    assert record.jumps == events.count("jump") and record.resets == events.count("reset")
    for row in rows_of(tmp_path / "drive" / "observations.csv"):
        nearest = min(truth, key=lambda t: abs(float(t["chainage_m"]) - float(row["from_m"])))
        segment_shift = float(nearest["counter_m"]) - float(nearest["chainage_m"])
        assert float(row["counter_from_m"]) - float(row["from_m"]) == pytest.approx(segment_shift, abs=0.1)
