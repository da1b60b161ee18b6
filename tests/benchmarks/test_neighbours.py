"""What others take of the machine is told apart from what we do ourselves; a fan is no throttling."""

import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from benchmarks.neighbours import busy_core_s, others_core_s, own_core_s
from benchmarks.state import State, cooling_steps, cores_of_others, glance, remarks_on, state
from tests.benchmarks.cases import QUIET, record

BURN = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\nprint('done', flush=True)\ninput()"
STAT = "cpu  100 10 50 9000 30 1 2 7 99 0\ncpu0 1 2 3\n"


def later(before: State, *, seconds: float, others_core_s: float, **changes: object) -> State:
    changed = {"at_s": (before.at_s or 0.0) + seconds, "others_core_s": (before.others_core_s or 0.0) + others_core_s, **changes}
    return msgspec.structs.replace(before, **changed)


def test_waiting_is_no_work_and_what_the_hypervisor_took_is() -> None:
    assert busy_core_s(STAT) == pytest.approx((100 + 10 + 50 + 1 + 2 + 7) / 100) and busy_core_s("") is None


def test_the_work_of_a_child_is_ours_while_it_runs_and_after_it_has_ended() -> None:
    before = own_core_s()
    with subprocess.Popen([sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "done\n"
        while_it_runs = own_core_s() - before
        child.communicate("\n")

    assert while_it_runs >= 0.45 and own_core_s() - before >= 0.45


def test_our_own_work_makes_no_busy_machine() -> None:
    """A load of our own is no reason to doubt; the load average alone could not tell."""
    before = later(QUIET, seconds=0.0, others_core_s=0.0, load=4.0)

    assert remarks_on(before, later(before, seconds=10.0, others_core_s=1.0), cores=4) == ()
    (remark,) = remarks_on(before, later(before, seconds=10.0, others_core_s=15.0), cores=4)
    assert remark == "the machine was busy: others used 1.5 of its 4 cores"


def test_too_short_a_time_says_nothing_of_others() -> None:
    before = later(QUIET, seconds=0.0, others_core_s=0.0, load=4.0)

    assert cores_of_others(before, later(before, seconds=0.01, others_core_s=0.1)) is None
    assert cores_of_others(QUIET, QUIET) is None


def test_this_machine_tells_what_others_did() -> None:
    if others_core_s() is None:
        pytest.skip("no /proc/stat")
    before = state()
    time.sleep(0.3)

    cores = cores_of_others(before, state())
    assert cores is not None and 0 <= cores <= 2 * record().fingerprint.machine_cores


def test_steps_that_hold_clocks_down_are_counted_and_a_fan_is_not(tmp_path: Path) -> None:
    for i, (kind, steps) in enumerate((("pwm-fan", "3"), ("thermal-cpufreq-0", "2"), ("thermal-devfreq-17000000.gpu", "1"), ("LCD", "9"))):
        (tmp_path / f"cooling_device{i}").mkdir()
        (tmp_path / f"cooling_device{i}" / "type").write_text(f"{kind}\n")
        (tmp_path / f"cooling_device{i}" / "cur_state").write_text(f"{steps}\n")

    assert cooling_steps(tmp_path) == 3 and cooling_steps(tmp_path / "none") is None


def test_clocks_held_down_all_the_time_are_remarked_too() -> None:
    hot = msgspec.structs.replace(QUIET, throttled=None, cooling_steps=2)

    assert remarks_on(hot, hot, cores=4) == ("clocks were held down for heat: 2 steps before, 2 after",)


def test_a_look_in_the_middle_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look of a sustained measurement is work of its own on the cores that are timed."""
    monkeypatch.setattr("benchmarks.state.output_of", lambda *words: pytest.fail(f"started {words}"))
    monkeypatch.setattr("benchmarks.state.others_core_s", lambda: pytest.fail("went through all processes"))
    seen = glance()

    assert seen.threads >= 1 and seen.others_core_s is None and seen.at_s is None
