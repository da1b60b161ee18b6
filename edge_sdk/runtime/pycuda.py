"""pycuda on the primary context, which TensorRT uses too: never pycuda.autoinit or make_context, which disturb others in the process.

pycuda (to 2026.1) cannot capture graphs: cuda-python does it on pycuda's stream where both are installed. Names checked against the
source of 2026.1; *not measured* on a GPU.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from numpy.typing import DTypeLike, NDArray

from edge_sdk.runtime.cuda_device import CudaDevice, version_text
from edge_sdk.runtime.cuda_python import captured, cuda_python_or_none, ok


class PyCuda:
    """pycuda on the retained primary context, current on this thread until `close`."""

    library = "pycuda"

    def __init__(self) -> None:
        self._drv = import_module("pycuda.driver")
        self._drv.init()
        if not self._drv.Device.count():
            raise RuntimeError("no device found")
        self._found = self._drv.Device(0)
        self._context = self._found.retain_primary_context()
        self._context.push()
        self._stream = self._drv.Stream()
        self.stream = int(self._stream.handle)
        self._buffers: list[Any] = []
        self._graphs: list[Any] = []
        self._rt = cuda_python_or_none()
        self.can_capture = self._rt is not None

    def device(self) -> CudaDevice:
        """See `Cuda.device`."""
        capability = ".".join(map(str, self._found.compute_capability()))
        driver, runtime = version_text(self._drv.get_driver_version()), ".".join(map(str, self._drv.get_version()[:2]))
        return CudaDevice(self._found.name(), capability, self._found.total_memory() >> 20, driver, runtime)

    def host_array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """See `Cuda.host_array`."""
        array: NDArray[Any] = self._drv.pagelocked_empty(shape, dtype)
        return array

    def device_buffer(self, num_bytes: int) -> int:
        """See `Cuda.device_buffer`."""
        self._buffers.append(self._drv.mem_alloc(num_bytes))
        return int(self._buffers[-1])

    def copy_to_device(self, address: int, array: NDArray[Any]) -> None:
        """See `Cuda.copy_to_device`."""
        self._drv.memcpy_htod_async(address, array, self._stream)

    def copy_to_host(self, array: NDArray[Any], address: int) -> None:
        """See `Cuda.copy_to_host`."""
        self._drv.memcpy_dtoh_async(array, address, self._stream)

    def event(self) -> Any:
        """See `Cuda.event`."""
        return self._drv.Event()

    def record(self, event: Any) -> None:
        """See `Cuda.record`."""
        event.record(self._stream)

    def wait(self, event: Any) -> None:
        """See `Cuda.wait`."""
        event.synchronize()

    def synchronize(self) -> None:
        """See `Cuda.synchronize`."""
        self._stream.synchronize()

    def capture(self, work: Callable[[], None]) -> Any:
        """See `Cuda.capture`."""
        assert self._rt is not None, "can_capture is False"
        self._graphs.append(captured(self._rt, self.stream, work))
        return self._graphs[-1]

    def launch(self, graph: Any) -> None:
        """See `Cuda.launch`."""
        assert self._rt is not None, "can_capture is False"
        ok(self._rt, self._rt.cudaGraphLaunch(graph, self.stream))

    def close(self) -> None:
        """See `Cuda.close`. Pinned arrays go with their last reference."""
        while self._graphs and self._rt is not None:
            self._rt.cudaGraphExecDestroy(self._graphs.pop())
        while self._buffers:
            self._buffers.pop().free()
        self._stream = None
        self._context.pop()
        self._context.detach()
