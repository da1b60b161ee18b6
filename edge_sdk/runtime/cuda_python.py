"""cuda-python: CUDA's runtime API, function by function, which makes the primary context current by itself.

Its calls return (error, value) and never raise. Names checked against the wheels of cuda-bindings 12.9 and 13.5; *not measured* on a GPU.
"""

import ctypes
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from edge_sdk.runtime.cuda_device import CudaDevice, version_text

MODULES = ("cuda.bindings.runtime", "cuda.cudart")  # the name since 12.6.1, and the one before it


class CudaPython:
    """cuda-python's runtime API, which makes the primary context current by itself."""

    library = "cuda-python"

    def __init__(self) -> None:
        self._rt = cuda_python()
        if not ok(self._rt, self._rt.cudaGetDeviceCount()):
            raise RuntimeError("no device found")
        ok(self._rt, self._rt.cudaSetDevice(0))
        self._stream = ok(self._rt, self._rt.cudaStreamCreateWithFlags(self._rt.cudaStreamNonBlocking))
        self.stream, self.can_capture = int(self._stream), True
        self._host: list[int] = []
        self._device: list[int] = []
        self._events: list[Any] = []
        self._graphs: list[Any] = []

    def device(self) -> CudaDevice:
        """See `Cuda.device`."""
        found = ok(self._rt, self._rt.cudaGetDeviceProperties(0))
        driver, runtime = (ok(self._rt, ask()) for ask in (self._rt.cudaDriverGetVersion, self._rt.cudaRuntimeGetVersion))
        name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
        return CudaDevice(name, f"{found.major}.{found.minor}", found.totalGlobalMem >> 20, version_text(driver), version_text(runtime))

    def host_array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """See `Cuda.host_array`."""
        num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._host.append(int(ok(self._rt, self._rt.cudaMallocHost(num_bytes))))
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * num_bytes).from_address(self._host[-1]))
        return memory.view(dtype).reshape(shape)

    def device_buffer(self, num_bytes: int) -> int:
        """See `Cuda.device_buffer`."""
        self._device.append(int(ok(self._rt, self._rt.cudaMalloc(num_bytes))))
        return self._device[-1]

    def copy_to_device(self, address: int, array: NDArray[Any]) -> None:
        """See `Cuda.copy_to_device`."""
        kind = self._rt.cudaMemcpyKind.cudaMemcpyHostToDevice
        ok(self._rt, self._rt.cudaMemcpyAsync(address, array.ctypes.data, array.nbytes, kind, self._stream))

    def copy_to_host(self, array: NDArray[Any], address: int) -> None:
        """See `Cuda.copy_to_host`."""
        kind = self._rt.cudaMemcpyKind.cudaMemcpyDeviceToHost
        ok(self._rt, self._rt.cudaMemcpyAsync(array.ctypes.data, address, array.nbytes, kind, self._stream))

    def event(self) -> Any:
        """See `Cuda.event`."""
        self._events.append(ok(self._rt, self._rt.cudaEventCreateWithFlags(self._rt.cudaEventDisableTiming)))
        return self._events[-1]

    def record(self, event: Any) -> None:
        """See `Cuda.record`."""
        ok(self._rt, self._rt.cudaEventRecord(event, self._stream))

    def wait(self, event: Any) -> None:
        """See `Cuda.wait`."""
        ok(self._rt, self._rt.cudaEventSynchronize(event))

    def synchronize(self) -> None:
        """See `Cuda.synchronize`."""
        ok(self._rt, self._rt.cudaStreamSynchronize(self._stream))

    def capture(self, work: Callable[[], None]) -> Any:
        """See `Cuda.capture`."""
        self._graphs.append(captured(self._rt, self._stream, work))
        return self._graphs[-1]

    def launch(self, graph: Any) -> None:
        """See `Cuda.launch`."""
        ok(self._rt, self._rt.cudaGraphLaunch(graph, self._stream))

    def close(self) -> None:
        """See `Cuda.close`. A call that fails here has nothing left to tell anyone."""
        for destroy, things in (
            (self._rt.cudaGraphExecDestroy, self._graphs),
            (self._rt.cudaEventDestroy, self._events),
            (self._rt.cudaFree, self._device),
            (self._rt.cudaFreeHost, self._host),
        ):
            while things:
                destroy(things.pop())
        self._rt.cudaStreamDestroy(self._stream)


def captured(rt: ModuleType, stream: Any, work: Callable[[], None]) -> Any:
    """The graph of what `work` queues; the stream leaves capture mode whatever happens."""
    ok(rt, rt.cudaStreamBeginCapture(stream, rt.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
    try:
        work()
    except BaseException:
        rt.cudaStreamEndCapture(stream)
        raise
    graph = ok(rt, rt.cudaStreamEndCapture(stream))
    try:
        return ok(rt, rt.cudaGraphInstantiateWithFlags(graph, 0))
    finally:
        rt.cudaGraphDestroy(graph)


def cuda_python() -> ModuleType:
    """The library under either of its names; ImportError if it is not installed."""
    try:
        return import_module(MODULES[0])
    except ImportError:
        return import_module(MODULES[1])


def cuda_python_or_none() -> ModuleType | None:
    """The library, or None where it is not installed."""
    try:
        return cuda_python()
    except ImportError:
        return None


def ok(rt: ModuleType, result: tuple[Any, ...]) -> Any:
    """The value of a call that returned (error, value), or (error,)."""
    if result[0] != rt.cudaError_t.cudaSuccess:
        _, text = rt.cudaGetErrorString(result[0])
        raise RuntimeError(f"{text.decode() if isinstance(text, bytes) else text} (CUDA error {int(result[0])})")
    return result[1] if len(result) > 1 else None
