"""A stand-in for TensorRT 8.6.0, 10.16.1 and 11.4.0: what a version has is there, what it lacks raises AttributeError.

Members and numbers are those found by introspection of the real wheels. A plan is a line of JSON (version, and how it was built) and the
ONNX graph, which onnxruntime executes: sessions return real numbers. Rules that the real library punishes with a crash or with undefined
behaviour raise `WouldCrash` or give NaN here: a Builder or Runtime without a device, a context changed after a graph was captured.
`faults` makes it fail on purpose.
"""

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort

from runtime.standin_cuda import array_at, gpu

NETWORK_FLAGS = {
    "8.6.0": {"EXPLICIT_BATCH": 0, "EXPLICIT_PRECISION": 1},
    "10.16.1": {"EXPLICIT_BATCH": 0, "STRONGLY_TYPED": 1, "PREFER_JIT_PYTHON_PLUGINS": 2, "PREFER_AOT_PYTHON_PLUGINS": 3},
    "11.4.0": {"STRONGLY_TYPED": 0, "PREFER_JIT_PYTHON_PLUGINS": 1, "PREFER_AOT_PYTHON_PLUGINS": 2},
}
BUILDER_FLAGS = {
    "8.6.0": {"FP16": 0, "INT8": 1, "DEBUG": 2, "TF32": 7, "OBEY_PRECISION_CONSTRAINTS": 10, "PREFER_PRECISION_CONSTRAINTS": 11},
    "10.16.1": {"FP16": 0, "INT8": 1, "DEBUG": 2, "TF32": 6, "OBEY_PRECISION_CONSTRAINTS": 9, "PREFER_PRECISION_CONSTRAINTS": 10},
    "11.4.0": {"DEBUG": 2, "TF32": 6},
}
OLD_TACTICS = {"CUBLAS": 0, "CUBLAS_LT": 1, "CUDNN": 2, "EDGE_MASK_CONVOLUTIONS": 3, "JIT_CONVOLUTIONS": 4}
TACTICS = {"8.6.0": OLD_TACTICS, "10.16.1": OLD_TACTICS, "11.4.0": {"EDGE_MASK_CONVOLUTIONS": 0, "JIT_CONVOLUTIONS": 1}}
PRECISION_FLAGS = {"FP16", "INT8"}
let_go = threading.Event()  # ends a `slow_run`


class WouldCrash(BaseException):
    """The real library would have ended the process here."""


DataType = IntEnum("DataType", {"FLOAT": 0, "HALF": 1, "INT8": 2, "UINT8": 5})
NUMPY = {DataType.FLOAT: np.float32, DataType.HALF: np.float16, DataType.UINT8: np.uint8}
TensorIOMode = IntEnum("TensorIOMode", {"NONE": 0, "INPUT": 1, "OUTPUT": 2})
MemoryPoolType = IntEnum("MemoryPoolType", {"WORKSPACE": 0})
LayerType = IntEnum("LayerType", {"CONVOLUTION": 0, "SOFTMAX": 9, "NORMALIZATION": 45})
_ORT_TYPES = {"tensor(uint8)": DataType.UINT8, "tensor(float)": DataType.FLOAT, "tensor(float16)": DataType.HALF}


def library(version: str, faults: dict[str, Any]) -> dict[str, Any]:
    """The names of the module `tensorrt` of one version."""
    calls: Counter[str] = Counter()
    flag_type = IntEnum("NetworkDefinitionCreationFlag", NETWORK_FLAGS[version])
    builder_flag = IntEnum("BuilderFlag", BUILDER_FLAGS[version])
    tactic = IntEnum("TacticSource", TACTICS[version])
    weakly_typed = version == "8.6.0"

    class ILogger:
        INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)

        def __init__(self) -> None: ...

    class Layer:
        def __init__(self, kind: Any, dtype: Any) -> None:
            self.type, self._dtype = kind, dtype
            if weakly_typed:
                self.precision = None

        def get_output(self, index: int) -> Any:
            return SimpleNamespace(dtype=self._dtype)

        def __getattr__(self, name: str) -> Any:
            if name == "set_output_type" and weakly_typed:
                return lambda index, dtype: None
            raise AttributeError(name)

    class Network:
        def __init__(self, flags: int) -> None:
            known = sum(1 << member for member in flag_type)
            if flags & ~known:
                raise TypeError(f"unknown network flags {flags:#x}")
            self.flags, self.onnx = flags, b""
            self.layers = [Layer(LayerType.SOFTMAX, DataType.FLOAT), Layer(LayerType.CONVOLUTION, DataType.HALF)]

        num_layers = property(lambda self: len(self.layers))
        num_inputs = property(lambda self: len(self._inputs()))

        def get_layer(self, index: int) -> Layer:
            return self.layers[index]

        def get_input(self, index: int) -> Any:
            return self._inputs()[index]

        def _inputs(self) -> list[Any]:
            ends = onnx.load_from_string(self.onnx).graph.input
            return [
                SimpleNamespace(
                    name=end.name, shape=tuple(d.dim_value if d.HasField("dim_value") else -1 for d in end.type.tensor_type.shape.dim)
                )
                for end in ends
            ]

    class OnnxParser:
        def __init__(self, network: Network, logger: ILogger) -> None:
            self._network = network
            self._errors = list(faults.get("parse", ()))
            if weakly_typed and not network.flags & 1:
                self._errors.append("implicit batch dimension mode is not supported by the parser")

        def parse(self, model: bytes) -> bool:
            self._network.onnx = bytes(model)
            return not self._errors

        num_errors = property(lambda self: len(self._errors))

        def get_error(self, index: int) -> Any:
            return SimpleNamespace(desc=lambda: self._errors[index])

    class TimingCache:
        def __init__(self, data: bytes) -> None:
            self.data = data

        def serialize(self) -> memoryview:
            return memoryview(self.data)

    class Config:
        __slots__ = ("builder_optimization_level", "flags", "profiles", "tactics", "timing", "workspace")

        def __init__(self) -> None:
            self.builder_optimization_level, self.workspace, self.profiles = 3, 0, []
            self.flags = {builder_flag["TF32"]}
            self.tactics = sum(1 << member for member in tactic)
            self.timing: TimingCache | None = None

        def set_memory_pool_limit(self, pool: Any, size: int) -> None:
            assert pool is MemoryPoolType.WORKSPACE
            self.workspace = size

        def set_flag(self, flag: Any) -> None:
            self.flags.add(builder_flag(flag))

        def clear_flag(self, flag: Any) -> None:
            self.flags.discard(builder_flag(flag))

        def get_tactic_sources(self) -> int:
            return self.tactics

        def set_tactic_sources(self, mask: int) -> bool:
            self.tactics = mask
            return True

        def create_timing_cache(self, data: bytes) -> TimingCache | None:
            return TimingCache(data) if not data or data.startswith(b"timing ") else None

        def set_timing_cache(self, cache: TimingCache, ignore_mismatch: bool) -> bool:
            if cache.data and not cache.data.startswith(f"timing {version}".encode()):
                return False
            self.timing = cache
            return True

        def get_timing_cache(self) -> TimingCache | None:
            return self.timing

        def add_optimization_profile(self, profile: "Profile") -> int:
            self.profiles.append(profile.shapes)
            return len(self.profiles) - 1

    class Profile:
        def __init__(self) -> None:
            self.shapes: dict[str, Any] = {}

        def set_shape(self, name: str, low: Any, opt: Any, high: Any) -> None:
            self.shapes[name] = [tuple(low), tuple(opt), tuple(high)]

    class Builder:
        def __init__(self, logger: Any) -> None:
            _needs_device("Builder")
            self._logger = logger

        def create_network(self, flags: int = 0) -> Network:
            return Network(flags)

        def create_builder_config(self) -> Config:
            return Config()

        def create_optimization_profile(self) -> Profile:
            return Profile()

        def build_serialized_network(self, network: Network, config: Config) -> memoryview | None:
            calls["build"] += 1
            _misbehave(faults.get("build", ""))
            names = {flag.name for flag in config.flags}
            strong = "STRONGLY_TYPED" in flag_type.__members__ and network.flags & (1 << flag_type["STRONGLY_TYPED"])
            problem = faults.get("refuse", "")
            if strong and names & PRECISION_FLAGS:
                problem = "precision flags on a strongly typed network"
            if not config.profiles and network.get_input(0).shape[0] < 0:
                problem = "network has dynamic inputs, but no optimization profile has been defined"
            if problem:
                self._logger.log(ILogger.ERROR, f"Error Code 4: {problem}\nsecond line")
                self._logger.log(ILogger.ERROR, "Error Code 2: what follows from it")
                return None
            assert config.timing is not None
            before = config.timing.data
            config.timing.data = before or f"timing {version}".encode()
            head = {
                "version": faults.get("plan_version", version),
                "network_flags": network.flags,
                "builder_flags": sorted(names),
                "workspace": config.workspace,
                "level": config.builder_optimization_level,
                "tactics": config.tactics,
                "profile": config.profiles[0]["image"] if config.profiles else None,
                "timings": before.decode(),
                "held": [layer.precision is not None for layer in network.layers] if weakly_typed else None,
            }
            return memoryview(json.dumps(head).encode() + b"\n" + network.onnx)

    class Runtime:
        def __init__(self, logger: Any) -> None:
            _needs_device("Runtime")
            self._logger = logger

        def deserialize_cuda_engine(self, plan: bytes) -> "Engine | None":
            calls["deserialize"] += 1
            head, _, model = bytes(plan).partition(b"\n")
            built = json.loads(head)["version"]
            if built != version:
                text = (
                    f"The engine plan file is not compatible with this version of TensorRT, expecting library version {version} got {built}"
                )
                self._logger.log(ILogger.ERROR, text)
                return None
            return Engine(json.loads(head), model)

    class Engine:
        def __init__(self, head: dict[str, Any], model: bytes) -> None:
            self.head = head
            self.session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
            self.ends = [*self.session.get_inputs(), *self.session.get_outputs()]
            self.num_inputs = len(self.session.get_inputs())

        num_io_tensors = property(lambda self: len(self.ends))

        def get_tensor_name(self, index: int) -> str:
            return str(self.ends[index].name)

        def get_tensor_mode(self, name: str) -> Any:
            return TensorIOMode.INPUT if name in [end.name for end in self.session.get_inputs()] else TensorIOMode.OUTPUT

        def get_tensor_dtype(self, name: str) -> Any:
            return _ORT_TYPES[self._end(name).type]

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return tuple(-1 if isinstance(d, str) else d for d in self._end(name).shape)

        def get_tensor_profile_shape(self, name: str, index: int) -> list[Any]:
            assert self.head["profile"] is not None and index == 0
            return [tuple(shape) for shape in self.head["profile"]]

        def create_execution_context(self) -> "Context | None":
            return None if faults.get("context") == "none" else Context(self)

        def _end(self, name: str) -> Any:
            return next(end for end in self.ends if end.name == name)

    class Context:
        def __init__(self, engine: Engine) -> None:
            self._engine, self._address, self._batch, self._changes, self._runs = engine, dict[str, int](), 0, 0, 0

        def set_input_shape(self, name: str, shape: Any) -> bool:
            self._changes += 1
            low, _, high = engine_profile(self._engine, shape)
            if not low <= shape[0] <= high:
                return False
            self._batch = shape[0]
            return True

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return (self._batch, *self._engine.get_tensor_shape(name)[1:])

        def set_tensor_address(self, name: str, address: int) -> bool:
            self._changes += 1
            self._address[name] = address
            return True

        def execute_async_v3(self, stream_handle: int) -> bool:
            if not isinstance(stream_handle, int) or set(self._address) != {end.name for end in self._engine.ends}:
                return False
            calls["execute"] += 1
            stream, batch, changes = gpu.streams[stream_handle], self._batch, self._changes
            if stream.captured is not None and faults.get("capture"):
                return False
            captured = stream.captured is not None
            stream.submit(lambda: self._work(batch, undefined=captured and changes != self._changes))
            return True

        def _work(self, batch: int, *, undefined: bool) -> None:
            self._runs += 1
            if self._runs == faults.get("slow_run"):
                let_go.wait(300)
            engine = self._engine
            image = array_at(self._address["image"], (batch, *engine.get_tensor_shape("image")[1:]), np.uint8)
            for end, found in zip(engine.session.get_outputs(), engine.session.run(None, {"image": image}), strict=True):
                broken = undefined or self._runs == faults.get("nan_run")
                array_at(self._address[end.name], found.shape, found.dtype)[:] = np.nan if broken else found

    def engine_profile(engine: Engine, shape: Any) -> list[int]:
        return [dims[0] for dims in engine.head["profile"]] if engine.head["profile"] else [shape[0]] * 3

    return {
        "__version__": faults.get("shown_version", version),
        "calls": calls,
        "faults": faults,
        "ILogger": ILogger,
        "Builder": Builder,
        "Runtime": Runtime,
        "OnnxParser": OnnxParser,
        "NetworkDefinitionCreationFlag": flag_type,
        "BuilderFlag": builder_flag,
        "TacticSource": tactic,
        "MemoryPoolType": MemoryPoolType,
        "TensorIOMode": TensorIOMode,
        "LayerType": LayerType,
        "DataType": DataType,
        "uint8": DataType.UINT8,
        "float32": DataType.FLOAT,
        "float16": DataType.HALF,
    }


def head_of(plan: bytes) -> dict[str, Any]:
    """How a stand-in plan was built."""
    head: dict[str, Any] = json.loads(plan.partition(b"\n")[0])
    return head


def _needs_device(what: str) -> None:
    if not gpu.num_devices:
        raise WouldCrash(f"trt.{what} without a CUDA device")


def _misbehave(how: str) -> None:
    """What a native builder may do instead of returning."""
    if how == "abort":
        print("terminate called after throwing an instance of 'nvinfer1::CudaDriverError'", file=sys.stderr, flush=True)
        os.abort()
    if how == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        time.sleep(60)
    if how == "hoard":
        hoard = np.ones(600 << 20, np.uint8)
        time.sleep(60)
        del hoard
    if how == "chatter":
        os.write(1, b'{"plan": 1, "timings": 1}\n')  # a library that prints to stdout
    if how == "memory":
        raise MemoryError
