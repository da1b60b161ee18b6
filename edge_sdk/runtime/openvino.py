"""OpenVINO: the quickest runtime on x86 processors, where it is installed; on their CPU alone.

It computes in float32 wherever the graph does: left to itself it takes bfloat16 on processors that have it, whose scores are others. Its
own compiled module is all that is loaded: the Python package around it costs 11 MB and 0.1 s, and reports its import over the network.
A process that was forked from one with a session has none of its threads and must load its own.
"""

import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import LOGITS, MAPS, METADATA_CLASSES_DIGEST, METADATA_INTERFACE, Outputs
from edge_sdk.cores import usable_cores
from edge_sdk.errors import EdgeSdkError, InferenceError, RuntimeUnavailableError
from edge_sdk.runtime.failure import one_line
from edge_sdk.runtime.graph_interface import check_graph
from edge_sdk.runtime.heap import returning_freed_memory
from edge_sdk.runtime.session import checked_outputs

MAX_STREAMS = 8  # as many as mode `throughput` has workers by default; each has the intermediate results of a run of its own
BINDING = "openvino._pyopenvino"
UNPACKING = ("Convert", "Subtract", "Multiply")  # with which a graph makes float32 of the numbers it stores
EXTERNAL = b"\n\x08location"  # the key with which a tensor of an ONNX file names the other file that holds its numbers


class OpenVinoSession:
    """A graph on OpenVINO's CPU plugin; `run` may be called from several threads at once.

    Args:
        model: The bytes of a single-file ONNX graph with the contract's interface, or what reads them: then nobody holds them once
            they are parsed.
        precision: The graph's precision, for the record.
        threads: Threads inside one run; None or 0 takes every core this process may use. With one thread there is a stream for each of
            these cores (eight at most): so many callers are served side by side, from one copy of the weights.

    Raises:
        RuntimeUnavailableError: If OpenVINO cannot be loaded, cannot load the graph, or would compute in another precision.
        ContractError: If the graph's interface or class list is not this SDK's.
    """

    def __init__(self, model: bytes | Callable[[], bytes], *, precision: str = "fp32", threads: int | None = None) -> None:
        self.precision, self.threads = precision, threads or usable_cores()
        self._streams = min(usable_cores(), MAX_STREAMS) if self.threads == 1 else 1
        self._openvino = _binding()
        self.provider = f"OpenVINO {version()}"
        read = (lambda: model) if isinstance(model, bytes) else model
        try:
            with returning_freed_memory():
                self._compiled: Any = _compile(self._openvino, read, streams=self._streams, threads=self._streams * self.threads)
        except EdgeSdkError:  # of who reads the bytes, or ours
            raise
        except Exception as error:  # its errors are RuntimeError, but for those of its Python layer
            raise RuntimeUnavailableError(f"{self.provider} cannot load the model: {_reason(error)}") from error
        names = [_name(output) for output in self._compiled.outputs]
        self._logits, self._maps = names.index(LOGITS), names.index(MAPS)
        self._idle: deque[Any] = deque()  # requests that nobody runs; one is made where there is none

    def run(self, images_NHWC: NDArray[np.uint8]) -> Outputs:
        """Run the graph; see `Session.run`."""
        try:
            outputs = self._run(np.require(images_NHWC, requirements=("C", "W")))  # what it takes without a copy
        except Exception as error:  # a failed run must not end the inspection with a traceback
            raise InferenceError(f"OpenVINO failed on a batch of shape {images_NHWC.shape}: {_reason(error)}") from error
        return checked_outputs(outputs[self._logits], outputs[self._maps], len(images_NHWC))

    def close(self) -> None:
        """Free the session; further runs are an error."""
        self._compiled = None
        self._idle.clear()

    def _run(self, images_NHWC: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """The outputs, copied: the request's own are overwritten by its next run. One that failed is not used again."""
        compiled = self._compiled
        assert compiled is not None, "the session is closed"
        request = None
        with suppress(IndexError):
            request = self._idle.pop()
        request = request or compiled.create_infer_request()
        outputs = request.infer(self._openvino.Tensor(images_NHWC, shared_memory=True), share_outputs=False, decode_strings=False)
        if self._compiled is not None:
            self._idle.append(request)
        return list(outputs.values())


def version() -> str:
    """OpenVINO's version, such as 2026.4.1.

    Raises:
        RuntimeUnavailableError: If it cannot be loaded.
    """
    return str(_binding().get_version()).partition("-")[0]


def _binding() -> Any:
    """The compiled module, found in the package's folder without running the package.

    Nothing stands in for the package meanwhile: another thread that imports it would be left with that.
    """
    try:
        return import_module(BINDING) if "openvino" in sys.modules else _alone()
    except Exception as error:  # a build for another machine fails in a dozen ways; all mean that it cannot be had here
        raise RuntimeUnavailableError(f"openvino cannot be imported: {_reason(error)}") from error


def _alone() -> Any:
    """The compiled module under the lock that `import` takes for it: loaded twice it fails, and half loaded it is of no use."""
    importing: Any = import_module("importlib._bootstrap")  # the lock has no public name
    with importing._ModuleLockManager(BINDING):
        if BINDING in sys.modules:
            return import_module(BINDING)
        package = find_spec("openvino")
        spec = PathFinder.find_spec(BINDING, list((package.submodule_search_locations if package else None) or []))
        if spec is None:
            raise ModuleNotFoundError(f"there is no {BINDING}")
        return importing._load_unlocked(spec)


def _compile(openvino: Any, read: Callable[[], bytes], *, streams: int, threads: int) -> Any:
    core = openvino.Core()
    model = _model(openvino, core, read)
    check_graph({_name(end): _type_and_rank(end) for end in (*model.inputs, *model.outputs)}, _metadata(model))
    # Threads that may not leave their core wait for whatever else runs there: the 90th percentile of an int8 ResNet-18 on four busy cores
    # was 23 ms with pinning and 12 without.
    options = {"INFERENCE_PRECISION_HINT": "f32", "NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": threads, "ENABLE_CPU_PINNING": False}
    compiled = core.compile_model(model, "CPU", options)
    devices, computes = compiled.get_property("EXECUTION_DEVICES"), compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    if (devices, computes) != (["CPU"], "f32"):
        raise RuntimeUnavailableError(f"asked OpenVINO for CPU and f32, got {', '.join(devices)} and {computes}")
    return compiled


def _model(openvino: Any, core: Any, read: Callable[[], bytes]) -> Any:
    """The graph as read; its bytes are let go, and one that keeps weights in other files, from outside the signature, is refused."""
    data = read()
    if EXTERNAL in data:
        raise RuntimeUnavailableError("OpenVINO cannot load the model: it keeps weights in other files; export it as a single one")
    model = core.read_model(data, b"")
    if all(node.get_type_name() != "FakeQuantize" for node in model.get_ops()):  # an int8 graph needs its weights as they are
        _unpack(openvino, model)
    return model


def _unpack(openvino: Any, model: Any) -> None:
    """Make weights that are stored as int8 or float16 those of a float32 graph.

    Left to the compiler they cost precision, and some get wrong ones: 2024.6 always, 2026.4 with three streams or more.
    """
    for node in model.get_ordered_ops():
        sources = [node.input_value(i).get_node() for i in range(node.get_input_size())]
        if node.get_type_name() not in UNPACKING or any(source.get_type_name() != "Constant" for source in sources):
            continue
        end = node.output(0)
        unpacked = openvino.Tensor(end.get_element_type(), end.get_shape())
        if node.evaluate([unpacked], [openvino.Tensor(source.data.copy()) for source in sources]):
            end.replace(openvino.op.Constant(unpacked).output(0))


def _metadata(model: Any) -> dict[str, str]:
    """What of the ONNX file's metadata the contract asks for; OpenVINO keeps it under `framework`."""
    names = (METADATA_INTERFACE, METADATA_CLASSES_DIGEST)
    return {name: str(model.get_rt_info(["framework", name]).value) for name in names if model.has_rt_info(["framework", name])}


def _type_and_rank(end: Any) -> tuple[str, int]:
    return end.get_element_type().to_dtype().name, end.get_partial_shape().rank.get_length()


def _name(end: Any) -> str:
    return ", ".join(sorted(end.get_names()))


def _reason(error: Exception) -> str:
    """Its words without the source files that they came through."""
    said = [line for line in str(error).splitlines() if not line.startswith(("Exception from", "Check '", "FrontEnd API failed"))]
    return one_line(" ".join(said)) or type(error).__name__
