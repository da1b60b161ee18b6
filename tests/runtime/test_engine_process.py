"""Real child processes; only TensorRT and CUDA in them are stand-ins."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import tiny
from camera.watching import children, is_dead, wait_for
from edge_sdk.errors import EngineError
from edge_sdk.runtime.engine import BuiltEngine
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.engine_process import DEFAULT_LIMITS, BuildLimits, engine_in_child
from runtime.standin_machine import Machine
from runtime.standin_tensorrt import head_of

FP16 = EngineOptions("fp16")


def failing(machine: Machine, limits: BuildLimits = DEFAULT_LIMITS, model: bytes | None = None, **faults: object) -> EngineError:
    machine(**faults)
    with pytest.raises(EngineError) as caught:
        engine_in_child(model or tiny.tiny_graph(), FP16, limits=limits)
    assert "\n" not in str(caught.value) and "Traceback" not in str(caught.value)
    return caught.value


def test_the_child_gives_back_plan_and_timings_and_says_what_it_does(machine: Machine) -> None:
    machine("11.4.0", build="chatter")
    said = list[str]()

    built = engine_in_child(tiny.tiny_graph(), FP16, timings=b"timing 11.4.0", say=said.append)

    assert isinstance(built, BuiltEngine) and built.plan.endswith(tiny.tiny_graph())
    assert (
        head_of(built.plan)["version"] == "11.4.0"
        and head_of(built.plan)["timings"] == "timing 11.4.0"
        and built.timings == b"timing 11.4.0"
    )
    assert [line.split(": ")[0] for line in said] == ["fp16 engine"] * 3 and said[-1].endswith("loaded and run once")


@pytest.mark.parametrize(("how", "death"), [("abort", "SIGABRT"), ("segv", "SIGSEGV")])
def test_a_native_crash_in_the_builder_is_our_error(machine: Machine, how: str, death: str) -> None:
    error = failing(machine, build=how)
    assert error.reason == "crashed" and f"ended by {death}" in str(error)
    assert how != "abort" or "nvinfer1::CudaDriverError" in str(error)


def test_a_build_that_hangs_is_ended(machine: Machine) -> None:
    error = failing(machine, BuildLimits(time_s=1.0), build="hang")
    assert error.reason == "timeout" and "not built in 1 s" in str(error)


def test_a_build_that_eats_memory_is_ended(machine: Machine) -> None:
    error = failing(machine, BuildLimits(memory_mb=400), build="hoard")
    assert error.reason == "memory" and "allowed are 400" in str(error)


def test_a_build_that_leaves_the_machine_no_memory_is_ended(machine: Machine) -> None:
    error = failing(machine, BuildLimits(reserve_mb=1 << 30), build="hang")
    assert error.reason == "memory" and "MB on this machine" in str(error)


@pytest.mark.parametrize(
    ("faults", "reason", "words"),
    [
        ({"parse": ["no importer for Gelu"]}, "parse", "cannot read the graph: no importer for Gelu"),
        ({"refuse": "Could not find any implementation"}, "build", "Could not find any implementation"),
        ({"plan_version": "9.9.9"}, "load", "expecting library version 10.16.1 got 9.9.9"),
        ({"nan_run": 1}, "warm_up", "NaN or infinity"),
        ({"build": "memory"}, "memory", "not enough memory"),
    ],
)
def test_the_childs_reason_comes_back(machine: Machine, faults: dict[str, object], reason: str, words: str) -> None:
    error = failing(machine, **faults)
    assert error.reason == reason and words in str(error)


def test_a_graph_of_another_contract_is_refused_in_the_child(machine: Machine) -> None:
    error = failing(machine, model=tiny.tiny_graph(metadata={}))
    assert error.reason == "contract" and "graph interface None" in str(error)


def test_a_file_that_is_no_graph_is_refused_in_the_child(machine: Machine) -> None:
    error = failing(machine, model=b"no model")
    assert error.reason == "build" and "cannot load the model" in str(error)


def test_a_build_nobody_wants_any_more_is_ended_and_leaves_no_process(machine: Machine) -> None:
    machine(build="hang")
    before, since = children(), time.monotonic()
    with pytest.raises(EngineError, match="stopped"):
        engine_in_child(tiny.tiny_graph(), FP16, stopped=lambda: time.monotonic() - since > 0.5)
    assert children() <= before


def test_ctrl_c_ends_the_child(machine: Machine) -> None:
    machine(build="hang")

    def say(line: str) -> None:
        raise KeyboardInterrupt

    before = children()
    with pytest.raises(KeyboardInterrupt):
        engine_in_child(tiny.tiny_graph(), FP16, say=say)
    assert children() <= before


def test_a_build_does_not_outlive_a_killed_parent(machine: Machine, tmp_path: Path) -> None:
    machine(build="hang")
    code = (
        "import sys; sys.path[:] = sys.argv[2].split(':')\n"
        "import tiny\n"
        "from edge_sdk.runtime.engine_process import *\n"
        "engine_in_child(tiny.tiny_graph(), EngineOptions('fp16'), say=lambda line: print(line, flush=True))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, "x", ":".join(sys.path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None and "this project's" in parent.stdout.readline()
    (child,) = children(of=parent.pid)

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()

    wait_for(lambda: is_dead(child), "the orphan's death")
