"""What the peers' figures are made of: the camera, the counting, the ratios, the agreement of scores, and who imports what."""

import ast
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import tiny
from benchmarks.peers.agreement import References, agreement_of
from benchmarks.peers.catalogue import ENVIRONMENTS, OURS, WAYS
from benchmarks.peers.passes import PeerFailedError, RunnerResult, pass_of
from benchmarks.peers.ratios import ratio_of
from benchmarks.peers.runners.camera import BUFFERED, Camera, FilmReader, number_of
from benchmarks.peers.runners.task import Task
from benchmarks.peers.summary import Row, targets_of

RUNNERS = Path(__file__).parents[2] / "benchmarks" / "peers" / "runners"
ROOT_MODULES = {"benchmarks", "numpy", "cv2", "onnxruntime"}
NUM_FRAMES = 20


def task_of(film: Path | str, **changes: Any) -> Task:
    fields = {
        "film": str(film), "model": "", "bundle": None, "trust": (), "out": "", "mode": "live", "num_frames": NUM_FRAMES, "fps": 25.0,
        "height": 16, "width": 16, "kernel": "linear", "temperature": 1.0, "precision": "fp32", "option": "",
    }  # fmt: skip
    return Task(**{**fields, **changes})


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(FilmReader, "started", None)
    return tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.GREY)] * NUM_FRAMES)


def test_a_slow_reader_of_the_camera_loses_frames_but_no_numbers(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilmReader, "task", task_of(film, fps=100.0), raising=False)
    camera, numbers, lag = Camera(str(film)), [], []
    while camera.isOpened():
        ok, frame_HWC = camera.read()
        if not ok or frame_HWC is None:
            break
        numbers.append(number_of(frame_HWC, -1))
        lag.append(camera._captured() - numbers[-1])
        time.sleep(0.035)  # 3.5 periods

    assert numbers[0] == 0 and numbers[-1] == NUM_FRAMES - 1
    assert numbers == sorted(set(numbers)) == list(camera.began_ns)
    assert len(numbers) < NUM_FRAMES
    assert camera.read() == (False, None) and not camera.isOpened()
    periods = {round((camera.began_ns[n] - camera.began_ns[0]) / 1e7, 3) - n for n in numbers}
    assert max(map(abs, periods)) < 0.01  # captured on the beat, however late they were read


def test_a_camera_keeps_only_its_newest_frames(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilmReader, "task", task_of(film, fps=1e6), raising=False)  # all captured at once
    camera = Camera(str(film))
    camera.start_ns = time.monotonic_ns() - 10**9

    numbers = []
    while (read := camera.read())[0]:
        assert read[1] is not None
        numbers.append(number_of(read[1], -1))

    assert numbers == list(range(NUM_FRAMES - BUFFERED, NUM_FRAMES))


def test_a_second_camera_stays_off(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilmReader, "task", task_of(film, fps=1000.0), raising=False)
    first, second = Camera(str(film)), Camera(str(film))

    assert first.grab() and not second.grab() and not second.isOpened()


def test_in_file_mode_the_film_is_the_film(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FilmReader, "task", task_of(film, mode="file", num_frames=7), raising=False)
    reader, real = FilmReader(str(film)), cv2.VideoCapture(str(film))

    for _ in range(7):
        np.testing.assert_array_equal(reader.read()[1], real.read()[1])
    assert reader.read() == (False, None)
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 7 and list(reader.began_ns) == list(range(7))


def result_of(seqs: list[int], *, period_ms: float = 40.0, age_ms: float = 10.0) -> RunnerResult:
    began = [(seq, round(seq * period_ms * 1e6)) for seq in range(NUM_FRAMES)]
    results = [(seq, round((seq * period_ms + age_ms) * 1e6)) for seq in seqs]
    return RunnerResult(0, round(NUM_FRAMES * period_ms * 1e6), 0.4, 100.0, began, results, [[0.5] for _ in seqs])


def test_dropped_repeated_and_stale_frames_are_counted() -> None:
    result = result_of([0, 1, 1, 5, 9], age_ms=81.0)

    figures = pass_of(result, task_of(""), spawned_ns=-(10**9), name="x", more={}).figures

    assert (figures["results"], figures["dropped"], figures["repeated"], figures["stale"]) == (4, 16, 1, 5)
    assert figures["core_ms"] == pytest.approx(0.4e3 / 4) and figures["cores"] == pytest.approx(0.4 / (NUM_FRAMES / 25))
    assert figures["start_up_s"] == pytest.approx(1.081)


def test_frames_per_second_run_from_ready_to_the_last_result() -> None:
    result = result_of(list(range(NUM_FRAMES)))

    done = pass_of(result, task_of("", mode="file"), spawned_ns=0, name="x", more={})

    assert done.figures["fps"] == pytest.approx(NUM_FRAMES / ((NUM_FRAMES - 1) * 0.04 + 0.01))
    assert done.figures["core_ms"] == pytest.approx(20.0) and done.times_ms == pytest.approx([10.0] * 10)


def test_a_peer_that_leaves_out_frames_of_a_film_is_no_peer() -> None:
    with pytest.raises(PeerFailedError, match="19 different results of 20"):
        pass_of(result_of(list(range(19))), task_of("", mode="file"), spawned_ns=0, name="x", more={})


def test_a_ratio_and_its_interval_are_students() -> None:
    ratio = ratio_of([2.0, 4.0, 8.0], [1.0, 1.0, 1.0])

    half = 4.303 * np.log(2) / np.sqrt(3)
    assert ratio.mean == pytest.approx(4.0)
    assert (ratio.low, ratio.high) == pytest.approx((4 * np.exp(-half), 4 * np.exp(half)), rel=1e-3)
    assert ratio_of([1.0], [2.0]).verdict(larger_is_better=True) == "one round"


@pytest.mark.parametrize(("factor", "seen"), [(1.0, "no difference seen"), (2.0, "ahead"), (0.5, "behind")])
def test_planted_differences_are_found_and_none_is_not(factor: float, seen: str) -> None:
    random, found = np.random.default_rng(7), []
    for _ in range(200):
        weather_R = np.exp(random.normal(0, 0.5, 3))  # what the machine does to both in a round
        ours_R, theirs_R = (weather_R * np.exp(random.normal(0, 0.03, 3)) for _ in range(2))
        found.append(ratio_of(factor * ours_R, theirs_R).verdict(larger_is_better=True))

    assert found.count(seen) >= 180


@pytest.mark.parametrize(("ours", "theirs"), [([1.0], [1.0, 2.0]), ([], []), ([0.0], [1.0])])
def test_what_cannot_be_paired_has_no_ratio(ours: list[float], theirs: list[float]) -> None:
    with pytest.raises(ValueError, match="cannot be paired"), np.errstate(divide="ignore"):
        ratio_of(ours, theirs)


def test_scores_of_another_model_do_not_agree() -> None:
    random = np.random.default_rng(3)
    ours = {seq: random.random(17) for seq in range(5)}
    peers = {seq: np.clip(scores + 0.05, 0, 1) for seq, scores in ours.items()}
    reference = References(ours, peers, np.full(17, 0.5))

    same = agreement_of(peers, reference, is_ours=False)
    other = agreement_of({seq: 1 - scores for seq, scores in peers.items()}, reference, is_ours=False)

    assert same.holds and same.max_dp == 0 and same.max_dp_ours == pytest.approx(0.05) and same.same_top >= 0.8
    assert not other.holds and other.flips > 10


def test_targets_are_missed_where_a_peer_is_ahead() -> None:
    def row(way: str, **figures: float) -> Row:
        return Row(way=way, mode="file", rounds=1, environment="", figures=figures)

    rows = [
        row("ours-throughput", fps=30.0, core_ms=10.0),
        row("naive", fps=20.0, core_ms=50.0),
        row("openvino", fps=99.0, core_ms=1.0),
        row("openvino-f32", fps=10.0, core_ms=20.0),
        row("ours-int8", fps=50.0, core_ms=14.0),
    ]

    fps, core_ms, int8_fps, int8_core_ms = targets_of(rows)

    assert "(naive)" in fps.what and fps.found == pytest.approx(1.5) and not fps.met
    assert "(openvino-f32)" in core_ms.what and core_ms.found == pytest.approx(0.5) and core_ms.met
    assert "ours-int8" in int8_fps.what and int8_fps.found == pytest.approx(2.5) and int8_fps.met
    assert "ours-int8" in int8_core_ms.what and int8_core_ms.found == pytest.approx(0.7) and not int8_core_ms.met


def test_runners_import_their_peer_and_nothing_of_ours() -> None:
    for way in WAYS.values():
        if way.environment == OURS:
            continue
        allowed = ROOT_MODULES | {way.environment, "inference", "torch"} | sys.stdlib_module_names
        imported = imports_of(RUNNERS / f"{way.module}.py")
        assert {name.partition(".")[0] for name in imported} <= allowed, way.module
        assert all(name.startswith("benchmarks.peers.runners.") for name in imported if name.startswith("benchmarks"))
    for shared in ("task", "camera", "tally", "newest"):
        assert {name.partition(".")[0] for name in imports_of(RUNNERS / f"{shared}.py")} <= {
            "benchmarks",
            "numpy",
            "cv2",
        } | sys.stdlib_module_names


def imports_of(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    direct = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return direct | {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}


def test_every_way_has_a_runner_and_an_environment() -> None:
    for name, way in WAYS.items():
        assert name == way.name and (RUNNERS / f"{way.module}.py").is_file()
        assert way.environment in {OURS, *ENVIRONMENTS}


def test_the_network_image_is_rgb_of_the_whole_frame() -> None:
    frame_HWC = np.zeros((40, 80, 3), np.uint8)
    frame_HWC[:, :40] = (255, 0, 0)  # blue on the left, as OpenCV has it

    image_NHWC = task_of("").network_image(frame_HWC)

    assert image_NHWC.shape == (1, 16, 16, 3)
    assert tuple(image_NHWC[0, 8, 0]) == (0, 0, 255) and tuple(image_NHWC[0, 8, 15]) == (0, 0, 0)
