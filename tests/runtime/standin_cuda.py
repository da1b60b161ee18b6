"""A stand-in for CUDA on a machine without a GPU: device memory is host memory, and a stream runs nothing until it is waited for.

So code that reuses a buffer too early, reads a result too early or leaves out a wait gets wrong numbers here too. `pycuda_driver` and
`cuda_python_runtime` are the two libraries on top of it, with the names and the manners of the real ones: pycuda's calls fail on a
thread without a pushed context, cuda-python's return (error, value) and never raise.
"""

import ctypes
import threading
from collections.abc import Callable
from enum import IntEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

Work = Callable[[], None]


class Gpu:
    """The machine's one GPU, shared by both libraries and the stand-in TensorRT."""

    def __init__(self) -> None:
        self.num_devices, self.name, self.capability = 1, "Stand-in Orin", (8, 7)
        self.driver, self.runtime = 12060, 12020
        self.streams: dict[int, Stream] = {}
        self.memory: dict[int, Any] = {}
        self.freed: list[Any] = []  # kept, so that a use after free is an error here and no crash
        self.capture_fault = ""
        self.calls: list[str] = []

    def allocate(self, num_bytes: int) -> int:
        block = (ctypes.c_uint8 * num_bytes)()
        ctypes.memset(block, 0xA5, num_bytes)  # as little zero as a real one
        self.memory[ctypes.addressof(block)] = block
        return ctypes.addressof(block)

    def free(self, address: int) -> None:
        self.freed.append(self.memory.pop(address))

    def stream(self) -> "Stream":
        stream = Stream(0x1000 + len(self.streams))
        self.streams[stream.handle] = stream
        return stream


class Stream:
    """A queue of work, done when somebody waits."""

    def __init__(self, handle: int) -> None:
        self.handle, self.queue, self.captured = handle, list[Work](), None

    def submit(self, work: Work) -> None:
        if self.captured is not None:
            self.captured.append(work)
        else:
            self.queue.append(work)

    def run_until(self, mark: "Mark | None" = None) -> None:
        if self.captured is not None:
            raise RuntimeError("operation not permitted when stream is capturing")
        while self.queue:
            work = self.queue.pop(0)
            work()
            if work is mark:
                return


class Mark:
    """An event: a point of a stream."""

    def __init__(self) -> None:
        self.stream: Stream | None = None

    def __call__(self) -> None: ...

    def record(self, stream: Stream) -> None:
        self.stream = stream
        stream.submit(self)

    def synchronize(self) -> None:
        if self.stream is not None and self in self.stream.queue:
            self.stream.run_until(self)


def array_at(address: int, shape: tuple[int, ...], dtype: Any) -> Any:
    """The memory at an address as an array; what was never allocated is an illegal access."""
    num_bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
    block = next((b for a, b in gpu.memory.items() if a <= address and address + num_bytes <= a + len(b)), None)
    if block is None:
        raise RuntimeError("an illegal memory access was encountered")
    offset = address - ctypes.addressof(block)
    return np.frombuffer(block, np.uint8, num_bytes, offset).view(dtype).reshape(shape)


gpu = Gpu()


def _copy(target: int, source: int, num_bytes: int, *, device: int) -> Work:
    def copy() -> None:
        array_at(device, (num_bytes,), np.uint8)
        ctypes.memmove(target, source, num_bytes)

    return copy


# ---- pycuda.driver


class LogicError(Exception):
    """pycuda's error for a call without a context, among others."""


_current = threading.local()


def _needs_context() -> None:
    if not getattr(_current, "depth", 0):
        raise LogicError("cuCtx call failed: invalid device context")


class _Context:
    def push(self) -> None:
        _current.depth = getattr(_current, "depth", 0) + 1

    @staticmethod
    def pop() -> None:
        _needs_context()
        _current.depth -= 1

    def detach(self) -> None:
        gpu.calls.append("detach")


class _Device:
    def __init__(self, number: int) -> None:
        if number >= gpu.num_devices:
            raise LogicError("cuDeviceGet failed: invalid device ordinal")

    count = staticmethod(lambda: gpu.num_devices)

    def name(self) -> str:
        return gpu.name

    def compute_capability(self) -> tuple[int, int]:
        return gpu.capability

    def total_memory(self) -> int:
        return 8 << 30

    def retain_primary_context(self) -> _Context:
        return _Context()

    def make_context(self) -> None:
        raise AssertionError("a context of its own: only the primary one is shared with TensorRT")


class _PyStream:
    def __init__(self) -> None:
        _needs_context()
        self.stream = gpu.stream()
        self.handle = self.stream.handle

    def synchronize(self) -> None:
        _needs_context()
        self.stream.run_until()


class _PyEvent(Mark):
    def __init__(self) -> None:
        _needs_context()
        super().__init__()

    def record(self, stream: Any) -> None:
        _needs_context()
        super().record(stream.stream)


class _Allocation:
    def __init__(self, num_bytes: int) -> None:
        _needs_context()
        self.address = gpu.allocate(num_bytes)

    def __int__(self) -> int:
        return self.address

    def free(self) -> None:
        _needs_context()
        gpu.free(self.address)


def _pagelocked_empty(shape: Any, dtype: Any) -> Any:
    _needs_context()
    return np.empty(shape, dtype)


def _htod(target: int, source: Any, stream: _PyStream) -> None:
    _needs_context()
    stream.stream.submit(_copy(target, source.ctypes.data, source.nbytes, device=target))


def _dtoh(target: Any, source: int, stream: _PyStream) -> None:
    _needs_context()
    stream.stream.submit(_copy(target.ctypes.data, source, target.nbytes, device=source))


def _init() -> None:
    if not gpu.num_devices:
        raise LogicError("cuInit failed: no CUDA-capable device is detected")


def pycuda_driver() -> dict[str, Any]:
    """The names of pycuda.driver."""
    return {
        "init": _init,
        "Device": _Device,
        "Context": _Context,
        "Stream": _PyStream,
        "Event": _PyEvent,
        "mem_alloc": _Allocation,
        "pagelocked_empty": _pagelocked_empty,
        "memcpy_htod_async": _htod,
        "memcpy_dtoh_async": _dtoh,
        "get_driver_version": lambda: gpu.driver,
        "get_version": lambda: (gpu.runtime // 1000, gpu.runtime % 1000 // 10, 0),
    }


# ---- cuda.bindings.runtime


class _Error(IntEnum):
    cudaSuccess = 0
    cudaErrorMemoryAllocation = 2
    cudaErrorNoDevice = 100
    cudaErrorStreamCaptureUnsupported = 900


_TEXT = {2: b"out of memory", 100: b"no CUDA-capable device is detected", 900: b"operation not permitted when stream is capturing"}


class _Handle:
    """A stream handle as cuda-python has it: an object that `int` turns into the address."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream

    def __int__(self) -> int:
        return self.stream.handle


def _stream(handle: Any) -> Stream:
    return gpu.streams[int(handle)]


def _ok(*values: Any) -> tuple[Any, ...]:
    return (_Error.cudaSuccess, *values)


def _count() -> tuple[Any, ...]:
    return _ok(gpu.num_devices) if gpu.num_devices else (_Error.cudaErrorNoDevice, None)


def _host(num_bytes: int) -> tuple[Any, ...]:
    gpu.calls.append("cudaMallocHost")
    return _ok(gpu.allocate(num_bytes))


def _free(address: int) -> tuple[Any, ...]:
    gpu.free(address)
    return _ok()


def _memcpy(target: int, source: int, num_bytes: int, kind: Any, handle: Any) -> tuple[Any, ...]:
    _stream(handle).submit(_copy(target, source, num_bytes, device=target if kind == 1 else source))
    return _ok()


def _begin(handle: Any, mode: Any) -> tuple[Any, ...]:
    if gpu.capture_fault == "begin":
        return (_Error.cudaErrorStreamCaptureUnsupported,)
    _stream(handle).captured = []
    return _ok()


def _end(handle: Any) -> tuple[Any, ...]:
    stream = _stream(handle)
    graph, stream.captured = stream.captured, None
    if gpu.capture_fault == "end":
        return (_Error.cudaErrorStreamCaptureUnsupported, None)
    return _ok(graph)


def _launch(graph: list[Work], handle: Any) -> tuple[Any, ...]:
    gpu.calls.append("cudaGraphLaunch")
    for work in graph if gpu.capture_fault != "replay" else ():
        _stream(handle).submit(work)
    return _ok()


def _synchronised(what: Any) -> tuple[Any, ...]:
    try:
        _stream(what).run_until() if isinstance(what, int | _Handle) else what.synchronize()
    except RuntimeError:
        return (_Error.cudaErrorStreamCaptureUnsupported,)
    return _ok()


def _recorded(event: Mark, handle: Any) -> tuple[Any, ...]:
    event.record(_stream(handle))
    return _ok()


def cuda_python_runtime() -> dict[str, Any]:
    """The names of cuda.bindings.runtime."""
    properties = SimpleNamespace(name=gpu.name.encode(), major=gpu.capability[0], minor=gpu.capability[1], totalGlobalMem=8 << 30)
    return {
        "cudaError_t": _Error,
        "cudaGetErrorString": lambda error: _ok(_TEXT[error]),
        "cudaGetDeviceCount": _count,
        "cudaSetDevice": lambda number: _ok(),
        "cudaGetDeviceProperties": lambda number: _ok(properties),
        "cudaDriverGetVersion": lambda: _ok(gpu.driver),
        "cudaRuntimeGetVersion": lambda: _ok(gpu.runtime),
        "cudaStreamNonBlocking": 1,
        "cudaStreamCreateWithFlags": lambda flags: _ok(_Handle(gpu.stream())),
        "cudaStreamDestroy": lambda handle: _ok(),
        "cudaStreamSynchronize": _synchronised,
        "cudaMallocHost": _host,
        "cudaFreeHost": _free,
        "cudaMalloc": lambda num_bytes: _ok(gpu.allocate(num_bytes)),
        "cudaFree": _free,
        "cudaMemcpyKind": SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2),
        "cudaMemcpyAsync": _memcpy,
        "cudaEventDisableTiming": 2,
        "cudaEventCreateWithFlags": lambda flags: _ok(Mark()),
        "cudaEventRecord": _recorded,
        "cudaEventSynchronize": _synchronised,
        "cudaEventDestroy": lambda event: _ok(),
        "cudaStreamCaptureMode": SimpleNamespace(cudaStreamCaptureModeThreadLocal=1),
        "cudaStreamBeginCapture": _begin,
        "cudaStreamEndCapture": _end,
        "cudaGraphInstantiateWithFlags": lambda graph, flags: _ok(graph),
        "cudaGraphLaunch": _launch,
        "cudaGraphDestroy": lambda graph: _ok(),
        "cudaGraphExecDestroy": lambda graph: _ok(),
    }


def module(name: str, names: dict[str, Any]) -> ModuleType:
    """A module of these names."""
    made = ModuleType(name)
    made.__dict__.update(names)
    return made
