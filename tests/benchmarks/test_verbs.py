"""Each verb leaves whole records on a tiny bundle and film, and the report shows them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

import tiny
from benchmarks.__main__ import VERBS, main
from benchmarks.growth import exponent, inspection_of
from benchmarks.memory import figures_of, growth
from benchmarks.memory_child import Look
from benchmarks.record import Measurement, read_records
from benchmarks.report.drawing import Axis, Spot, scatter
from edge_sdk.contract.manifest import Evaluation
from tests.benchmarks.cases import record, tiny_film, write

ROOT = Path(__file__).parents[2]


@pytest.fixture
def given(tmp_path: Path, bundle_path: Path, trust: Path) -> list[str]:
    film = tiny_film(tmp_path / "film.mp4", 16)
    return ["--bundle", str(bundle_path), "--trust", str(trust), "--film", str(film), "--provider", "cpu", "--threads", "1", "--quick"]


def measured(out: Path, *words: str) -> tuple[Measurement, ...]:
    assert main([*words, "--out", str(out)]) == 0
    return read_records([out])


def test_latency_has_every_stage_and_the_end_to_end_time(tmp_path: Path, given: list[str]) -> None:
    records = measured(tmp_path / "r.jsonl", "latency", *given, "--frames", "40", "--seconds", "0.6")

    by_name = {item.name: item for item in records}
    assert {"decode", "prepare", "inference", "track", "copy in", "copy out", "capture to observation"} < set(by_name)
    assert "no copy" in by_name["copy in"].not_measured["time"] and by_name["copy in"].distribution is None
    stage, live = by_name["inference"].distribution, by_name["capture to observation"]
    assert stage is not None and stage.num == 40 and stage.warm_up == 20 and stage.percentiles["p99"] is None
    assert live.distribution is not None and live.distribution.num > 5 and live.figures["received"] >= live.distribution.num
    assert live.bundle is not None and live.bundle.identity.startswith("tiny-1.0.0-") and live.settings["size"] == "128x96"
    (hot,) = measured(tmp_path / "hot.jsonl", "latency", *given, "--sustained", "--sustained-s", "0.9")
    assert hot.name == "capture to observation, sustained"
    assert {"first_minute_p50_ms", "last_minute_p50_ms", "slower_at_the_end"} <= set(hot.figures) and len(hot.rounds) >= 2


def test_throughput_covers_modes_cameras_batches_and_threads(tmp_path: Path, given: list[str]) -> None:
    records = measured(tmp_path / "r.jsonl", "throughput", *given, "--frames", "16", "--rounds", "1", "--seconds", "0.4", "--cameras", "2")

    assert [item.settings["mode"] for item in records if item.name == "file"] == ["latency", "throughput"]
    assert [item.settings["cameras"] for item in records if item.name == "cameras"] == [1, 2]
    assert [item.settings["batch"] for item in records if item.name == "batch"] == [1, 2, 4, 8, 16]
    assert all(item.figures["frames_per_s"] > 0 and item.settings["frames"] == 16 for item in records if item.name == "file")
    (one, *_) = (item for item in records if item.name == "threads")
    assert one.settings["session_threads"] == 1


def test_startup_steps_add_up_to_the_total(tmp_path: Path, given: list[str]) -> None:
    records = measured(tmp_path / "r.jsonl", "startup", *given, "--runs", "1")

    *steps, total = (item.distribution.mean_ms for item in records if item.distribution is not None)
    assert len(steps) == 5 and sum(steps) == pytest.approx(total) and min(steps) > 0


def test_memory_is_of_a_process_that_inspects(tmp_path: Path, given: list[str]) -> None:
    latency, throughput = measured(tmp_path / "r.jsonl", "memory", *given, "--frames", "48")

    for item in (latency, throughput):
        assert 20 < item.figures["rss_before_mb"] < item.figures["max_rss_mb"] < 2000
        assert item.figures["max_rss_mb"] < item.figures["peak_rss_mb"] * 1.01, "nothing was held that the peak does not know of"
        assert item.figures["max_pss_mb"] <= item.figures["max_rss_mb"] and "max_gpu_mb" in item.not_measured


def test_a_leak_is_seen_as_growth() -> None:
    looks = [Look(i * 100, 100.0 + (60.0 if i > 2 else 20.0 * i) + 0.5 * i, 90.0, None) for i in range(20)]

    assert growth(looks) == pytest.approx(5000.0)
    assert "growth_kb_per_1000_frames" not in figures_of(looks)
    later = [msgspec.structs.replace(look, frames=look.frames + 1000) for look in looks]
    assert figures_of(later)["growth_kb_per_1000_frames"] == pytest.approx(5000.0)


def test_power_is_measured_or_said_not_to_be(tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tegrastats"
    program.write_text("#!/bin/sh\nwhile :; do echo 'VDD_IN 4000mW/4000mW'; sleep 0.02; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    (item,) = measured(tmp_path / "r.jsonl", "power", *given, "--seconds", "1.5")

    assert item.figures["inspecting_w"] == pytest.approx(4.0) and item.figures["joules_per_frame"] > 0
    assert "input rail" in str(item.settings["covers"])


def test_without_a_meter_power_is_not_measured(tmp_path: Path, given: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.power.power_source", lambda: None)

    (item,) = measured(tmp_path / "r.jsonl", "power", *given)

    assert item.figures == {} and "shows no power" in item.not_measured["joules_per_frame"]


def test_growth_is_of_runs_with_so_many_observations(tmp_path: Path) -> None:
    few, more = measured(tmp_path / "r.jsonl", "growth", "--most", "100", "--repeats", "1")

    assert (few.figures["observations"], more.figures["observations"]) == (10, 100) and "exponent" in more.figures
    assert len(inspection_of(30).observations) == 30
    assert exponent([10, 100], [1.0, 10.0]) == pytest.approx(1.0) and exponent([10, 100], [1.0, 100.0]) == pytest.approx(2.0)


def test_train_says_what_it_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["train", str(tmp_path / "none.yaml")]) == 1
    monkeypatch.setattr("benchmarks.train.find_spec", lambda name: None)
    assert main(["train", str(tmp_path / "none.yaml")]) == 1

    no_recipe, no_torch = capsys.readouterr().err.splitlines()
    assert "no such recipe" in no_recipe and "needs torch" in no_torch


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["latency", "--provider", "npu"], "there is no runtime 'npu'"),
        (["latency", "--precision", "int4"], "there is no precision 'int4'"),
        (["latency", "--seconds", "-1"], "above 0"),
        (["latency", "--seconds", "nan"], "above 0"),
        (["latency", "--fps", "inf"], "above 0"),
        (["latency", "--frames", "0"], "--frames 0: give at least 1"),
        (["throughput", "--cameras", "9"], "--cameras 9: give 1 to 4"),
        (["throughput", "--rounds", "0"], "--rounds 0: give at least 1"),
        (["growth", "--most", "5"], "--most 5: give at least 10"),
        (["compare", "--rounds", "3"], "--rounds 3: give at least 8"),
        (["all", "--provider", "npu"], "there is no runtime 'npu'"),
        (["all", "--bundle", "none.bundle"], "no such bundle"),
        (["all", "--film", "none.mp4"], "none.mp4"),
        (["all", "--data", "none"], "no such folder"),
        (["latency", "--threads", "-1"], "0 for every core"),
        (["startup", "--runs", "-1"], "--runs -1: give at least 1"),
        (["memory", "--frames", "3"], "--frames 3: give at least 24"),
        (["latency", "--bundle", "none.bundle"], "no such bundle"),
        (["latency", "--film", "none.mp4"], "none.mp4"),
        (["report", "none.jsonl", "--out", "page"], "none.jsonl"),
    ],
)
def test_what_cannot_be_used_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 1

    (error,) = (line for line in capsys.readouterr().err.splitlines() if not line.startswith("rendered-"))
    assert error.startswith("error: ") and said in error


def test_everything_refuses_a_file_that_holds_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path / "r.jsonl", record())

    assert main(["all", "--out", str(path)]) == 1 and "holds records already" in capsys.readouterr().err


def test_no_verb_but_train_needs_torch_or_a_plotting_library() -> None:
    code = (
        "import sys; from benchmarks.__main__ import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "import benchmarks.report.command, benchmarks.parity\n"
        "print({n.split('.')[0] for n in sys.modules} & {'torch', 'torchvision', 'timm', 'lightning', 'matplotlib', 'onnx', 'pandas'})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "set()" and all(verb in done.stdout for verb in VERBS)


@pytest.fixture
def page(tmp_path: Path, trust: Path) -> tuple[str, str]:
    """Markdown and page of made-up records of one machine, with one unstable and one of another machine."""
    times = [10.0 + 0.01 * i for i in range(200)]
    stages = [record(name, times_ms=[t / 5 for t in times]) for name in ("decode", "prepare", "inference", "track")]
    live = record("capture to observation", times_ms=times, figures={"results_per_s": 25.0, "received": 250.0, "dropped": 3.0})
    drifting = record("all stages, one after the other", times_ms=[10.0] * 20 + [20.0] * 20 + [30.0] * 20)
    f2 = {"f2_ciw": 0.5, "delta_f2_ciw": -0.02, "delta_f2_ciw_tuned": -0.01, "f1_normal": 0.9, "decision_flips": 3.0, "max_abs_dp": 0.1}
    parity = record(
        "int8 <b> on cpu", figures={**f2, "f2 RB": 0.4, "n RB": 5.0, "f2 OB": 0.0, "n OB": 0.0}, failed=("loses 2 points",),
        settings={"data": "painted", "split": "Test", "images": 12, "reference": "fp32 on cpu"},
    )  # fmt: skip
    parity = msgspec.structs.replace(parity, verb="parity")
    elsewhere = msgspec.structs.replace(live, fingerprint=msgspec.structs.replace(live.fingerprint, board="Jetson Orin Nano"))
    results = write(tmp_path / "r.jsonl", *stages, live, drifting, parity, record("copy in", not_measured={"time": "no copy"}), elsewhere)
    figures = Evaluation("painted", "Test", "protocol-0.5", 40, "fp32", 0.6, 0.8, ())
    bundle = tiny.tiny_bundle(tmp_path / "b.bundle", evaluation=(figures,))
    assert main(["report", str(results), "--out", str(tmp_path / "page"), "--bundle", str(bundle), "--trust", str(trust)]) == 0
    return (tmp_path / "page" / "benchmarks.md").read_text(), (tmp_path / "page" / "benchmarks.html").read_text()


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(page: tuple[str, str]) -> None:
    _, html = page

    assert html.count("<svg") >= 3 and "int8 &lt;b&gt; on cpu" in html and "<b>" not in html
    assert not re.search(r"<script|<link|https?://|src=", html)


def test_two_machines_never_share_a_table(page: tuple[str, str]) -> None:
    markdown, _ = page

    first, second = re.split(r"^# .*Jetson Orin Nano.*$", markdown, flags=re.M)
    assert "| inference, 720x576 |" in first and "| inference, 720x576" not in second and "| capture to observation" in second


def test_the_tables_say_what_is_doubtful_refused_and_missing(page: tuple[str, str]) -> None:
    markdown, _ = page

    assert "60 (unstable)" in markdown and "unstable: three windows at 10, 20, 30 ms" in markdown
    assert re.search(r"\| capture to observation[^|]*\| 11\.\d+ \| 11\.\d+ \| 11\.\d+ \| 11\.\d+ \| - \|", markdown)
    assert "loses 2 points" in markdown and "| no copy |" in markdown and "60.0 %" in markdown
    assert re.search(r"\| F2, % \| int8 [^|]*\|\n\| --- \| --- \|\n\| RB \| 40.0 \|\n(?!\| OB)", markdown)  # OB does not occur


def test_an_axis_has_round_ticks_inside_its_range() -> None:
    assert Axis(0, 97.0, 0, 100).ticks() == [0, 20, 40, 60, 80]
    assert Axis(0.8, 30.0, 0, 100, log=True).ticks() == [1.0, 2.0, 5.0, 10.0, 20.0]
    assert Axis(0, 10, 100, 200).at(5) == 150 and Axis(1, 100, 0, 2, log=True).at(10) == pytest.approx(1.0)


@pytest.mark.slow
def test_everything_runs_from_one_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "all", "--quick", "--out", str(tmp_path / "r.jsonl"), "--page", str(tmp_path / "page")],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert {item.verb for item in read_records([tmp_path / "r.jsonl"])} == {
        "latency", "throughput", "startup", "memory", "power", "parity", "growth",
    }  # fmt: skip
    assert (tmp_path / "page" / "benchmarks.html").stat().st_size > 10_000


def test_micro_benchmarks_are_found_by_their_folder() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-p", "no:cacheprovider", "-p", "no:xdist", "benchmarks/micro"]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # or it takes itself for our worker
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=alone)

    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"bench_{name}" in done.stdout for name in ("prepare[1920x1080]", "tracker", "journal", "open_bundle"))


def test_graphs_that_lie_close_together_are_told_apart() -> None:
    drawn = scatter([Spot("fp32", 7.0, 29.2, 44.0), Spot("int8", 7.1, 29.4, 11.0)], x_unit="ms", y_unit="%")

    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert (
        drawn.count("<circle") == 2 and drawn.count("<text") > 2 and heights[0] - heights[1] > 2 and 0 < min(heights) < max(heights) < 230
    )


def test_the_page_of_everything_shows_the_bundle_that_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr("benchmarks.everything._call", lambda words: calls.append(words) or 0)
    bundle = tiny.tiny_bundle(tmp_path / "mine.bundle", key=None)

    given = ["--bundle", str(bundle), "--allow-unsigned", "--quick", "--out", str(tmp_path / "r.jsonl"), "--page", str(tmp_path / "page")]
    assert main(["all", *given]) == 0
    assert [words[0] for words in calls][-1] == "report" and calls[-1][calls[-1].index("--bundle") + 1] == str(bundle)


def test_records_of_one_piece_of_work_share_the_state_before_it(tmp_path: Path, given: list[str]) -> None:
    *stages, _ = measured(tmp_path / "r.jsonl", "latency", *given, "--frames", "40", "--seconds", "0.5")

    own = [item for item in stages if item.settings["kind"] == "stage"]
    assert len(own) == 7 and len({item.before.at_s for item in own}) == 1
    assert all((item.after.at_s or 0) > (item.before.at_s or 0) for item in own)


def test_a_film_that_cannot_be_played_is_one_line(tmp_path: Path, given: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    words = [*given, "--film", str(tiny_film(tmp_path / "one.mp4", 1)), "--seconds", "0.2", "--cameras", "1"]

    assert main(["throughput", *words]) == 1
    (error,) = (line for line in capfd.readouterr().err.splitlines() if not line.startswith("tiny-"))
    assert error.endswith("one.mp4: a film of one frame; give one of some seconds")
