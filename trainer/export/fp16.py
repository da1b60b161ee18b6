"""Float16 arithmetic, with float32 wherever float16 overflows or loses what decides.

Kept in float32 behind Cast nodes: the normalisation of the uint8 input, LayerNormalization (sums of squares overflow), Softmax and the
attention scores it takes (largest sums of products in the network; NVIDIA/TensorRT#4723 has near-constant outputs without this), and
the classifier head, which weighs nothing and whose rounding would be the scores' rounding. Names, types and axes of the ends stay.

A CPU emulates float16 in float32 and may not overflow where a GPU does. So what counts is `largest_activations`: the values the float32
graph really has at the places that become float16.
"""

from collections.abc import Iterable

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

from edge_sdk.contract.interface import INPUT
from trainer.errors import ExportError
from trainer.export.quantize_layers import attention_scores, downstream, layers_of, nodes_of, normalisation
from trainer.export.quantize_record import KeptNode
from trainer.export.quantize_source import as_contract

HALF, FLOAT = TensorProto.FLOAT16, TensorProto.FLOAT
LARGEST = float(np.finfo(np.float16).max)
SAFE = LARGEST / 4  # other images and other kernels than those tried: a factor of 4 is 2 of float16's 5 bits of exponent


def half_graph(source: onnx.ModelProto) -> tuple[onnx.ModelProto, tuple[KeptNode, ...]]:
    """Convert a folded float32 graph; the source is left alone.

    Returns:
        The graph and the nodes that stay in float32, with the reason.

    Raises:
        ExportError: If a weight is too large for float16.
    """
    types = _float_tensors(source)
    kept = _kept(source.graph)
    nodes = [node for node in source.graph.node if node.name in kept and types & {*node.input, *node.output}]
    graph = onnx.ModelProto()
    graph.CopyFrom(source)
    _Rewriter(graph.graph, types, frozenset(kept)).rewrite()
    return as_contract(graph, source), tuple(KeptNode(node.name, node.op_type, kept[node.name]) for node in nodes)


def half_tensors(source: onnx.ModelProto) -> tuple[str, ...]:
    """Results of the nodes that become float16."""
    types, kept = _float_tensors(source), _kept(source.graph)
    return tuple(name for node in source.graph.node if node.name not in kept for name in node.output if name in types)


def largest_activations(source: onnx.ModelProto, images_NHWC: NDArray[np.uint8], *, threads: int = 0, batch: int = 4) -> dict[str, float]:
    """Largest absolute value of each tensor that becomes float16, measured in float32."""
    watched = onnx.ModelProto()
    watched.CopyFrom(source)
    names = half_tensors(source)
    known = {end.name for end in source.graph.output}
    watched.graph.output.extend(helper.make_tensor_value_info(name, FLOAT, None) for name in names if name not in known)
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 3
    session = ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])
    largest = dict.fromkeys(names, 0.0)
    for start in range(0, len(images_NHWC), batch):
        for name, values in zip(names, session.run(list(names), {INPUT: images_NHWC[start : start + batch]}), strict=True):
            largest[name] = float(np.maximum(largest[name], np.abs(values).max()))  # NaN stays, unlike with max()
    return largest


def check_range(largest: dict[str, float]) -> None:
    """Hold measured activations against float16's range.

    Raises:
        ExportError: Names the first tensor that is too large.
    """
    unsafe = {name: value for name, value in largest.items() if not value <= SAFE}
    if unsafe:
        name, value = next(iter(unsafe.items()))  # the first in the graph: what follows may be its doing
        raise ExportError(
            f"fp16: {name} reaches {value:.3g} on these images, float16 holds {LARGEST:.0f} and {SAFE:.0f} is the safe part; "
            "train with a higher weight decay, or deploy fp32"
        )


def _kept(graph: onnx.GraphProto) -> dict[str, str]:
    """Reason by node name."""
    head = downstream(graph, layers_of(graph).head)
    # ConstantOfShape gives the type of its attribute, whatever its input's.
    reasons: tuple[tuple[Iterable[str], str], ...] = (
        (nodes_of(graph, "ConstantOfShape", "Constant"), "constant"),
        (head, "classifier head"),
        (normalisation(graph), "normalisation of the uint8 input"),
        (attention_scores(graph), "attention scores"),
        (nodes_of(graph, "Softmax"), "Softmax"),
        (nodes_of(graph, "LayerNormalization"), "LayerNormalization"),
    )
    return {name: reason for names, reason in reasons for name in names}


def _float_tensors(source: onnx.ModelProto) -> frozenset[str]:
    inferred = shape_inference.infer_shapes(source, strict_mode=True).graph
    ends = (*inferred.value_info, *inferred.input, *inferred.output)
    computed = {end.name for end in ends if end.type.tensor_type.elem_type == FLOAT}
    return frozenset(computed | {tensor.name for tensor in inferred.initializer if tensor.data_type == FLOAT})


class _Rewriter:
    """One pass over the nodes; casts and float16 copies are made where first needed and shared."""

    def __init__(self, graph: onnx.GraphProto, types: frozenset[str], kept: frozenset[str]) -> None:
        self.graph, self.float_names, self.kept = graph, types, kept
        self.weights = {tensor.name: tensor for tensor in graph.initializer}
        self.outputs = {end.name for end in graph.output}
        self.type_of: dict[str, int] = {}
        self.copies: dict[tuple[str, int], str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: dict[str, TensorProto] = {}

    def rewrite(self) -> None:
        for node in list(self.graph.node):
            self._node(node, FLOAT if node.name in self.kept else HALF)
        used = {name for node in self.nodes for name in node.input}
        others = [tensor for tensor in self.graph.initializer if tensor.name in used and tensor.name not in self.tensors]
        tensors, nodes = [*others, *self.tensors.values()], self.nodes
        del self.graph.initializer[:], self.graph.node[:], self.graph.value_info[:]
        self.graph.initializer.extend(tensors)
        self.graph.node.extend(nodes)

    def _node(self, node: onnx.NodeProto, to: int) -> None:
        written = onnx.NodeProto()
        written.CopyFrom(node)
        for place, name in enumerate(node.input):
            if name in self.float_names:
                written.input[place] = self._as(name, to)
        for place, name in enumerate(node.output):
            if name in self.float_names:
                self.type_of[name] = to
                if to == HALF and name in self.outputs:
                    written.output[place] = f"{name}.float16"
        if node.op_type == "Cast" and to == HALF:
            _retarget(written)
        self.nodes.append(written)
        for name in (n for n in node.output if to == HALF and n in self.outputs & self.float_names):
            self.nodes.append(helper.make_node("Cast", [f"{name}.float16"], [name], name=f"{name}.to_float32", to=FLOAT))
            self.type_of[name] = FLOAT

    def _as(self, name: str, to: int) -> str:
        if name in self.weights:
            return self._weight(name, to)
        if self.type_of.get(name, FLOAT) == to:
            return name
        if (name, to) not in self.copies:
            copy = f"{name}.{'float16' if to == HALF else 'float32'}"
            self.nodes.append(helper.make_node("Cast", [name], [copy], name=f"{copy}.cast", to=to))
            self.copies[name, to] = copy
        return self.copies[name, to]

    def _weight(self, name: str, to: int) -> str:
        if to == FLOAT:
            return name
        copy = f"{name}.half"
        if copy not in self.tensors:
            values = numpy_helper.to_array(self.weights[name])
            if not np.abs(values).max(initial=0.0) <= LARGEST:
                raise ExportError(f"fp16: weight {name} reaches {np.abs(values).max():.3g}, float16 holds {LARGEST:.0f}; deploy fp32")
            self.tensors[copy] = numpy_helper.from_array(values.astype(np.float16), copy)
        return copy


def _retarget(cast: onnx.NodeProto) -> None:
    """A cast to float32 in a float16 stretch is one to float16."""
    for attribute in cast.attribute:
        if attribute.name == "to" and attribute.i == FLOAT:
            attribute.i = HALF
