"""An engine with its buffers, on the one thread that owns the CUDA context.

A ring of pinned slots and one stream: copy in, execute, copy out, mark; while a batch runs, the next is copied into the next slot. Device
buffers are shared by the slots, since one stream keeps the order, so that one CUDA graph of the execution serves all of them.
"""

# N batch, C classes, H W pixels, h w cells of the feature map

from collections import deque
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.interface import INPUT, LOGITS, MAPS
from edge_sdk.errors import EngineError, InferenceError
from edge_sdk.runtime.cuda import Cuda, open_cuda
from edge_sdk.runtime.session import checked_outputs
from edge_sdk.runtime.tensorrt import load_tensorrt, one_line, tensorrt_log

REPLAY_RTOL = REPLAY_ATOL = 1e-3  # a replay is the same kernels on the same input; atomics may change their order


class Slot(NamedTuple):
    """Pinned buffers of one batch, and the event that says they are free."""

    image: NDArray[np.uint8]
    outputs: dict[str, NDArray[Any]]
    done: Any


class EngineExecution:
    """Make, use and close it on one thread; the arguments are `TensorRtSession`'s."""

    def __init__(self, plan: bytes, *, cuda_graph: bool, num_slots: int, warm_up: int) -> None:
        self._cuda: Cuda = open_cuda()  # before TensorRT: without a device its Runtime may end the process
        self._graph: Any = None
        self.graph_reason: str | None = None
        try:
            trt = load_tensorrt()
            self.version = str(trt.__version__)
            self._load(trt, plan)
            self._allocate(trt, num_slots)
            self.batch = self._max_batch
            self._warm_up(warm_up)
            if cuda_graph:
                self._try_graph()
            else:
                self.graph_reason = "not asked for"
        except BaseException:
            self.close()
            raise

    @property
    def uses_graph(self) -> bool:
        """Whether a CUDA graph is launched in place of the engine's kernels one by one."""
        return self._graph is not None

    def run(self, images_NHWC: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits and maps of any number of frames, in batches."""
        if images_NHWC.dtype != np.uint8 or images_NHWC.shape[1:] != self._frame_HWC:
            raise InferenceError(f"frames {images_NHWC.dtype} {images_NHWC.shape}, the engine takes uint8 (N, {self._frame_HWC})")
        found = {name: np.empty((len(images_NHWC), *row), np.float32) for name, row in self._rows.items()}
        running: deque[tuple[Slot, int, int]] = deque()
        try:
            for turn, start in enumerate(range(0, len(images_NHWC), self.batch)):
                if len(running) == len(self._slots):
                    _collect(self._cuda, found, *running.popleft())
                slot, images = self._slots[turn % len(self._slots)], images_NHWC[start : start + self.batch]
                self._enqueue(slot, images)
                running.append((slot, start, len(images)))
            while running:
                _collect(self._cuda, found, *running.popleft())
        except BaseException:
            self._cuda.synchronize()  # nothing may still be writing to a slot that the next run takes
            raise
        return found[LOGITS], found[MAPS]

    def close(self) -> None:
        """Free everything, TensorRT's objects before the context they live in."""
        self._graph = None
        for name in ("_slots", "_context", "_engine", "_runtime"):
            self.__dict__.pop(name, None)
        self._cuda.close()

    def _load(self, trt: ModuleType, plan: bytes) -> None:
        log = tensorrt_log(trt)
        log.taken()
        self._runtime = trt.Runtime(log)
        self._engine = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise EngineError(f"TensorRT {self.version} refuses the engine: {log.taken()}", reason="load")
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"TensorRT has no memory for the engine: {log.taken()}; close other programs", reason="memory")

    def _allocate(self, trt: ModuleType, num_slots: int) -> None:
        """Check the engine's ends and make buffers for its largest batch."""
        types = _checked_ends(trt, self._engine)
        shape = tuple(self._engine.get_tensor_shape(INPUT))
        self._frame_HWC = shape[1:]
        sizes = [shape[0]] * 3 if shape[0] >= 0 else [next(iter(dims)) for dims in self._engine.get_tensor_profile_shape(INPUT, 0)]
        self._min_batch, self._opt_batch, self._max_batch = sizes
        self._set_batch(self._max_batch)
        self._rows = {name: tuple(self._context.get_tensor_shape(name))[1:] for name in (LOGITS, MAPS)}
        shapes = {name: (self._max_batch, *row) for name, row in {INPUT: self._frame_HWC, **self._rows}.items()}
        self._address = {name: self._cuda.device_buffer(int(np.prod(shapes[name])) * types[name].itemsize) for name in shapes}
        for name, address in self._address.items():
            self._context.set_tensor_address(name, address)
        self._slots = [
            Slot(
                self._cuda.host_array(shapes[INPUT], np.uint8),
                {name: self._cuda.host_array(shapes[name], types[name]) for name in (LOGITS, MAPS)},
                self._cuda.event(),
            )
            for _ in range(num_slots)
        ]

    def _enqueue(self, slot: Slot, images_NHWC: NDArray[np.uint8]) -> None:
        """Queue one batch. A graph always computes `opt_batch` rows: those beyond the batch hold older frames and stay on the device."""
        slot.image[: len(images_NHWC)] = images_NHWC
        size = max(len(images_NHWC), self._min_batch)
        self._cuda.copy_to_device(self._address[INPUT], slot.image[:size])
        if self._graph is not None:
            self._cuda.launch(self._graph)
        else:
            self._set_batch(size)
            self._execute()
        for name, array in slot.outputs.items():
            self._cuda.copy_to_host(array[:size], self._address[name])
        self._cuda.record(slot.done)

    def _execute(self) -> None:
        if not self._context.execute_async_v3(self._cuda.stream):
            raise InferenceError(f"TensorRT did not take the batch: {tensorrt_log(load_tensorrt()).taken()}")

    def _set_batch(self, size: int) -> None:
        if not self._context.set_input_shape(INPUT, (size, *self._frame_HWC)):
            raise InferenceError(f"the engine does not take batches of {size}")

    def _warm_up(self, num_runs: int) -> None:
        """Run until kernels are loaded and clocks are up; a model that returns NaN never gets to serve."""
        probe = self._probe(self._opt_batch)
        try:
            for _ in range(num_runs):
                logits_NC, maps_NChw = self.run(probe)
                checked_outputs(logits_NC, maps_NChw, len(probe))
        except InferenceError as error:
            raise EngineError(f"the engine fails its warm-up: {error}; use another precision", reason="warm_up") from error

    def _try_graph(self) -> None:
        """Capture the execution of `opt_batch` frames, and use it if its replay says what the plain run says."""
        if not self._cuda.can_capture:
            self.graph_reason = f"{self._cuda.library} cannot capture one; install cuda-python"
            return
        probe = self._probe(self._opt_batch)
        plain = self.run(probe)  # TensorRT wants one plain run at this shape before the capture
        self.run(255 - probe)  # a replay that does nothing must not find the right outputs lying there
        try:
            self._graph, self.batch = self._cuda.capture(self._execute), self._opt_batch
            if not all(np.allclose(a, b, REPLAY_RTOL, REPLAY_ATOL) for a, b in zip(self.run(probe), plain, strict=True)):
                raise InferenceError("its replay differs from the plain run")
        except Exception as error:  # each CUDA library has its own classes; without a graph the engine is merely a little slower
            self._graph, self.batch = None, self._max_batch
            self.graph_reason = one_line(error)
            self.run(probe)  # the stream must have left capture mode in order; raises if it has not

    def _probe(self, size: int) -> NDArray[np.uint8]:
        return np.random.default_rng(0).integers(0, 256, (size, *self._frame_HWC), dtype=np.uint8)


def _checked_ends(trt: ModuleType, engine: Any) -> dict[str, np.dtype[Any]]:
    """The element type of each of the contract's three ends; anything else is another model's engine."""
    known: dict[Any, np.dtype[Any]] = {trt.uint8: np.dtype(np.uint8), trt.float32: np.dtype(np.float32), trt.float16: np.dtype(np.float16)}
    names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    types = {name: known.get(engine.get_tensor_dtype(name)) for name in names}
    inputs = {name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT}
    if set(names) != {INPUT, LOGITS, MAPS} or inputs != {INPUT} or types[INPUT] != np.uint8 or None in types.values():
        raise EngineError(f"the engine's ends are {types}; build it from a graph of this project", reason="load")
    return {name: dtype for name, dtype in types.items() if dtype is not None}


def _collect(cuda: Cuda, found: dict[str, NDArray[np.float32]], slot: Slot, start: int, count: int) -> None:
    cuda.wait(slot.done)
    for name, array in slot.outputs.items():
        found[name][start : start + count] = array[:count]
