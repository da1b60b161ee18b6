"""A planted slowdown is found and noise is not; what must not be compared is refused."""

import hashlib
import json
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
from benchmarks.measuring import measured
from benchmarks.record import read_records
from benchmarks.regression import NOISY, Verdict, differences, sign_test, unpaired_verdict, verdict_on
from tests.benchmarks.cases import record, write

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

    told = {"load", "temperature_c", "throttled", "clock_mhz", "threads", "gpu_clock_mhz", "gpu_temperature_c", "gpu_slowed_by"}
    assert told == set(line["before"]) == set(line["after"])


def test_a_comparison_of_unlike_records_names_everything() -> None:
    from benchmarks.regression import check_alike

    first = record(times_ms=[1.0])
    second = msgspec.structs.replace(record(times_ms=[1.0], bundle=None), fingerprint=msgspec.structs.replace(first.fingerprint, cores=99))
    with pytest.raises(UnlikeConditionsError, match=r"cores: .* bundle: "):
        check_alike(first, second)
