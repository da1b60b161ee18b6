import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.likeness import NAMES, compare, features_of, group_distances, main, wasserstein


def frame(seed: int, *, gain: float = 1.0, size: tuple[int, int] = (144, 176)) -> np.ndarray:
    """A dark disc in a bright, grainy wall."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    light = np.clip(np.hypot(u, v), 0.05, 1) * rng.uniform(110, 190) * gain
    return np.asarray(np.clip(light[..., None] * (1.0, 0.95, 0.9) + rng.normal(0, 4, (*size, 1)), 0, 255), np.uint8)


def folder_of(path: Path, images: list[np.ndarray]) -> Path:
    path.mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(path / f"{number:03d}.png"), image[..., ::-1])
    return path


def features(images: list[np.ndarray]) -> np.ndarray:
    return np.array([features_of(image) for image in images])


def test_identical_sets_are_at_distance_zero() -> None:
    real = features([frame(seed) for seed in range(12)])

    assert all(row.distance == 0 for row in compare(real, real))


def test_darker_frames_are_further_off_the_darker_they_are() -> None:
    real = features([frame(seed) for seed in range(12)])
    totals = [group_distances(compare(real, features([frame(seed, gain=g) for seed in range(50, 62)])))["luma"] for g in (1.0, 0.7, 0.4)]

    assert totals[0] < totals[1] < totals[2]


def test_blur_is_seen_in_edges_and_colour_in_colour() -> None:
    images = [frame(seed) for seed in range(12)]
    real = features(images)
    blurred = group_distances(compare(real, features([np.asarray(cv2.GaussianBlur(i, (0, 0), 4), np.uint8) for i in images])))
    tinted = group_distances(compare(real, features([(i * (1.0, 0.6, 0.4)).astype(np.uint8) for i in images])))

    assert blurred["grain"] > 1 and blurred["colour"] < 0.5
    assert tinted["colour"] > 1


def test_boxes_bars_and_text_do_not_count() -> None:
    plain = frame(3, size=(288, 352))
    covered = plain.copy()
    covered[10:40, 10:120] = (0, 0, 255)
    cv2.putText(covered, "12.34m 2014", (200, 270), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    covered = np.asarray(cv2.copyMakeBorder(covered, 40, 40, 0, 0, cv2.BORDER_CONSTANT), np.uint8)

    difference = dict(zip(NAMES, np.abs(features_of(plain) - features_of(covered)), strict=True))

    assert difference["median"] < 4 and difference["share < 20"] < 0.01
    assert difference["chroma mean"] < 0.6 and difference["share of edges"] < 0.02
    assert all(difference[f"ring {n:02d}"] < 0.06 for n in range(12))


def test_wasserstein_agrees_with_sorted_samples() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(0, 1, 500), rng.normal(0.7, 2, 500)

    assert wasserstein(first, second) == pytest.approx(np.abs(np.sort(first) - np.sort(second)).mean(), rel=0.03)


def test_the_table_and_the_json_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = folder_of(tmp_path / "real", [frame(seed) for seed in range(5)])
    other = folder_of(tmp_path / "other", [frame(seed, gain=0.6) for seed in range(4)])
    out = tmp_path / "likeness.json"

    assert main([str(real), "--render-from", str(other), "--json", str(out)]) == 0

    figures = json.loads(out.read_text())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("5 real frames, 4 rendered ones")
    assert lines[-1].split() == ["total", f"{figures['distances']['total']:.3f}"]
    assert [row["name"] for row in figures["features"]] == list(NAMES)


def test_frames_are_rendered_when_no_folder_is_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    real = folder_of(tmp_path / "real", [frame(seed) for seed in range(3)])

    assert main([str(real), "--num", "2", "--profile", "balanced"]) == 0
    assert capsys.readouterr().out.startswith("3 real frames, 2 rendered ones")


def test_empty_folders_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert main([str(folder_of(tmp_path / "real", [frame(0)])), "--num", "1", "--profile", "even"]) == 1

    errors = capsys.readouterr().err.splitlines()
    assert len(errors) == 2 and "no images" in errors[0] and "even" in errors[1]
