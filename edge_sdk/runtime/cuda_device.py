"""What an engine needs of CUDA, whichever library gives it: one device, one stream, pinned arrays, device buffers, events, graphs."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from numpy.typing import DTypeLike, NDArray


class CudaDevice(NamedTuple):
    """The device as CUDA reports it; `driver` and `runtime` are CUDA versions such as "12.6"."""

    name: str
    compute_capability: str
    memory_mb: int
    driver: str
    runtime: str


class Cuda(Protocol):
    """One device with one stream; a failed call raises whatever the library raises."""

    library: str
    can_capture: bool
    stream: int

    def device(self) -> CudaDevice:
        """What device this is."""
        ...

    def host_array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array in pinned memory, valid until `close`."""
        ...

    def device_buffer(self, num_bytes: int) -> int:
        """The address of device memory, valid until `close`."""
        ...

    def copy_to_device(self, address: int, array: NDArray[Any]) -> None:
        """Queue a copy of a contiguous pinned array."""
        ...

    def copy_to_host(self, array: NDArray[Any], address: int) -> None:
        """Queue a copy into a contiguous pinned array."""
        ...

    def event(self) -> Any:
        """A marker for `record` and `wait`."""
        ...

    def record(self, event: Any) -> None:
        """Mark this point of the stream."""
        ...

    def wait(self, event: Any) -> None:
        """Wait until the stream has passed the mark."""
        ...

    def synchronize(self) -> None:
        """Wait until the stream is empty."""
        ...

    def capture(self, work: Callable[[], None]) -> Any:
        """What `work` queues on the stream, as a graph; nothing of it runs."""
        ...

    def launch(self, graph: Any) -> None:
        """Queue a graph."""
        ...

    def close(self) -> None:
        """Free everything."""
        ...


def version_text(number: int) -> str:
    """CUDA's way to write a version, 12060, as people write it: 12.6."""
    return f"{number // 1000}.{number % 1000 // 10}"
