"""From an ONNX graph to a TensorRT engine, in this process (`engine_process` runs it in a child).

Precision is a property of the graph: networks are strongly typed wherever TensorRT can (10 and 11), and only 8.5 and 8.6 get precision
flags. What a version has is asked of it by name, never by number: 11 dropped EXPLICIT_BATCH, FP16 and INT8 and gave their bits to others.
*Not measured*: no engine of a real model was built on 8.6's weakly typed path, whose fp16 keeps fp32 layers by preference only.
"""

import logging
from contextlib import closing
from types import ModuleType
from typing import Any, NamedTuple

from edge_sdk.contract.interface import INPUT
from edge_sdk.errors import EngineError
from edge_sdk.runtime.cuda import open_cuda
from edge_sdk.runtime.engine_options import EngineOptions
from edge_sdk.runtime.tensorrt import load_tensorrt, one_line, tensorrt_log

PRECISION_FLAG = {"fp16": "FP16", "int8-trt": "INT8"}

logger = logging.getLogger(__name__)


class BuiltEngine(NamedTuple):
    """A plan, and the kernel timings that make the next build quicker (empty where there are none)."""

    plan: bytes
    timings: bytes


def engine_from_onnx(onnx_bytes: bytes, options: EngineOptions, *, timings: bytes = b"") -> BuiltEngine:
    """Build an engine for the device at hand; takes minutes and up to gigabytes.

    Args:
        onnx_bytes: A graph of this project's interface in a single file.
        options: How to build.
        timings: What an earlier build on this device returned.

    Raises:
        EngineError: If there is no device or TensorRT, the graph cannot be parsed, or no engine comes out.
    """
    with closing(open_cuda()):  # before TensorRT: without a device its Builder may end the process
        return _built(load_tensorrt(), onnx_bytes, options, timings)


def _built(trt: ModuleType, onnx_bytes: bytes, options: EngineOptions, timings: bytes) -> BuiltEngine:
    log = tensorrt_log(trt)
    log.taken()
    builder = trt.Builder(log)
    network = builder.create_network(network_flags(trt))
    _parse(trt, network, onnx_bytes, log)
    config = builder.create_builder_config()
    _configure(trt, config, options)
    _set_precision(trt, config, network, options.precision)
    _set_profile(builder, config, network, options)
    _set_timings(config, timings)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(
            f"TensorRT {trt.__version__} builds no {options.precision} engine: {log.taken()}; lower --workspace-mb if memory is short",
            reason="build",
        )
    learnt = config.get_timing_cache()
    return BuiltEngine(bytes(plan), bytes(learnt.serialize()) if learnt else b"")


def network_flags(trt: ModuleType) -> int:
    """Explicit batch where it must be asked for (8.x), strong types where they can be (10 and 11)."""
    flag, bits = trt.NetworkDefinitionCreationFlag, 0
    for name in ("EXPLICIT_BATCH", "STRONGLY_TYPED"):
        if hasattr(flag, name):
            bits |= 1 << int(getattr(flag, name))
    return bits


def _parse(trt: ModuleType, network: Any, onnx_bytes: bytes, log: Any) -> None:
    parser = trt.OnnxParser(network, log)
    if not parser.parse(onnx_bytes):
        first = parser.get_error(0).desc() if parser.num_errors else log.taken()
        raise EngineError(
            f"TensorRT {trt.__version__} cannot read the graph: {one_line(first)} ({parser.num_errors} errors); export it again",
            reason="parse",
        )


def _configure(trt: ModuleType, config: Any, options: EngineOptions) -> None:
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb << 20)
    if options.optimisation_level is not None and hasattr(config, "builder_optimization_level"):  # not in 8.5
        config.builder_optimization_level = options.optimisation_level
    if not options.tf32 and hasattr(trt.BuilderFlag, "TF32"):  # on by default
        config.clear_flag(trt.BuilderFlag.TF32)
    here = [getattr(trt.TacticSource, name) for name in options.disabled_tactics if hasattr(trt.TacticSource, name)]
    if here:
        config.set_tactic_sources(config.get_tactic_sources() & ~sum(1 << int(source) for source in here))


def _set_precision(trt: ModuleType, config: Any, network: Any, precision: str) -> None:
    """Flags, only where the network is not strongly typed: there the types of the graph say it all."""
    flag = PRECISION_FLAG.get(precision)
    if flag is None or hasattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED"):
        return
    config.set_flag(getattr(trt.BuilderFlag, flag))
    if precision == "fp16":
        _hold_float32_layers(trt, config, network)


def _hold_float32_layers(trt: ModuleType, config: Any, network: Any) -> None:
    """Keep in fp32 what the graph computes in fp32: LayerNorm, Softmax and attention scores overflow in fp16 (deployment notes Q8)."""
    config.set_flag(trt.BuilderFlag.PREFER_PRECISION_CONSTRAINTS)
    kinds = {
        getattr(trt.LayerType, name)
        for name in ("NORMALIZATION", "SOFTMAX", "MATRIX_MULTIPLY", "ELEMENTWISE", "REDUCE", "UNARY")
        if hasattr(trt.LayerType, name)
    }
    for layer in map(network.get_layer, range(network.num_layers)):
        if layer.type in kinds and layer.get_output(0).dtype == trt.float32:
            layer.precision = trt.float32
            layer.set_output_type(0, trt.float32)


def _set_timings(config: Any, timings: bytes) -> None:
    """Timings of another device or version are not taken; the build then begins without."""
    cache = config.create_timing_cache(timings)
    if cache is None or not config.set_timing_cache(cache, False):
        config.set_timing_cache(config.create_timing_cache(b""), False)


def _set_profile(builder: Any, config: Any, network: Any, options: EngineOptions) -> None:
    """The range of batches; everything but the batch is fixed by the graph."""
    ends = {end.name: tuple(end.shape) for end in map(network.get_input, range(network.num_inputs))}
    if set(ends) != {INPUT} or len(ends[INPUT]) != 4 or min(ends[INPUT][1:]) < 1:
        raise EngineError(
            f"the graph's inputs are {ends}, this SDK needs '{INPUT}' (N, height, width, 3); export it again", reason="contract"
        )
    if ends[INPUT][0] >= 0:
        return
    profile = builder.create_optimization_profile()
    profile.set_shape(INPUT, *((size, *ends[INPUT][1:]) for size in (options.min_batch, options.opt_batch, options.max_batch)))
    config.add_optimization_profile(profile)
