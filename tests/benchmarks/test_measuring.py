"""The measuring is measured: known times are found, and the machine's own words are understood."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

import tiny
from benchmarks.bound_onnx import BoundOnnx
from benchmarks.errors import BenchmarkError
from benchmarks.film import Film, Size, endless
from benchmarks.fingerprint import fingerprint
from benchmarks.latency import moved, sustained
from benchmarks.live_feed import LiveTimes, since
from benchmarks.measuring import Bench, measured
from benchmarks.power_meter import PowerMeter, watts_from_nvidia_smi, watts_from_tegrastats
from benchmarks.stages import ALL, stage_times_ms
from benchmarks.state import State, _temperature_c, gpu_clock_mhz, gpu_state_from_smi, remarks_on, state
from benchmarks.subject import Subject
from benchmarks.words import remarks
from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import Outputs
from edge_sdk.errors import SourceError
from edge_sdk.live.slot import LiveAccounting
from edge_sdk.runtime.onnx import OnnxSession
from live_fakes import until
from tests.benchmarks.cases import QUIET, tiny_film


class FakeClock:
    """Seconds that pass only when somebody takes them."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def take(self, seconds: float) -> None:
        self.now_s += seconds


class SleepySession:
    """A network that sleeps, and knows for how long it really did: a busy machine wakes sleepers late."""

    provider, precision, threads = "sleep", "fp32", 1

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.slept_ms: list[float] = []

    def run(self, images_NHWC: np.ndarray) -> Outputs:
        begin = time.perf_counter()
        time.sleep(self._seconds)
        outputs = Outputs(np.zeros((1, 17), np.float32), np.zeros((1, 17, 1, 1), np.float32))
        self.slept_ms.append((time.perf_counter() - begin) * 1e3)
        return outputs

    def close(self) -> None: ...


@pytest.fixture
def sleepy(bundle: Bundle) -> Callable[[float], tuple[Subject, SleepySession]]:
    def make(seconds: float) -> tuple[Subject, SleepySession]:
        session = SleepySession(seconds)
        return Subject(bundle, bundle.manifest.graphs[0], "cpu", session, 1), session

    return make


def test_a_known_time_is_measured_on_a_clock_of_its_own() -> None:
    clock, rng = FakeClock(), np.random.default_rng(0)
    samples = measured(lambda: clock.take(0.005 * rng.uniform(0.95, 1.05)), window=50, clock=clock)

    assert samples.distribution.p50_ms == pytest.approx(5.0, rel=0.02)
    assert (samples.warm_up, len(samples.times_ms), len(samples.rounds_ms)) == (10, 150, 3)


def test_measuring_goes_on_until_three_windows_agree() -> None:
    clock, calls = FakeClock(), iter(range(1000))
    samples = measured(lambda: clock.take(0.02 / (1 + next(calls) // 10)), window=10, warm_up=0, max_windows=40, clock=clock)

    assert len(samples.rounds_ms) > 5 and max(samples.rounds_ms[-3:]) <= 1.1 * min(samples.rounds_ms[-3:])
    stability = samples.distribution.stability
    assert stability is not None and stability.stable


def test_what_never_holds_still_is_marked_unstable() -> None:
    clock, calls = FakeClock(), iter(range(1000))
    samples = measured(lambda: clock.take(0.001 * 1.5 ** (next(calls) // 10)), window=10, warm_up=0, max_windows=6, clock=clock)

    assert len(samples.rounds_ms) == 6
    stability = samples.distribution.stability
    assert stability is not None and not stability.stable


def test_a_sleeping_session_is_measured_within_two_per_cent(sleepy: Callable[..., tuple[Subject, SleepySession]], tmp_path: Path) -> None:
    subject, session = sleepy(0.05)
    film = Film(tiny_film(tmp_path / "film.mp4"), Size(128, 96), "painted")

    times, not_measured = stage_times_ms(film, subject, num_frames=20, warm_up=3)

    assert np.median(times["inference"]) == pytest.approx(np.median(session.slept_ms[3:]), rel=0.02)
    assert set(times) == {"decode", "prepare", "inference", "track", ALL} and set(not_measured) == {"copy in", "copy out"}
    assert times[ALL] == pytest.approx(np.sum([times[stage] for stage in ("decode", "prepare", "inference", "track")], axis=0))


@pytest.mark.slow  # by the wall clock: needs a machine that wakes sleepers in time
def test_a_sleep_of_known_length_is_measured_within_two_per_cent() -> None:
    samples = measured(lambda: time.sleep(0.05), window=20)

    assert samples.distribution.p50_ms == pytest.approx(50.0, rel=0.02)


def test_a_window_of_nothing_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="measure nothing"):
        measured(lambda: None, window=0)


def test_a_film_goes_round_and_says_when_it_was_opened_again(tmp_path: Path) -> None:
    frames = endless(Film(tiny_film(tmp_path / "film.mp4", 5), Size(128, 96), "painted"))
    seen = [next(frames) for _ in range(10)]

    assert [frame is None for frame in seen] == [True, False, False, False, False] * 2
    assert [frame.seq for frame in seen if frame is not None] == list(range(8))


def test_a_film_of_one_frame_is_refused(tmp_path: Path) -> None:
    frames = endless(Film(tiny_film(tmp_path / "film.mp4", 1), Size(128, 96), "painted"))

    with pytest.raises(SourceError, match="one frame"):
        list(zip(range(3), frames, strict=False))


def test_copies_told_apart_give_the_same_outputs() -> None:
    """The way a GPU is measured, run on the CPU's own memory."""
    image_NHWC = tiny.painted(tiny.RED, height=64, width=64)[np.newaxis]
    noted: dict[str, float] = {}

    outputs = BoundOnnx(tiny.tiny_graph(), device="cpu")(image_NHWC, noted.__setitem__)

    expected = OnnxSession(tiny.tiny_graph()).run(image_NHWC)
    np.testing.assert_array_equal(outputs.logits_NC, expected.logits_NC)
    np.testing.assert_array_equal(outputs.maps_NChw, expected.maps_NChw)
    assert list(noted) == ["copy in", "inference", "copy out"] and min(noted.values()) > 0


def test_this_machine_has_a_fingerprint_and_a_state() -> None:
    machine, now = fingerprint(), state()

    assert machine.cores >= 1 and machine.numpy == np.__version__ and len(machine.cpu_flags) == 12 and machine.memory_mb > 100
    assert fingerprint() == machine and hash(machine) == hash(fingerprint())
    assert now.threads >= 1 and now.load >= 0


def test_the_hottest_zone_counts_and_a_zone_that_is_off_does_not(tmp_path: Path) -> None:
    for i, text in enumerate(("41500", "67250", "-256000", "no")):
        (tmp_path / f"thermal_zone{i}").mkdir()
        (tmp_path / f"thermal_zone{i}" / "temp").write_text(text)

    assert _temperature_c(tmp_path) == 67.25 and _temperature_c(tmp_path / "none") is None


def test_a_busy_machine_and_throttling_are_remarked() -> None:
    hot = State(load=3.0, threads=4, clock_mhz=800, temperature_c=95.0, throttled=7)

    assert remarks_on(QUIET, QUIET, cores=4) == ()
    assert any("throttled 7 times" in remark for remark in remarks_on(QUIET, hot, cores=4))
    assert any("busy" in remark for remark in remarks_on(hot, hot, cores=4))


@pytest.mark.parametrize(
    ("line", "gpu"),
    [
        ("1410, 41, 0x0000000000000000", {"gpu_clock_mhz": 1410, "gpu_temperature_c": 41.0, "gpu_slowed_by": ""}),
        ("975, 83, 0x0000000000000024\n", {"gpu_clock_mhz": 975, "gpu_temperature_c": 83.0, "gpu_slowed_by": "power cap, heat"}),
        ("210, 35, 0x0000000000000001", {"gpu_clock_mhz": 210, "gpu_temperature_c": 35.0, "gpu_slowed_by": ""}),  # idle
        ("[N/A], [N/A], [N/A]", {"gpu_clock_mhz": None, "gpu_temperature_c": None, "gpu_slowed_by": None}),  # a Jetson's nvidia-smi
        ("", {}),
        ("NVIDIA-SMI has failed", {}),
    ],
)
def test_a_gpus_clock_heat_and_what_holds_it_down_are_read(line: str, gpu: dict[str, object]) -> None:
    assert gpu_state_from_smi(line) == gpu


def test_the_clock_of_a_jetsons_gpu_is_found_among_the_frequency_devices(tmp_path: Path) -> None:
    for name, text in (("17000000.gpu", "1020000000"), ("bwmgr", "3199000000"), ("15340000.vic", "601600000")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "cur_freq").write_text(text)

    assert gpu_clock_mhz(tmp_path) == 1020 and gpu_clock_mhz(tmp_path / "none") is None
    (tmp_path / "17000000.gpu").rename(tmp_path / "17000000.gv11b")
    assert gpu_clock_mhz(tmp_path) == 1020


def test_a_gpu_that_was_held_down_is_remarked() -> None:
    slowed = msgspec.structs.replace(QUIET, gpu_clock_mhz=975, gpu_slowed_by="heat")

    assert any("held down in the end: heat" in remark for remark in remarks_on(QUIET, slowed, cores=4))
    assert remarks_on(slowed, msgspec.structs.replace(slowed, gpu_slowed_by=""), cores=4) == ()


def test_heat_and_throttling_over_a_long_run_are_figures() -> None:
    hot = [
        msgspec.structs.replace(QUIET, temperature_c=c, clock_mhz=mhz, throttled=t)
        for c, mhz, t in ((45, 2000, 3), (92, 1400, 3), (88, 1500, 9))
    ]

    assert moved(hot) == {
        "start_temperature_c": 45, "max_temperature_c": 92, "min_clock_mhz": 1400, "max_clock_mhz": 2000, "throttled": 6,
    }  # fmt: skip
    assert moved([msgspec.structs.replace(QUIET, temperature_c=None, clock_mhz=None, throttled=None)]) == {}


def test_what_grows_slower_over_the_minutes_is_seen(
    sleepy: Callable[[float], tuple[Subject, SleepySession]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three minutes of made-up results, 40 % slower in the last; how they are measured is tested with the verbs."""
    at_s = [i / 5 for i in range(900)]
    played = LiveTimes(tuple(14.0 if at >= 120 else 10.0 for at in at_s), tuple(at_s), 5, LiveAccounting(900, 900, {}, 0), 180.0, 90.0)
    monkeypatch.setattr("benchmarks.latency.play_live", lambda *given, **more: played)
    (subject, _), bench = sleepy(0.01), Bench(out=None, verb="latency", bundle=None)

    sustained(bench, subject, Film(tmp_path / "film.mp4", Size(128, 96), "painted"), seconds=180.0, fps=5)

    (item,) = bench.records
    assert item.rounds == (10.0, 10.0, 14.0) and item.figures["slower_at_the_end"] == pytest.approx(0.4)
    assert (item.figures["first_minute_p99_ms"], item.figures["last_minute_p99_ms"], item.figures["cores_busy"]) == (10.0, 14.0, 0.5)
    assert any("slower by 40 % in the last minute" in remark for remark in remarks(item))
    assert any("unstable" in remark for remark in remarks(item))


@pytest.mark.parametrize(
    ("line", "watts"),
    [
        ("RAM 3172/7620MB CPU [3%@1510,0%@1510] tj@49.5C VDD_IN 4863mW/4790mW VDD_CPU_GPU_CV 524mW/520mW", 4.863),  # Orin Nano, JetPack 6
        ("RAM 2449/15692MB GPU 0mW/0mW CPU 465mW/465mW SYS5V 2248mW/2248mW", 2.248),  # Xavier
        ("RAM 1000/3964MB POM_5V_IN 2081/2081 POM_5V_GPU 40/40", 2.081),  # Nano, no units
        ("RAM 1000/3964MB CPU [1%@102]", None),
    ],
)
def test_the_input_rail_is_read_from_tegrastats(line: str, watts: float | None) -> None:
    assert watts_from_tegrastats(line) == watts


def test_power_that_is_not_told_is_none() -> None:
    assert watts_from_nvidia_smi("61.35\n") == 61.35 and watts_from_nvidia_smi("[N/A]\n") is None


def test_energy_is_mean_power_times_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that prints what tegrastats prints, in a process of its own."""
    program = tmp_path / "tegrastats"
    program.write_text("#!/bin/sh\nwhile :; do echo 'RAM 1/2MB VDD_IN 4000mW/4000mW'; echo 'VDD_IN 6000mW/5000mW'; sleep 0.02; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    with PowerMeter() as meter:
        time.sleep(0.3)
        until(lambda: len(meter._watts) > 3)

    assert meter.energy is not None and meter.energy.readings >= 2 and "tegrastats" in meter.energy.covers
    assert meter.energy.mean_w == pytest.approx(5.0, abs=0.5)
    assert meter.energy.joules == pytest.approx(meter.energy.mean_w * meter.energy.seconds)


def test_the_frames_of_the_warm_up_are_not_counted() -> None:
    first = LiveAccounting(30, 25, {"superseded": 3}, 2)
    now = LiveAccounting(130, 120, {"superseded": 8, "paused": 1}, 1)

    assert since(first, now) == LiveAccounting(100, 95, {"superseded": 5, "paused": 1}, -1) and since(first, now).balanced
