"""Real TensorRT on a real GPU: build, load, run, compare with ONNX Runtime. Run with -m gpu."""

from pathlib import Path

import numpy as np
import pytest

import tiny
from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.preprocess import prepare
from edge_sdk.runtime import engine_options
from edge_sdk.runtime.cuda import CudaPython, PyCuda
from edge_sdk.runtime.engine_cache import EngineCache
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.engine_plan import plan_for
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.runtime.tensorrt import TensorRtSession, session_from_onnx

pytestmark = pytest.mark.gpu

# The kit that carries TensorRT to a bare GPU machine has no cuBLAS and no cuDNN; a robot's has both.
OPTIONS = EngineOptions("fp32", disabled_tactics=("CUBLAS", "CUBLAS_LT", "CUDNN"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gpu") / "engines"


@pytest.mark.parametrize("cuda_graph", [True, False])
def test_a_real_engine_says_what_onnx_runtime_says(folder: Path, cuda_graph: bool) -> None:
    plan = plan_for(tiny.tiny_graph(), OPTIONS, cache=EngineCache(folder), say=print)
    session = TensorRtSession(plan.data, precision="fp32", cuda_graph=cuda_graph)
    reference = OnnxSession(tiny.tiny_graph(), threads=1)
    print(session.provider, "CUDA graph:", session.cuda_graph, session.cuda_graph_reason)

    for num in (1, 2, 8, 19):
        images = np.random.default_rng(num).integers(0, 256, (num, 64, 64, 3), dtype=np.uint8)
        found, wanted = session.run(images), reference.run(images)
        np.testing.assert_allclose(found.logits_NC, wanted.logits_NC, atol=2e-3)
        np.testing.assert_allclose(found.maps_NChw, wanted.maps_NChw, atol=2e-3)
    session.close()


def test_a_painted_frame_gets_its_scores_and_the_engine_comes_from_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_options, "EngineOptions", lambda precision: OPTIONS)
    said = list[str]()
    for _ in range(2):
        said.clear()
        session = session_from_onnx(tiny.tiny_graph(), precision="fp32", cache_dir=folder, say=said.append)
        image = tiny.painted(tiny.GREEN)
        scores = scores_from_logits(session.run(prepare(image, tiny.SPEC)[np.newaxis]).logits_NC[0])
        np.testing.assert_allclose(scores, tiny.expected_scores(image), atol=2e-3)
        session.close()
    assert not said


@pytest.mark.parametrize("opened", [PyCuda, CudaPython])
def test_both_cuda_libraries_copy_there_and_back(opened: type[PyCuda] | type[CudaPython]) -> None:
    try:
        cuda = opened()
    except ImportError:
        pytest.skip(f"{opened.library} is not installed")
    source, target = cuda.host_array((64, 64, 3), np.uint8), cuda.host_array((64, 64, 3), np.uint8)
    source[:], target[:] = np.random.default_rng(0).integers(0, 256, source.shape), 0
    address, event = cuda.device_buffer(source.nbytes), cuda.event()
    cuda.copy_to_device(address, source)
    cuda.copy_to_host(target, address)
    cuda.record(event)
    cuda.wait(event)
    np.testing.assert_array_equal(target, source)
    del source, target
    cuda.close()
