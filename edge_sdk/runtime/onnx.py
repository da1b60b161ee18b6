"""ONNX Runtime: the runtime that is there on every machine.

One provider per session, checked after creation: onnxruntime falls back to the CPU without an error (microsoft/onnxruntime#23372),
and a robot must know what it runs on. Its Python class would also do so at the n-th run, on stdout: that is switched off.
"""

import io
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge_sdk.contract.interface import INPUT, LOGITS, MAPS, Outputs
from edge_sdk.cores import usable_cores
from edge_sdk.errors import EdgeSdkError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime.graph_interface import check_graph
from edge_sdk.runtime.heap import returning_freed_memory
from edge_sdk.runtime.session import checked_outputs

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
NO_FOLDER = "/nonexistent"


class OnnxSession:
    """A graph on ONNX Runtime.

    Args:
        model: The bytes of a single-file ONNX graph with the contract's interface, or what reads them: then nobody holds them once
            they are parsed, and the peak of memory is lower by their size.
        precision: The graph's precision, for the record.
        threads: Threads inside one run; None or 0 takes every core this process may use (onnxruntime would take
            the machine's, and run three times as long where it is pinned to fewer).
        provider: The one execution provider to use.
        spinning: Whether idle threads spin until there is work. On cores of their own the answers come a little sooner; beside a decoder
            or a second program the threads wait for each other: ResNet-18 on four busy cores took 34 ms and 86 core-ms a frame with
            it, 12 and 23 without.

    Raises:
        RuntimeUnavailableError: If the session cannot be created or runs on another provider than asked for.
        ContractError: If the graph's interface or class list is not this SDK's.
    """

    def __init__(
        self,
        model: bytes | Callable[[], bytes],
        *,
        precision: str = "fp32",
        threads: int | None = None,
        provider: str = CPU,
        spinning: bool = False,
    ) -> None:
        self.precision, self.threads = precision, threads or usable_cores()
        if provider == CUDA:
            _preload_cuda()
        read = (lambda: model) if isinstance(model, bytes) else model
        try:
            with returning_freed_memory():
                self._session: Any = _loaded(read, _options(self.threads, spinning, provider), provider)
        except EdgeSdkError:  # of who reads the bytes
            raise
        except Exception as error:  # onnxruntime raises a dozen classes of its own for a model it cannot load
            raise RuntimeUnavailableError(f"onnxruntime {ort.__version__} cannot load the model: {_first_line(error)}") from error
        self.provider = str(self._session.get_providers()[0])
        if self.provider != provider:
            raise RuntimeUnavailableError(f"asked onnxruntime for {provider}, got {self.provider}; install the build that has it")
        _check_interface(self._session)

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the graph; see `Session.run`."""
        try:
            assert self._session is not None, "the session is closed"
            logits_NC, maps_NChw = self._session.run([LOGITS, MAPS], {INPUT: images_NHWC}, None)
        except Exception as error:  # as above; a failed run must not end the inspection with a traceback
            raise InferenceError(f"onnxruntime failed on a batch of shape {images_NHWC.shape}: {_first_line(error)}") from error
        return checked_outputs(logits_NC, maps_NChw, len(images_NHWC))

    def close(self) -> None:
        """Free the session; further runs are an error."""
        self._session = None


def _preload_cuda() -> None:
    """Load CUDA and cuDNN from where pip puts them: the loader does not look there by itself. What fails here, creation tells better."""
    if hasattr(ort, "preload_dlls"):
        with redirect_stdout(io.StringIO()):  # it prints its failures
            ort.preload_dlls()


def _loaded(read: Callable[[], bytes], options: ort.SessionOptions, provider: str) -> Any:
    """A session, whose graph's bytes are let go as soon as they are parsed.

    `ort.InferenceSession` holds them while it prepares the graph, and for as long as it lives, to make itself anew on another provider:
    45 MB of a ResNet-18. Its own two steps, taken one by one, hold them for the first alone. A version of onnxruntime that has other
    steps costs memory and nothing else.
    """
    native = _native_session() if provider == CPU else None
    with suppress(TypeError, AttributeError):
        if native is not None:
            session = native(options, read(), False, False)  # bytes, not a path; no settings out of the graph
            session.initialize_session([provider], [{}], set())
            return session
    session = ort.InferenceSession(read(), options, providers=[provider], enable_fallback=0)
    session._model_bytes = None
    return session


def _native_session() -> Any:
    """What `ort.InferenceSession` itself is made of, if it is where and what it was from 1.23 to 1.31."""
    try:
        from onnxruntime.capi._pybind_state import InferenceSession
    except ImportError:
        return None
    parts = ("initialize_session", "get_providers", "inputs_meta", "outputs_meta", "model_meta", "run")
    return InferenceSession if all(hasattr(InferenceSession, part) for part in parts) else None


def _described(session: Any) -> tuple[list[Any], dict[str, str]]:
    """Inputs and outputs, and the graph's metadata."""
    if hasattr(session, "get_modelmeta"):
        return [*session.get_inputs(), *session.get_outputs()], session.get_modelmeta().custom_metadata_map
    return [*session.inputs_meta, *session.outputs_meta], session.model_meta.custom_metadata_map


def _options(threads: int, spinning: bool, provider: str) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # A plan lays a run's intermediate results in one block; several runs at once need 5-8 MB more so, and none is quicker for it.
    options.enable_mem_pattern = provider != CPU
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    # A graph that keeps weights in other files would read them from outside the signature: let it find none.
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", NO_FOLDER)
    options.log_severity_level = 3
    return options


def _check_interface(session: Any) -> None:
    ends, metadata = _described(session)
    check_graph({end.name: (_numpy_name(end.type), len(end.shape)) for end in ends}, metadata)


def _numpy_name(onnx_type: str) -> str:
    name = onnx_type.removeprefix("tensor(").removesuffix(")")
    return "float32" if name == "float" else name


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
