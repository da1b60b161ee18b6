"""The streaming benchmark prints every figure it promises, and its parts are what they say."""

from pathlib import Path

import numpy as np
import pytest

import tiny
from benchmarks.film_passes import FirstFrames, Pass, median_pass
from benchmarks.robot_loop import percentiles
from benchmarks.streaming import main


def test_every_figure_is_printed(tmp_path: Path, trust: Path, bundle_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setattr(FirstFrames, "limit", 300)
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED)] * 12)
    short = ["--frames", "8", "--rounds", "1", "--calls", "50", "--age-s", "0.2", "--inspection-s", "0.5", "--workers", "2"]

    assert main([str(film), "--bundle", str(bundle_path), "--trust", str(trust), *short]) == 0

    out = capsys.readouterr().out
    for line in (
        "submit() 720x576",
        "whole inspection",
        "a plain copy",
        "age of results",
        "work bound",
        "the pipeline itself",
        "plain loop",
        "mode latency",
        "mode throughput, 2",
    ):
        assert line in out
    assert "128x96, first 8 frames" in out and "nan" not in out


def test_a_film_that_is_not_there_is_one_line(tmp_path: Path, trust: Path, bundle_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "none.mp4"), "--bundle", str(bundle_path), "--trust", str(trust)]) == 1

    assert capsys.readouterr().err.count("\n") == 1


def test_a_precision_the_bundle_lacks_is_one_line(
    tmp_path: Path, trust: Path, bundle_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED)] * 3)

    assert main([str(film), "--bundle", str(bundle_path), "--trust", str(trust), "--precision", "int4"]) == 1

    said = capsys.readouterr().err
    assert "no graph int4; it has fp32" in said and said.count("\n") == 1


def test_figures_are_medians_and_percentiles() -> None:
    assert median_pass([Pass(1.0, 9.0), Pass(5.0, 7.0), Pass(3.0, 8.0)]) == Pass(3.0, 8.0)
    times = list(np.arange(1001.0))
    assert percentiles(times) == pytest.approx((500.0, 990.0, 999.0, 1000.0))
