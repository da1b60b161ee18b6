"""Smaller files with the same arithmetic: weights stored as float16 or int8 and turned back into float32 inside the graph.

    float16   Cast
    int8      Cast, then Mul by one scale per output channel (symmetric, largest weight = 127)

Plain operators, not DequantizeLinear: runtimes fold them once at load, so that speed and arithmetic are those of float32, whereas
DequantizeLinear asks for integer arithmetic. What the rounding costs is measured by parity, as for any other graph.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

StoredAs = Literal["float32", "float16", "int8"]
MIN_NUM_VALUES = 2048  # smaller tensors stay as they are: scales, biases and norms weigh nothing and matter most
INT8_MAX = 127


def store_weights(graph: onnx.ModelProto, stored_as: StoredAs) -> onnx.ModelProto:
    """A copy of a float32 graph with its large weights in the given type; with int8, those of no Conv, MatMul or Gemm take float16."""
    stored = onnx.ModelProto()
    stored.CopyFrom(graph)
    if stored_as == "float32":
        return stored
    axes = _channel_axes(stored.graph)
    kept, nodes = [], []
    for tensor in stored.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or int(np.prod(tensor.dims)) < MIN_NUM_VALUES or len(tensor.dims) < 2:
            kept.append(tensor)
            continue
        axis = axes.get(tensor.name) if stored_as == "int8" else None
        tensors, restoring = _as_float16(tensor) if axis is None else _as_int8(tensor, axis)
        kept.extend(tensors)
        nodes.extend(restoring)
    _replace(stored.graph, kept, nodes)
    return stored


def _channel_axes(graph: onnx.GraphProto) -> dict[str, int]:
    """Output channel's axis of every weight that is multiplied with activations."""
    return {node.input[1]: _channel_axis(node) for node in graph.node if node.op_type in ("Conv", "MatMul", "Gemm")}


def _channel_axis(node: onnx.NodeProto) -> int:
    transposed = any(attribute.name == "transB" and attribute.i for attribute in node.attribute)
    return 0 if node.op_type == "Conv" or transposed else -1


def _as_float16(tensor: TensorProto) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    small = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{tensor.name}.float16")
    return [small], [helper.make_node("Cast", [small.name], [tensor.name], name=f"{tensor.name}.restore", to=TensorProto.FLOAT)]


def _as_int8(tensor: TensorProto, axis: int) -> tuple[list[TensorProto], list[onnx.NodeProto]]:
    weights, scale = quantise(numpy_helper.to_array(tensor), axis)
    name = tensor.name
    tensors = [numpy_helper.from_array(weights, f"{name}.int8"), numpy_helper.from_array(scale, f"{name}.scale")]
    nodes = [
        helper.make_node("Cast", [f"{name}.int8"], [f"{name}.cast"], name=f"{name}.restore", to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{name}.cast", f"{name}.scale"], [name], name=f"{name}.rescale"),
    ]
    return tensors, nodes


def quantise(weights: NDArray[np.float32], axis: int) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Round to int8 with one scale per slice along `axis`.

    Returns:
        The integers, and the scales shaped to broadcast against them; a slice of zeros has scale 1.
    """
    others = tuple(i for i in range(weights.ndim) if i != axis % weights.ndim)
    largest = np.abs(weights).max(axis=others, keepdims=True)
    scale = np.where(largest > 0, largest / INT8_MAX, 1.0).astype(np.float32)
    return np.rint(weights / scale).astype(np.int8), scale


def _replace(graph: onnx.GraphProto, tensors: list[TensorProto], restoring: list[onnx.NodeProto]) -> None:
    """Put the new tensors and, ahead of all nodes that use them, the restoring ones in place."""
    nodes: Iterator[onnx.NodeProto] = iter([*restoring, *graph.node])
    all_nodes, all_tensors = list(nodes), list(tensors)
    del graph.node[:]
    graph.node.extend(all_nodes)
    del graph.initializer[:]
    graph.initializer.extend(all_tensors)
