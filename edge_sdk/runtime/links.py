"""The links of the runtime chain, best first: TensorRT, ONNX Runtime on CUDA, OpenVINO, ONNX Runtime on the CPU.

A link knows how to tell whether this machine has its library without loading native GPU code, and how to make a session. Nothing is
imported before it is asked: a machine without a GPU pays one look-up per GPU link. OpenVINO is optional and for x86 processors.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, Protocol

from edge_sdk.errors import InputError
from edge_sdk.runtime.failure import IMPORT_FAILED, NOT_INSTALLED, PROVIDER_MISSING, LinkFailure
from edge_sdk.runtime.machine import is_x86
from edge_sdk.runtime.session import Session

Provider = Literal["tensorrt", "cuda", "openvino", "cpu"]
Say = Callable[[str], None]

NOT_FOR = {"tensorrt": "int8-x86"}  # TensorRT takes symmetric zero points only
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"


class CreateSession(Protocol):
    """Makes a session of a graph; raises RuntimeUnavailableError, or BundleError if the graph cannot be read or is not this SDK's."""

    def __call__(self, read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: Say) -> Session:
        """A session of the bytes that `read_onnx` gives, so that nobody need hold them; `say` is told of what takes long."""
        ...


@dataclass(frozen=True, slots=True)
class Link:
    """One runtime.

    `missing` says why this machine does not have it (None: it seems to); `create` makes a session. A link with `trial_s` runs vendors'
    native GPU code, which may take the process with it: it is tried in a child for at most that many seconds first. A session of
    one `on_cpu` has threads to choose, and may be run by several callers at once if it has one.
    """

    name: Provider
    missing: Callable[[], LinkFailure | None]
    create: CreateSession
    trial_s: float | None = None
    on_cpu: bool = False


def links(require: Provider | None = None) -> tuple[Link, ...]:
    """The chain, or the one link that is required.

    Raises:
        InputError: If there is no such link.
    """
    if require is None:
        return tuple(LINKS.values())
    if require not in LINKS:
        raise InputError(f"there is no runtime '{require}'; choose one of {', '.join(LINKS)}")
    return (LINKS[require],)


def _tensorrt_missing() -> LinkFailure | None:
    return None if _is_there("tensorrt") else LinkFailure("import", NOT_INSTALLED, "there is no Python module tensorrt")


def _openvino_missing() -> LinkFailure | None:
    if not is_x86():
        return LinkFailure("import", PROVIDER_MISSING, "OpenVINO is for x86 processors: on others nobody has compared it with onnxruntime")
    return None if _is_there("openvino") else LinkFailure("import", NOT_INSTALLED, "there is no Python module openvino")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # imported already, from somewhere without a spec: then it is there
        return True


def _cuda_missing() -> LinkFailure | None:
    """Told by the files of pip's build, where that is not loaded yet: loading it takes 18 MB, which OpenVINO may do without."""
    found = find_spec("onnxruntime") if "onnxruntime" not in sys.modules else None
    for folder in (found.submodule_search_locations if found else None) or ():
        parts = {path.name for path in (Path(folder) / "capi").glob("*onnxruntime_providers_*")}
        if parts and not any("_cuda" in part for part in parts):
            return LinkFailure("import", PROVIDER_MISSING, f"this build of onnxruntime has no {CUDA}")
    return _onnxruntime_missing(CUDA)


def _onnxruntime_missing(provider: str) -> LinkFailure | None:
    try:
        available = import_module("onnxruntime").get_available_providers()
    except ModuleNotFoundError as error:
        return LinkFailure("import", NOT_INSTALLED, str(error))
    except Exception as error:  # a build for another machine fails in a dozen ways; all mean that it cannot be had here
        return LinkFailure("import", IMPORT_FAILED, f"onnxruntime cannot be imported: {error}")
    if provider in available:
        return None
    return LinkFailure("import", PROVIDER_MISSING, f"this build of onnxruntime has no {provider}, only {', '.join(available)}")


def _create_tensorrt(read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: Say) -> Session:
    from edge_sdk.runtime.tensorrt import session_from_onnx

    return session_from_onnx(read_onnx(), precision=precision, say=say)


def _create_cuda(read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: Say) -> Session:
    from edge_sdk.runtime.onnx import OnnxSession

    return OnnxSession(read_onnx, precision=precision, threads=threads, provider=CUDA)


def _create_openvino(read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: Say) -> Session:
    from edge_sdk.runtime.openvino import OpenVinoSession

    return OpenVinoSession(read_onnx, precision=precision, threads=threads)


def _create_cpu(read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: Say) -> Session:
    from edge_sdk.runtime.onnx import OnnxSession

    return OnnxSession(read_onnx, precision=precision, threads=threads, provider=CPU)


LINKS: dict[str, Link] = {
    "tensorrt": Link("tensorrt", _tensorrt_missing, _create_tensorrt, trial_s=1800.0),  # may build an engine: minutes on an Orin Nano
    "cuda": Link("cuda", _cuda_missing, _create_cuda, trial_s=180.0),
    "openvino": Link("openvino", _openvino_missing, _create_openvino, on_cpu=True),
    "cpu": Link("cpu", lambda: _onnxruntime_missing(CPU), _create_cpu, on_cpu=True),
}
