"""OpenVINO, the real one: it says what onnxruntime says, from several threads at once, and what it cannot do is one line."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import INTERFACE_VERSION, METADATA_CLASSES_DIGEST, METADATA_INTERFACE
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.cores import usable_cores
from edge_sdk.errors import ContractError, CorruptBundleError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime import links as links_module
from edge_sdk.runtime import openvino as openvino_module
from edge_sdk.runtime.links import LINKS
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.runtime.openvino import MAX_STREAMS, OpenVinoSession

ROOT = Path(__file__).parents[2]
NUM_CALLERS, NUM_RUNS = 4, 25
pytestmark = pytest.mark.skipif(LINKS["openvino"].missing() is not None, reason="OpenVINO is optional, and for x86 processors")


def images(num: int, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (num, 64, 64, 3), np.uint8)


@pytest.mark.parametrize("threads", [None, 1, 2])
@pytest.mark.parametrize("num", [1, 2, 5])
def test_it_says_what_onnxruntime_says(num: int, threads: int | None) -> None:
    expected = OnnxSession(tiny.tiny_graph(), threads=1).run(images(num))
    session = OpenVinoSession(tiny.tiny_graph(), threads=threads)

    found = session.run(images(num))

    np.testing.assert_allclose(found.logits_NC, expected.logits_NC, atol=1e-4)
    np.testing.assert_allclose(found.maps_NChw, expected.maps_NChw, atol=1e-4)
    assert (session.provider.split()[0], session.precision, session.threads) == ("OpenVINO", "fp32", threads or usable_cores())


@pytest.mark.parametrize("threads", [None, 1])
def test_weights_that_are_stored_as_int8_are_those_of_a_float32_graph(threads: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the default bundle's: left to itself OpenVINO is off by 0.002, and from three streams on by all there is."""
    monkeypatch.setattr(openvino_module, "usable_cores", lambda: 4)
    bundle = Bundle.open()
    graph, spec = bundle.manifest.graph("fp32"), bundle.manifest.preprocess
    noise_NHWC = np.random.default_rng(0).integers(0, 256, (2, spec.height, spec.width, 3), np.uint8)
    assert graph.stored_as == "int8"

    found = OpenVinoSession(bundle.read(graph.file), threads=threads).run(noise_NHWC)

    expected = OnnxSession(bundle.read(graph.file), threads=1).run(noise_NHWC)
    np.testing.assert_allclose(found.logits_NC, expected.logits_NC, atol=5e-4)
    np.testing.assert_allclose(found.maps_NChw, expected.maps_NChw, atol=5e-3)


def test_one_session_takes_batches_of_any_size_in_turn() -> None:
    one, several = OpenVinoSession(tiny.tiny_graph(), threads=1), images(7)
    singly = np.concatenate([one.run(several[i : i + 1]).logits_NC for i in range(7)])

    for num in (7, 1, 3, 7):
        np.testing.assert_allclose(one.run(several[:num]).logits_NC, singly[:num], atol=1e-5)


def test_several_threads_at_once_get_what_one_alone_gets() -> None:
    each = [images(1 + i % 2, seed=i) for i in range(NUM_RUNS)]
    session = OpenVinoSession(tiny.tiny_graph(), threads=1)
    expected = [session.run(images_NHWC) for images_NHWC in each]
    together = Barrier(NUM_CALLERS)

    def work(_: int) -> None:
        together.wait(60)
        for images_NHWC, outputs in zip(each, expected, strict=True):
            found = session.run(images_NHWC)
            np.testing.assert_array_equal(found.logits_NC, outputs.logits_NC)
            np.testing.assert_array_equal(found.maps_NChw, outputs.maps_NChw)

    with ThreadPoolExecutor(NUM_CALLERS) as pool:
        list(pool.map(work, range(NUM_CALLERS)))
    assert 1 <= len(session._idle) <= NUM_CALLERS, "requests are used again"


def test_outputs_are_the_callers_own() -> None:
    session = OpenVinoSession(tiny.tiny_graph(), threads=1)
    first = session.run(images(2))
    kept = first.logits_NC.copy(), first.maps_NChw.copy()

    session.run(images(2, seed=9))
    first.logits_NC[0] += 1.0

    np.testing.assert_array_equal(first.logits_NC[1], kept[0][1])
    np.testing.assert_array_equal(first.maps_NChw, kept[1])
    np.testing.assert_array_equal(session.run(images(2)).logits_NC, kept[0])


def test_images_that_may_not_be_written_or_lie_apart_are_taken() -> None:
    session, whole = OpenVinoSession(tiny.tiny_graph(), threads=1), images(4)
    expected = session.run(whole.copy()).logits_NC
    whole.flags.writeable = False

    np.testing.assert_array_equal(session.run(whole).logits_NC, expected)
    np.testing.assert_array_equal(session.run(whole[::2]).logits_NC, expected[::2])


def test_with_one_thread_there_is_a_stream_for_each_caller_and_else_one() -> None:
    shared, alone = OpenVinoSession(tiny.tiny_graph(), threads=1), OpenVinoSession(tiny.tiny_graph(), threads=2)

    streams = min(usable_cores(), MAX_STREAMS)
    assert [shared._compiled.get_property(name) for name in ("NUM_STREAMS", "INFERENCE_NUM_THREADS")] == [streams, streams]
    assert alone._compiled.get_property("NUM_STREAMS") == 1 and alone._compiled.get_property("INFERENCE_NUM_THREADS") <= 2


def test_streams_are_as_many_as_workers_by_default() -> None:
    from edge_sdk.throughput import MAX_WORKERS

    assert MAX_STREAMS == MAX_WORKERS


def test_it_computes_in_float32_on_the_cpu_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = OpenVinoSession(tiny.tiny_graph())._compiled
    assert compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"
    assert compiled.get_property("EXECUTION_DEVICES") == ["CPU"]

    binding = openvino_module._binding()

    class InBfloat16:
        """The real core, which computes in bfloat16 whatever it is asked for."""

        read_model = binding.Core().read_model

        def compile_model(self, model: Any, device: str, options: dict[str, Any]) -> Any:
            told = {"EXECUTION_DEVICES": ["CPU"], "INFERENCE_PRECISION_HINT": SimpleNamespace(get_type_name=lambda: "bf16")}
            return SimpleNamespace(get_property=told.__getitem__)

    monkeypatch.setattr(openvino_module, "_binding", lambda: SimpleNamespace(Core=InBfloat16, get_version=binding.get_version))
    with pytest.raises(RuntimeUnavailableError, match="asked OpenVINO for CPU and f32, got CPU and bf16"):
        OpenVinoSession(tiny.tiny_graph())


@pytest.mark.parametrize(
    ("model", "error", "words"),
    [
        (b"no model", RuntimeUnavailableError, "cannot load the model: Unable to read"),
        (b"", RuntimeUnavailableError, "cannot load the model"),
        (tiny.tiny_graph()[:-40], RuntimeUnavailableError, "cannot load the model: Error during import"),
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
    ids=["garbage", "empty", "cut short", "other names", "no metadata", "other interface", "other classes"],
)
def test_a_graph_of_another_contract_is_refused(model: bytes, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words) as caught:
        OpenVinoSession(model)
    assert "\n" not in str(caught.value) and "Exception from" not in str(caught.value)


@pytest.mark.parametrize("where", ["beside the process", "by its whole path"])
def test_weights_in_another_file_are_not_read(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would come from outside the signature, and OpenVINO itself reads them."""
    model = onnx.load_from_string(tiny.tiny_graph())
    for tensor in model.graph.initializer:
        onnx.external_data_helper.set_external_data(tensor, "w.bin")
    onnx.save(model, tmp_path / "external.onnx")
    if where == "by its whole path":
        model = onnx.load(tmp_path / "external.onnx", load_external_data=False)
        for entry in (entry for tensor in model.graph.initializer for entry in tensor.external_data if entry.key == "location"):
            entry.value = str(tmp_path / "w.bin")
    else:
        model = onnx.load(tmp_path / "external.onnx", load_external_data=False)
        monkeypatch.chdir(tmp_path)
    assert (tmp_path / "w.bin").is_file()

    with pytest.raises(RuntimeUnavailableError, match="keeps weights in other files"):
        OpenVinoSession(model.SerializeToString())


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1, 10, 10, 3), np.uint8), ((0, 64, 64, 3), np.uint8), ((1, 64, 64, 3), np.float32)], ids=["size", "none", "type"]
)
def test_images_it_does_not_take_are_our_error_and_the_next_are_taken(shape: tuple[int, ...], dtype: type) -> None:
    session = OpenVinoSession(tiny.tiny_graph(), threads=1)

    with pytest.raises(InferenceError, match="OpenVINO failed on a batch of shape") as caught:
        session.run(np.zeros(shape, dtype))

    assert "\n" not in str(caught.value) and session.run(images(2)).logits_NC.shape == (2, 17)


def test_nan_from_the_graph_is_refused() -> None:
    with pytest.raises(InferenceError, match="NaN or infinity"):
        OpenVinoSession(tiny.tiny_graph(bias=float("nan")), threads=1).run(images(1))


def test_a_closed_session_runs_no_more() -> None:
    session = OpenVinoSession(tiny.tiny_graph(), threads=1)
    session.run(images(1))

    session.close()
    session.close()

    with pytest.raises(InferenceError, match="the session is closed"):
        session.run(images(1))
    assert not session._idle


def test_the_graphs_bytes_are_let_go_and_who_cannot_read_them_is_named() -> None:
    let_go: list[str] = []

    class Graph(bytes):
        def __del__(self) -> None:
            let_go.append("let go")

    OpenVinoSession(lambda: Graph(tiny.tiny_graph()), threads=1)
    assert let_go == ["let go"]

    def altered() -> bytes:
        raise CorruptBundleError("altered")

    with pytest.raises(CorruptBundleError, match="altered"):
        OpenVinoSession(altered)


ALONE = """
import sys
import numpy as np
from edge_sdk.runtime.openvino import OpenVinoSession
session = OpenVinoSession(open(sys.argv[1], "rb").read(), threads=1)
print(session.run(np.zeros((1, 64, 64, 3), np.uint8)).logits_NC.shape)
print(*{name.split(".")[0] for name in sys.modules}, *(name for name in sys.modules if name.startswith("openvino.t")))
"""


def in_a_process(code: str, folder: Path, *arguments: str) -> str:
    home = {"HOME": str(folder / "home"), "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": f"{folder}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env={**os.environ, **home}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def test_it_reports_to_nobody_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The package around it would: pip puts openvino-telemetry beside it, which is told of every import."""
    (tmp_path / "openvino_telemetry.py").write_text("raise SystemExit('it would have been told')")
    (tmp_path / "tiny.onnx").write_bytes(tiny.tiny_graph())

    shape, loaded = in_a_process(ALONE, tmp_path, str(tmp_path / "tiny.onnx")).splitlines()

    assert shape == "(1, 17)" and not set(loaded.split()) & {"openvino_telemetry", "openvino.tools", "absl", "onnxruntime"}
    assert {path.name for path in tmp_path.iterdir()} <= {"tiny.onnx", "openvino_telemetry.py", "__pycache__"}


def test_who_wants_the_whole_package_still_gets_it(tmp_path: Path) -> None:
    (tmp_path / "openvino_telemetry.py").write_text("raise ImportError")
    (tmp_path / "tiny.onnx").write_bytes(tiny.tiny_graph())
    after = "import openvino; print(openvino.Core().available_devices)\n" + ALONE.replace("import sys\n", "")

    said = in_a_process(ALONE + after, tmp_path, str(tmp_path / "tiny.onnx"))

    assert "'CPU'" in said and said.count("(1, 17)") == 2


def missing(monkeypatch: pytest.MonkeyPatch, how: Callable[[pytest.MonkeyPatch], None]) -> tuple[str, str]:
    how(monkeypatch)
    failure = links_module.LINKS["openvino"].missing()
    assert failure is not None and "\n" not in failure.detail
    return failure.stage, failure.reason


def test_where_it_is_not_it_is_absent_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing(monkeypatch, lambda m: m.setitem(sys.modules, "openvino", None)) == ("import", "not_installed")
    assert missing(monkeypatch, lambda m: m.setattr(platform, "machine", lambda: "aarch64")) == ("import", "provider_missing")


def test_a_build_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("raise SystemExit('the package is not run')")
    (tmp_path / "openvino" / "_pyopenvino.py").write_text("raise ImportError('libtbb.so.12: cannot open shared object file')")
    code = """
import sys
from edge_sdk.errors import RuntimeUnavailableError
from edge_sdk.runtime.openvino import version
try:
    version()
except RuntimeUnavailableError as error:
    print(error, "openvino" in sys.modules)
"""
    assert in_a_process(code, tmp_path) == "openvino cannot be imported: libtbb.so.12: cannot open shared object file False\n"


def test_who_imports_the_package_at_the_same_time_gets_the_whole_of_it(tmp_path: Path) -> None:
    """Nothing may stand in for it while its binding is loaded, and the binding must be loaded once."""
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("import meeting; meeting.user.set(); from openvino._pyopenvino import Core")
    (tmp_path / "openvino" / "_pyopenvino.py").write_text("import meeting; meeting.loaded()\nclass Core: pass\nget_version = lambda: '1-2'")
    (tmp_path / "meeting.py").write_text(
        "import threading, time\nloads, half, user = [], threading.Event(), threading.Event()\n"
        "def loaded():\n    loads.append(1); half.set(); user.wait(60); time.sleep(0.2)"
    )
    code = """
import threading
import meeting
from edge_sdk.runtime.openvino import version
found = []
def as_user():
    meeting.half.wait(60)
    import openvino
    found.append(openvino.Core.__name__)
threads = [threading.Thread(target=work) for work in (as_user, lambda: found.append(version()), lambda: found.append(version()))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(120)
print(*sorted(found), len(meeting.loads))
"""
    assert in_a_process(code, tmp_path) == "1 1 Core 1\n"
