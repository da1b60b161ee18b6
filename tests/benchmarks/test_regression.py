"""A planted slowdown is found and noise is not; what must not be compared is refused."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import pytest

import tiny
from benchmarks.__main__ import main
from benchmarks.errors import BenchmarkError, UnlikeConditionsError
from benchmarks.fingerprint import text_of
from benchmarks.measuring import measured
from benchmarks.record import read_records
from benchmarks.regression import NOISY, Verdict, differences, sign_test, unpaired_verdict, verdict_on
from tests.benchmarks.cases import record, write
from tests.camera.watching import wait_for

ROOT = Path(__file__).parents[2]
REPETITIONS, PAIRS, RUNS = 20, 40, 20


class NoisyMachine:
    """Seconds that pass as on a shared machine: each call jitters, neighbours come and go for both sides, now and then one stalls."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.now_s, self._neighbours = 0.0, 1.0

    def __call__(self) -> float:
        return self.now_s

    def work(self, seconds: float) -> None:
        stall = 0.003 if self._rng.random() < 0.02 else 0.0
        self.now_s += seconds * self._neighbours * self._rng.lognormal(0, 0.08) + stall

    def next_round(self) -> None:
        self._neighbours = float(np.clip(self._neighbours * self._rng.lognormal(0, 0.15), 0.8, 2.5))


def paired_rounds(seed: int, slowdown: float) -> tuple[list[float], list[float]]:
    """Medians of rounds of both sides in turns, through `measured`, on the noisy machine."""
    machine = NoisyMachine(seed)
    rounds: tuple[list[float], list[float]] = ([], [])
    for number in range(PAIRS):
        machine.next_round()
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            seconds = 0.01 * (1 + slowdown * side)
            rounds[side].append(_median_ms(lambda s=seconds: machine.work(s), machine))
    return rounds


def _median_ms(call: Callable[[], None], clock: Callable[[], float]) -> float:
    return measured(call, window=RUNS // 3 + 1, warm_up=0, max_windows=3, clock=clock).distribution.p50_ms


def test_a_slowdown_of_five_per_cent_is_found_and_none_is_not() -> None:
    found = [verdict_on(*paired_rounds(seed, 0.05)).outcome for seed in range(REPETITIONS)]
    invented = [verdict_on(*paired_rounds(100 + seed, 0.0)).outcome for seed in range(REPETITIONS)]

    assert found.count("slower") >= 19 and "slower" not in invented and "quicker" not in invented


def test_the_same_gain_is_called_quicker() -> None:
    first, second = paired_rounds(1, 0.08)

    assert verdict_on(second, first).outcome == "quicker"


def test_noise_that_would_hide_the_slowdown_is_called_too_noisy() -> None:
    rng = np.random.default_rng(0)
    verdict = verdict_on(rng.lognormal(0, 0.5, 10), rng.lognormal(0, 0.5, 10))

    assert verdict.outcome == "too noisy to tell"


@pytest.mark.slow
def test_a_slowdown_of_five_per_cent_of_real_work_is_found() -> None:
    """Hashing by CPU time of this process, which the machine's other load hardly touches; what is too noisy to tell is measured longer."""

    def work(num: int) -> None:
        for _ in range(num):
            hashlib.sha256(b"x" * 4096).digest()

    def judged(slowdown: float) -> Verdict:
        both: tuple[list[float], list[float]] = ([], [])
        for number in range(2 * PAIRS):
            for side in (0, 1) if number % 2 == 0 else (1, 0):
                both[side].append(_median_ms(partial(work, round(200 * (1 + slowdown * side))), time.process_time))
            if number + 1 >= PAIRS // 2 and (number + 1) % 20 == 0 and (verdict := verdict_on(*both)).outcome != NOISY:
                break
        return verdict

    found = [judged(0.05) for _ in range(REPETITIONS)]
    invented = [judged(0.0) for _ in range(REPETITIONS)]
    print([str(v) for v in found], [str(v) for v in invented])

    assert [v.outcome for v in found].count("slower") >= 18 and [v.outcome for v in invented].count("slower") <= 1


def test_rounds_that_did_not_run_in_turns_need_more_than_five_per_cent() -> None:
    rng = np.random.default_rng(0)
    first = rng.normal(10, 0.1, 20)

    assert unpaired_verdict(first, first * 1.03).outcome != "slower"
    assert unpaired_verdict(first, first * 1.12).outcome == "slower"


def test_what_may_be_much_quicker_is_not_called_the_same() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(10, 0.1, 20), np.r_[rng.normal(10, 0.1, 11), rng.normal(7, 0.1, 9)]

    assert unpaired_verdict(first, second).outcome == "not slower" == verdict_on(first, second).outcome
    assert unpaired_verdict(first, first * 1.01).outcome == "same" == verdict_on(first, first * 1.001).outcome


def test_the_sign_test_counts_heads() -> None:
    assert sign_test(10, 10) == pytest.approx(2**-10) and sign_test(0, 10) == 1.0 and sign_test(5, 9) == 0.5


@pytest.mark.parametrize(("first", "second"), [([1.0] * 7, [1.0] * 7), ([1.0] * 20, [1.0] * 19)])
def test_too_few_pairs_are_refused(first: list[float], second: list[float]) -> None:
    with pytest.raises(BenchmarkError, match="at least 8 pairs"):
        verdict_on(first, second)


def test_another_machine_setting_or_bundle_is_named() -> None:
    here = record(times_ms=[10.0] * 30)
    there = msgspec.structs.replace(here, fingerprint=msgspec.structs.replace(here.fingerprint, onnxruntime="9.9", power_mode="15W"))

    assert differences(here, here) == ()
    assert {clause.split(":")[0] for clause in differences(here, there)} == {"onnxruntime", "power_mode"}
    assert differences(here, record(times_ms=[10.0], settings={**here.settings, "threads": 4})) == ("threads: 1 against 4",)


def gate(tmp_path: Path, before: object, now: object) -> int:
    baseline, results = tmp_path / "baseline.jsonl", tmp_path / "now.jsonl"
    write(baseline, before)  # type: ignore[arg-type]
    write(results, now)  # type: ignore[arg-type]
    return main(["report", str(results), "--out", str(tmp_path / "page"), "--baseline", str(baseline)])


def test_a_slower_record_fails_the_gate_and_an_equal_one_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = np.random.default_rng(0).normal(10, 0.05, 30).tolist()

    assert gate(tmp_path, record(times_ms=times), record(times_ms=times)) == 0
    (tmp_path / "slow").mkdir()
    assert gate(tmp_path / "slow", record(times_ms=times), record(times_ms=[1.2 * t for t in times])) == 1

    assert "slower than the baseline: latency: inference" in capsys.readouterr().err
    assert "+20.0 %" in (tmp_path / "slow" / "page" / "benchmarks.md").read_text()


def test_unlike_machines_are_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = record(times_ms=[10.0] * 30)
    there = msgspec.structs.replace(here, fingerprint=msgspec.structs.replace(here.fingerprint, board="another"))

    assert gate(tmp_path, there, here) == 1

    (error,) = capsys.readouterr().err.splitlines()
    assert "other conditions: board: another against None" in error and not (tmp_path / "page").exists()


def test_nothing_in_common_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(tmp_path, record("decode", times_ms=[1.0] * 30), record(times_ms=[1.0] * 30)) == 1
    assert "in common" in capsys.readouterr().err


def test_two_sides_are_measured_in_turns_and_can_be_judged_again(
    tmp_path: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "pair.jsonl"
    given = ["--bundle", str(bundle_path), "--trust", str(trust), "--threads", "1", "--rounds", "8", "--runs", "3", "--out", str(out)]

    code = main(["compare", *given])

    said = capsys.readouterr()
    first, second, *by_cpu = read_records([out])
    assert code == int("error: the second is slower" in said.err) and said.out.count(": the second is ") == 2
    assert first.pairing == second.pairing and (first.settings["side"], second.settings["side"]) == ("first", "second")
    assert [item.name for item in by_cpu] == ["prepare and infer, CPU time"] * 2 and by_cpu[0].pairing == by_cpu[1].pairing != first.pairing
    assert first.bundle == second.bundle and first.bundle is not None and first.bundle.identity.startswith("tiny-1.0.0-")
    assert len(first.rounds) == len(second.rounds) == 8 and first.distribution is not None and first.distribution.num == 24
    assert main(["report", str(out), "--out", str(tmp_path / "page"), "--baseline", str(out)]) == code


def test_a_side_that_does_not_come_up_is_one_line(tmp_path: Path, bundle_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--bundle", str(bundle_path)]) == 1
    (error,) = capfd.readouterr().err.splitlines()
    assert error.startswith("error: the side of ") and "does not come up: " in error and "not trusted here" in error
    unsigned = tiny.tiny_bundle(tmp_path / "unsigned.bundle", key=None)
    assert main(["compare", "--bundle", str(unsigned), "--allow-unsigned", "--rounds", "8", "--runs", "1", "--threads", "1"]) in (0, 1)
    assert "does not come up" not in capfd.readouterr().err
    assert main(["compare", "--first-tree", str(tmp_path)]) == 1
    assert "no checkout" in capfd.readouterr().err


def test_records_keep_both_sides_conditions(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", record(times_ms=[1.0] * 30))
    line = json.loads(path.read_text())

    told = {"load", "others_core_s", "at_s", "temperature_c", "throttled", "cooling_steps", "clock_mhz", "threads"}
    told |= {"gpu_clock_mhz", "gpu_temperature_c", "gpu_slowed_by"}
    assert told == set(line["before"]) == set(line["after"])


def test_a_comparison_of_unlike_records_names_everything() -> None:
    from benchmarks.regression import check_alike

    first = record(times_ms=[1.0])
    second = msgspec.structs.replace(record(times_ms=[1.0], bundle=None), fingerprint=msgspec.structs.replace(first.fingerprint, cores=99))
    with pytest.raises(UnlikeConditionsError, match=r"cores: .* bundle: "):
        check_alike(first, second)


def test_rows_name_their_size_and_a_figure_alone_is_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    times = np.random.default_rng(0).normal(10, 0.05, 30).tolist()
    sizes = [record(times_ms=times, settings={**record().settings, "size": size}) for size in ("720x576", "1920x1080")]
    memory = record("while inspecting", verb="memory", figures={"max_rss_mb": 200.0})
    baseline, results = tmp_path / "baseline.jsonl", tmp_path / "now.jsonl"
    write(baseline, *sizes, memory)
    write(results, *sizes, msgspec.structs.replace(memory, figures={"max_rss_mb": 300.0}), record("decode", times_ms=times))

    assert main(["report", str(results), "--out", str(tmp_path / "page"), "--baseline", str(baseline)]) == 0

    markdown = (tmp_path / "page" / "benchmarks.md").read_text()
    assert "| latency: inference, 720x576 | +0.0 % |" in markdown and "| latency: inference, 1920x1080 | +0.0 % |" in markdown
    assert "| memory: while inspecting, 720x576, max RSS, MB | +50.0 % | not judged: 200, now 300 |" in markdown
    assert "1 measurements are not in the baseline" in markdown and "against the baseline: 2 same" in capsys.readouterr().out


def test_two_sizes_of_a_quick_look_are_refused_beside_a_full_measurement(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def pair(quick: bool) -> list[object]:
        return [
            record(times_ms=[10.0] * 30, settings={**record().settings, "size": size, "quick": quick}) for size in ("720x576", "1920x1080")
        ]

    write(tmp_path / "baseline.jsonl", *pair(False))  # type: ignore[arg-type]
    write(tmp_path / "now.jsonl", *pair(True))  # type: ignore[arg-type]

    assert main(["report", str(tmp_path / "now.jsonl"), "--out", str(tmp_path), "--baseline", str(tmp_path / "baseline.jsonl")]) == 1
    assert "quick: False against True" in capsys.readouterr().err


def test_a_gate_that_can_judge_nothing_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(tmp_path, record(times_ms=[10.0] * 3), record(times_ms=[10.0] * 3)) == 1

    (error,) = capsys.readouterr().err.splitlines()
    assert "nothing can be judged" in error and "at least 8 of each" in error and not (tmp_path / "page").exists()


def _at_work(parent: int) -> list[int]:
    """Ticks of CPU time of a process's children that have had half a second of it: they are past their start."""
    stats = [text_of(str(path)).rpartition(")")[2].split() for path in Path("/proc").glob("[0-9]*/stat")]
    ticks = [int(fields[11]) + int(fields[12]) for fields in stats if fields and int(fields[1]) == parent]
    return [num for num in ticks if num >= 50]


def test_an_interrupted_comparison_is_one_line(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group: the sides end without a word of their own."""
    command = [sys.executable, "-m", "benchmarks", "compare", "--rounds", "100000", "--runs", "1", "--threads", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) as process:  # fmt: skip
        wait_for(lambda: len(_at_work(process.pid)) == 2, "both sides at work")
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130 and said.splitlines() == ["interrupted; records written to --out so far are kept"]


def test_a_terminated_measurement_leaves_no_film_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "latency", "--threads", "1", "--seconds", "600"]
    with subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_for(lambda: list(tmp_path.glob("*/drive-*.mp4")), "the film")
        process.terminate()
        _, said = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGTERM and b"Traceback" not in said and not list(tmp_path.iterdir())


def test_each_side_of_a_comparison_has_the_code_of_its_own_checkout(tmp_path: Path, bundle_path: Path, trust: Path) -> None:
    older = tmp_path / "older"
    older.mkdir()
    shutil.copytree(ROOT / "edge_sdk", older / "edge_sdk", ignore=shutil.ignore_patterns("__pycache__", "*.bundle"))
    for words in (["init", "-q"], ["-c", "user.name=n", "-c", "user.email=e", "commit", "-q", "--allow-empty", "-m", "older"]):
        subprocess.run(["git", "-C", str(older), *words], check=True)
    revision = subprocess.run(["git", "-C", str(older), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    given = ["--bundle", str(bundle_path), "--trust", str(trust), "--threads", "1", "--rounds", "8", "--runs", "1"]

    main(["compare", *given, "--first-tree", str(older), "--out", str(tmp_path / "r.jsonl")])

    first, second, *_ = read_records([tmp_path / "r.jsonl"])
    assert first.code.split()[1].startswith(revision.stdout.strip()) and first.code != second.code
