import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from edge_sdk.contract.preprocess import prepare
from edge_sdk.errors import EngineError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime import engine_plan
from edge_sdk.runtime.engine import engine_from_onnx
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.runtime.tensorrt import TensorRtSession, load_tensorrt, session_from_onnx
from runtime import standin_tensorrt
from runtime.standin_cuda import gpu
from runtime.standin_machine import Machine

VERSIONS = ["8.6.0", "10.16.1", "11.4.0"]
CUDAS = [("pycuda",), ("cuda.bindings",), ("pycuda", "cuda.bindings")]


def frames(num: int) -> Any:
    return np.random.default_rng(num).integers(0, 256, (num, 64, 64, 3), dtype=np.uint8)


def plan(model: bytes | None = None, **options: Any) -> bytes:
    return engine_from_onnx(model or tiny.tiny_graph(), EngineOptions("fp32", **options)).plan


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds in this process instead of a child, which `test_engine_process` covers."""
    monkeypatch.setattr(
        engine_plan, "engine_in_child", lambda onnx, options, *, timings, **rest: engine_from_onnx(onnx, options, timings=timings)
    )


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cuda", CUDAS, ids="+".join)
@pytest.mark.parametrize("cuda_graph", [True, False])
def test_outputs_are_those_of_onnx_runtime(machine: Machine, version: str, cuda: tuple[str, ...], cuda_graph: bool) -> None:
    machine(version, cuda=cuda)
    session = TensorRtSession(plan(), precision="fp32", cuda_graph=cuda_graph)
    reference = OnnxSession(tiny.tiny_graph(), threads=1)

    for num in (1, 3, 8, 21, 2):
        found, wanted = session.run(frames(num)), reference.run(frames(num))
        np.testing.assert_allclose(found.logits_NC, wanted.logits_NC, atol=1e-5)
        np.testing.assert_allclose(found.maps_NChw, wanted.maps_NChw, atol=1e-5)
        assert found.logits_NC.dtype == found.maps_NChw.dtype == np.float32
    assert session.cuda_graph == (cuda_graph and cuda != ("pycuda",))
    assert (session.provider, session.precision) == (f"TensorRT {version}", "fp32")
    session.close()


def test_a_painted_frame_gets_its_scores(machine: Machine) -> None:
    machine()
    session = TensorRtSession(plan(), precision="fp32")
    image = tiny.painted(tiny.RED, box=(16, 24, 64, 72))
    outputs = session.run(prepare(image, tiny.SPEC)[np.newaxis])
    np.testing.assert_allclose(1 / (1 + np.exp(-outputs.logits_NC[0])), tiny.expected_scores(image), atol=1e-5)
    session.close()


@pytest.mark.parametrize("num_slots", [1, 2, 3])
def test_the_ring_gives_each_frame_its_own_result(machine: Machine, num_slots: int) -> None:
    """Nothing on the stand-in's stream runs before somebody waits: a slot taken too early would show."""
    machine()
    session = TensorRtSession(plan(max_batch=2), precision="fp32", cuda_graph=False, num_slots=num_slots)
    wanted = OnnxSession(tiny.tiny_graph(), threads=1).run(frames(13))
    np.testing.assert_allclose(session.run(frames(13)).logits_NC, wanted.logits_NC, atol=1e-5)
    session.close()


def test_a_graph_is_launched_once_for_each_frame_and_the_context_left_alone(machine: Machine) -> None:
    """The stand-in gives NaN where a context was changed after the capture, as the real one may give anything."""
    trt = machine()
    session = TensorRtSession(plan(), precision="fp32", cuda_graph=True)
    gpu.calls.clear()
    executed = trt.calls["execute"]
    session.run(frames(5))
    assert gpu.calls == ["cudaGraphLaunch"] * 5 and trt.calls["execute"] == executed
    session.close()


@pytest.mark.parametrize("cuda_graph", [True, False])
def test_batches_that_do_not_fill_the_profile_get_their_own_results(machine: Machine, cuda_graph: bool) -> None:
    machine()
    session = TensorRtSession(plan(min_batch=2, opt_batch=4), precision="fp32", cuda_graph=cuda_graph)
    reference = OnnxSession(tiny.tiny_graph(), threads=1)
    for num in (1, 4, 5, 11, 1):
        np.testing.assert_allclose(session.run(frames(num)).logits_NC, reference.run(frames(num)).logits_NC, atol=1e-5)
    session.close()


@pytest.mark.parametrize(
    ("gpu_fault", "faults", "words"),
    [
        ("begin", {}, "stream is capturing"),
        ("end", {}, "stream is capturing"),
        ("replay", {}, "replay differs from the plain run"),
        ("", {"capture": True}, "did not take the batch"),
    ],
)
def test_a_graph_that_fails_costs_the_graph_alone(machine: Machine, gpu_fault: str, faults: dict[str, Any], words: str) -> None:
    machine(gpu={"capture_fault": gpu_fault}, **faults)
    session = TensorRtSession(plan(), precision="fp32", cuda_graph=True)

    assert not session.cuda_graph and words in str(session.cuda_graph_reason)
    wanted = OnnxSession(tiny.tiny_graph(), threads=1).run(frames(9))
    np.testing.assert_allclose(session.run(frames(9)).logits_NC, wanted.logits_NC, atol=1e-5)
    session.close()


def test_why_there_is_no_graph_is_recorded(machine: Machine) -> None:
    machine(cuda=("pycuda",))
    session = TensorRtSession(plan(), precision="fp32")
    assert session.cuda_graph_reason == "pycuda cannot capture one; install cuda-python"
    session.close()


@pytest.mark.parametrize("cuda_graph", [True, False])
def test_nan_is_refused_and_the_session_goes_on(machine: Machine, cuda_graph: bool) -> None:
    machine(nan_run=16)
    session = TensorRtSession(plan(), precision="fp32", cuda_graph=cuda_graph)

    def refused() -> bool:
        try:
            session.run(frames(1))
        except InferenceError as error:
            assert "NaN or infinity" in str(error)
            return True
        return False

    assert sum(refused() for _ in range(12)) == 1
    session.close()


def test_a_model_that_only_gives_nan_does_not_serve(machine: Machine) -> None:
    machine()
    with pytest.raises(EngineError, match="fails its warm-up: the model returned NaN") as caught:
        TensorRtSession(plan(tiny.tiny_graph(bias=float("nan"))), precision="fp16")
    assert caught.value.reason == "warm_up"


@pytest.mark.parametrize(
    "images", [np.zeros((1, 10, 10, 3), np.uint8), np.zeros((1, 64, 64, 3), np.float32), np.zeros((64, 64, 3), np.uint8)]
)
def test_frames_of_another_shape_or_type_are_our_error(machine: Machine, images: Any) -> None:
    machine()
    session = TensorRtSession(plan(), precision="fp32")
    with pytest.raises(InferenceError, match="the engine takes uint8"):
        session.run(images)
    session.run(frames(1))
    session.close()


def test_an_illegal_access_on_the_device_is_our_error_and_the_session_still_closes(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine()
    session = TensorRtSession(plan(), precision="fp32")
    gpu.free(session._execution._address["image"])
    with pytest.raises(InferenceError, match=r"TensorRT 10\.16\.1 failed on a batch of shape \(1, 64, 64, 3\)"):
        session.run(frames(1))
    session.close()
    assert "did not close cleanly" in caplog.text


def test_a_gpu_that_hangs_is_given_up(machine: Machine) -> None:
    machine(slow_run=14)
    standin_tensorrt.let_go.clear()
    session = TensorRtSession(plan(), precision="fp32", run_timeout_s=0.2)
    with pytest.raises(InferenceError, match=r"no answer in 0\.2 s"):
        for _ in range(9):
            session.run(frames(1))
    session._run_timeout_s = 60.0
    standin_tensorrt.let_go.set()
    session.close()


def test_calls_may_come_from_any_thread(machine: Machine) -> None:
    machine(cuda=("pycuda",))
    session, found = TensorRtSession(plan(), precision="fp32"), dict[int, Any]()

    def run(num: int) -> None:
        found[num] = session.run(frames(num))

    threads = [threading.Thread(target=run, args=(num,)) for num in range(1, 7)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    reference = OnnxSession(tiny.tiny_graph(), threads=1)
    for num in range(1, 7):
        np.testing.assert_allclose(found[num].logits_NC, reference.run(frames(num)).logits_NC, atol=1e-5)
    session.close()


@pytest.mark.parametrize("cuda", CUDAS, ids="+".join)
def test_closing_gives_everything_back_and_twice_is_fine(machine: Machine, cuda: tuple[str, ...]) -> None:
    machine(cuda=cuda)
    before = threading.active_count()
    session = TensorRtSession(plan(), precision="fp32")
    assert gpu.memory and threading.active_count() == before + 1
    session.close()
    session.close()
    assert not gpu.memory and threading.active_count() == before
    with pytest.raises(InferenceError, match="closed"):
        session.run(frames(1))


@pytest.mark.parametrize(
    ("faults", "reason", "words"),
    [
        ({"context": "none"}, "memory", "no memory for the engine"),
        ({"plan_version": "8.6.1"}, "load", "expecting library version 10.16.1 got 8.6.1"),
        ({"shown_version": "10.2.0"}, "bad_version", "wrong engines"),
    ],
)
def test_an_engine_that_does_not_load_gives_everything_back(machine: Machine, faults: dict[str, Any], reason: str, words: str) -> None:
    machine()
    made = plan() if "plan_version" not in faults else plan().replace(b'"10.16.1"', b'"8.6.1"')
    for name in ("tensorrt", "pycuda", "pycuda.driver"):
        sys.modules.pop(name, None)
    machine(**faults)
    before = threading.active_count()
    with pytest.raises(EngineError, match=words) as caught:
        TensorRtSession(made, precision="fp32")
    assert caught.value.reason == reason and not gpu.memory and threading.active_count() == before


def test_an_engine_with_other_outputs_is_refused(machine: Machine) -> None:
    machine()
    with pytest.raises(EngineError, match=r"the engine's ends are .*scores"):
        TensorRtSession(plan(tiny.tiny_graph(names=("scores", "maps"))), precision="fp32")


# ---- session_from_onnx


def test_the_factory_builds_once_and_then_finds_the_engine(machine: Machine, in_process: None, tmp_path: Path) -> None:
    trt = machine()
    said = list[str]()
    for _ in range(2):
        session = session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines", say=said.append)
        assert session.run(frames(2)).logits_NC.shape == (2, 17)
        session.close()
    assert trt.calls["build"] == 1 and len(said) == 1 and "building a fp32 engine" in said[0]


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:50] + bytes([data[50] ^ 4]) + data[51:],
        lambda data: data.replace(b"10.16.1", b"11.4.0 "),
    ],
    ids=["empty", "cut", "bit flipped", "foreign"],
)
def test_an_engine_that_is_not_this_devices_is_never_deserialised(machine: Machine, in_process: None, tmp_path: Path, harm: Any) -> None:
    trt = machine()
    session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines").close()
    (path,) = (path for path in (tmp_path / "engines").glob("*.bin") if b"timing 10" not in path.read_bytes()[:20])
    path.write_bytes(harm(path.read_bytes()))
    seen = list[bytes]()
    real = trt.Runtime.deserialize_cuda_engine
    trt.Runtime.deserialize_cuda_engine = lambda self, data: (seen.append(bytes(data)), real(self, data))[1]

    session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines").close()

    assert trt.calls["build"] == 2 and len(seen) == 1 and b'"version": "10.16.1"' in seen[0]
    assert path.with_name(f"{path.name}.refused").exists()


def test_a_refused_engine_is_not_deserialised_even_where_none_can_be_built(machine: Machine, in_process: None, tmp_path: Path) -> None:
    trt = machine()
    session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines").close()
    for path in (tmp_path / "engines").glob("*.bin"):
        path.write_bytes(path.read_bytes()[:-1])
    trt.faults["refuse"] = "no"
    trt.calls.clear()

    with pytest.raises(RuntimeUnavailableError, match="no fp32 engine"):
        session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines")
    assert trt.calls["deserialize"] == 0


def test_an_engine_of_ours_that_tensorrt_refuses_is_put_aside_and_built_again(machine: Machine, in_process: None, tmp_path: Path) -> None:
    """The same version string from another build of TensorRT: the key cannot tell, deserialising does."""
    trt = machine(plan_version="10.16.1+other")
    with pytest.raises(RuntimeUnavailableError, match=r"got 10\.16\.1\+other"):
        session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines")
    del trt.faults["plan_version"]
    said = list[str]()

    session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines", say=said.append).close()

    assert trt.calls["build"] == 2 and "building it again" in said[0]
    assert list((tmp_path / "engines").glob("*.bin.refused"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"gpu": {"num_devices": 0}}, "no CUDA device"),
        ({"cuda": ()}, "no CUDA device"),
        ({"shown_version": "10.1.0"}, "wrong engines"),
        ({"refuse": "out of memory"}, "out of memory"),
        ({"parse": ["no importer"]}, "no importer"),
    ],
)
def test_whatever_fails_the_chain_gets_one_class_with_the_reason(
    machine: Machine, in_process: None, tmp_path: Path, settings: dict[str, Any], words: str
) -> None:
    machine(**settings)
    with pytest.raises(RuntimeUnavailableError, match=words) as caught:
        session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines")
    assert "\n" not in str(caught.value)


def test_a_precision_that_tensorrt_does_not_take_is_that_class_too(machine: Machine, tmp_path: Path) -> None:
    machine()
    with pytest.raises(RuntimeUnavailableError, match="int8-x86: TensorRT takes fp32, fp16, int8-trt"):
        session_from_onnx(tiny.tiny_graph(), precision="int8-x86", cache_dir=tmp_path / "engines")


def test_a_builder_that_crashes_leaves_this_process_alive(machine: Machine, tmp_path: Path) -> None:
    machine(build="segv")
    with pytest.raises(RuntimeUnavailableError, match="ended by SIGSEGV"):
        session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=tmp_path / "engines")


@pytest.mark.parametrize("error", ["ImportError('libnvinfer.so.10: cannot open')", "OSError('libcudart')", "AttributeError('np.bool')"])
def test_a_tensorrt_that_does_not_import_is_our_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: str) -> None:
    (tmp_path / "tensorrt.py").write_text(f"raise {error}\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "tensorrt", raising=False)
    with pytest.raises(EngineError, match=r"cannot be imported.*system-site-packages") as caught:
        load_tensorrt()
    assert caught.value.reason == "no_tensorrt"
