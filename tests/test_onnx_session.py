import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

import tiny
from edge_sdk.contract.interface import INTERFACE_VERSION, METADATA_CLASSES_DIGEST, METADATA_INTERFACE, scores_from_logits
from edge_sdk.contract.preprocess import prepare
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import ContractError, CorruptBundleError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime import onnx as onnx_module
from edge_sdk.runtime.onnx import CPU, OnnxSession


def test_scores_and_maps_are_what_the_graph_says() -> None:
    session = OnnxSession(tiny.tiny_graph(), threads=1)
    image = tiny.painted(tiny.RED, box=(16, 24, 64, 72))

    outputs = session.run(np.stack([prepare(image, tiny.SPEC)] * 3))

    assert outputs.logits_NC.shape == (3, 17) and outputs.maps_NChw.shape == (3, 17, 8, 8)
    np.testing.assert_allclose(scores_from_logits(outputs.logits_NC[1]), tiny.expected_scores(image), atol=1e-5)
    assert (session.provider, session.precision, session.threads) == (CPU, "fp32", 1)


def test_a_runtime_that_silently_falls_back_to_the_cpu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ort.InferenceSession
    monkeypatch.setattr(ort, "InferenceSession", lambda model, options, providers, **rest: real(model, options, providers=[CPU]))

    with pytest.raises(RuntimeUnavailableError, match="asked onnxruntime for CUDAExecutionProvider, got CPUExecutionProvider"):
        OnnxSession(tiny.tiny_graph(), provider="CUDAExecutionProvider")


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (b"no model", RuntimeUnavailableError, "cannot load the model"),
        (b"", RuntimeUnavailableError, "cannot load the model"),
        (tiny.tiny_graph(names=("scores", "maps")), ContractError, "interface"),
        (tiny.tiny_graph(metadata={}), ContractError, "graph interface None"),
        (
            tiny.tiny_graph(metadata={METADATA_INTERFACE: "99", METADATA_CLASSES_DIGEST: taxonomy().digest}),
            ContractError,
            "graph interface 99",
        ),
        (
            tiny.tiny_graph(metadata={METADATA_INTERFACE: str(INTERFACE_VERSION), METADATA_CLASSES_DIGEST: "f" * 64}),
            ContractError,
            "another class list",
        ),
    ],
    ids=["garbage", "empty", "other names", "no metadata", "other interface", "other classes"],
)
def test_a_graph_of_another_contract_is_refused(model: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        OnnxSession(model)
    assert "\n" not in str(caught.value)


def test_a_frame_of_another_size_is_our_error() -> None:
    with pytest.raises(InferenceError, match="failed on a batch of shape"):
        OnnxSession(tiny.tiny_graph(), threads=1).run(np.zeros((1, 10, 10, 3), np.uint8))


def test_nan_from_the_graph_is_refused() -> None:
    with pytest.raises(InferenceError, match="NaN or infinity"):
        OnnxSession(tiny.tiny_graph(bias=float("nan")), threads=1).run(np.zeros((1, 64, 64, 3), np.uint8))


def test_weights_beside_the_graph_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would come from outside the signature."""
    model = onnx.load_from_string(tiny.tiny_graph())
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, "w.bin")
    onnx.save(model, tmp_path / "external.onnx")
    monkeypatch.chdir(tmp_path)
    assert (tmp_path / "w.bin").is_file()

    with pytest.raises(RuntimeUnavailableError, match="cannot load the model"):
        OnnxSession((tmp_path / "external.onnx").read_bytes())


def test_onnxruntime_reports_to_nobody_and_leaves_nothing_in_the_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "tiny.onnx").write_bytes(tiny.tiny_graph())
    code = (
        "import sys, numpy as np\n"
        "from edge_sdk.runtime.onnx import OnnxSession\n"
        "session = OnnxSession(open(sys.argv[1], 'rb').read(), threads=1)\n"
        "session.run(np.zeros((1, 64, 64, 3), np.uint8))\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}

    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tiny.onnx")],
        check=True,
        cwd=Path(__file__).parents[1],
        env={**environment, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path / "home")},
    )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.onnx"]


@pytest.mark.parametrize(("asked", "spins"), [({}, "0"), ({"spinning": True}, "1")])
def test_idle_threads_leave_the_cores_to_others_unless_asked_to_spin(asked: dict[str, bool], spins: str) -> None:
    session = OnnxSession(tiny.tiny_graph(), threads=2, **asked)

    assert session._session.session_options.get_session_config_entry("session.intra_op.allow_spinning") == spins


@pytest.mark.parametrize("native", [True, False], ids=["its own steps", "its wrapper"])
def test_the_graphs_bytes_are_let_go_once_it_is_loaded(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go: list[str] = []

    class Graph(bytes):
        def __del__(self) -> None:
            let_go.append("let go")

    if not native:
        monkeypatch.setattr(onnx_module, "_native_session", lambda: None)

    session = OnnxSession(lambda: Graph(tiny.tiny_graph()), threads=1)

    assert let_go == ["let go"] and session.provider == CPU


@pytest.mark.parametrize("native", [None, lambda *arguments: (), object], ids=["absent", "other arguments", "other steps"])
def test_another_onnxruntime_loads_the_graph_in_its_own_way(native: object, monkeypatch: pytest.MonkeyPatch) -> None:
    images_NHWC = np.stack([prepare(tiny.painted(tiny.RED), tiny.SPEC)])
    expected = OnnxSession(tiny.tiny_graph(), threads=1).run(images_NHWC)
    monkeypatch.setattr(onnx_module, "_native_session", lambda: native)

    session = OnnxSession(tiny.tiny_graph(), threads=1)

    assert isinstance(session._session, ort.InferenceSession) and (session.provider, session.threads) == (CPU, 1)
    np.testing.assert_array_equal(session.run(images_NHWC).logits_NC, expected.logits_NC)
    with pytest.raises(ContractError, match="graph interface None"):
        OnnxSession(tiny.tiny_graph(metadata={}), threads=1)


def test_a_graph_that_cannot_be_read_is_not_blamed_on_onnxruntime() -> None:
    def read_onnx() -> bytes:
        raise CorruptBundleError("altered")

    with pytest.raises(CorruptBundleError, match="altered"):
        OnnxSession(read_onnx)
