"""INT8 as explicit Q/DQ pairs (onnxruntime's static quantisation), in the two forms that runtimes are quick with.

    int8-trt   int8 activations and weights, zero points 0, float bias, Q/DQ at the inputs of linear layers only: what TensorRT takes
               and fuses with the ReLU or residual sum behind a layer
    int8-x86   uint8 activations with zero points. A CNN is int8 throughout, residual sums and pooling included: Q/DQ in between cost more
               than they save. A transformer has its linear layers in int8 alone, results in float: residuals and GELU lie between.

Never in int8: attention products, Softmax, LayerNormalization, GELU and the classifier head.

Processor time on one x86 core with VNNI (onnxruntime 1.31), fp32 over int8: ResNet-18 at 160 px, int8-x86 3.2 (Q/DQ around Conv alone:
3.0), int8-trt 0.8; ViT-T at 128 px, int8-x86 1.8 (results quantised too: 1.7, Add in int8 as well: 1.5), int8-trt 1.8. So int8-trt is no
form for a CNN on a CPU. Seven-bit weights, float biases and onnxruntime's offline transformer fusions made nothing quicker there.
"""

from typing import NamedTuple

import onnx
from onnx import shape_inference
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from trainer.export.quantize_layers import LINEAR, layers_of, nodes_of
from trainer.export.quantize_record import KeptNode
from trainer.export.quantize_source import as_contract

BETWEEN = ("Add", "GlobalAveragePool", "MaxPool", "Relu")
FLOAT_KINDS = ("LayerNormalization", "Softmax", "Erf")


class Flavour(NamedTuple):
    """How one of the forms is made for a graph."""

    precision: str
    activations: QuantType
    symmetric: bool
    op_types: tuple[str, ...]
    options: dict[str, object]


def flavour_of(precision: str, source: onnx.ModelProto) -> Flavour:
    """The form of a precision, `int8-trt` or `int8-x86`, for a graph."""
    inputs_only: dict[str, object] = {"OpTypesToExcludeOutputQuantization": list(LINEAR)}
    if precision == "int8-trt":
        rules: dict[str, object] = {"ActivationSymmetric": True, "QuantizeBias": False, "AddQDQPairToWeight": True}
        return Flavour(precision, QuantType.QInt8, True, LINEAR, rules | inputs_only)
    if layers_of(source.graph).attention:
        return Flavour(precision, QuantType.QUInt8, False, LINEAR, inputs_only | {"ActivationSymmetric": False})
    return Flavour(precision, QuantType.QUInt8, False, (*LINEAR, *BETWEEN), {"ActivationSymmetric": False})


def int8_graph(source: onnx.ModelProto, flavour: Flavour, ranges: TensorsData, returned: frozenset[str] = frozenset()) -> onnx.ModelProto:
    """Quantise a folded float graph; the source is left alone.

    Args:
        source: The graph.
        flavour: From `flavour_of`.
        ranges: Of its activations.
        returned: Linear layers that stay in float besides those that always do.
    """
    layers = layers_of(source.graph)
    return _quantised(source, flavour, ranges, excluded=[*layers.head, *layers.attention, *returned])


def int8_only(source: onnx.ModelProto, flavour: Flavour, ranges: TensorsData, layer: str) -> onnx.ModelProto:
    """The graph with one linear layer in int8 and all else in float."""
    return _quantised(source, flavour, ranges, only=[layer])


def kept_in_float(source: onnx.ModelProto, returned: dict[str, str]) -> tuple[KeptNode, ...]:
    """Nodes that stay in float with the reason, `returned` among them."""
    layers = layers_of(source.graph)
    reasons = dict.fromkeys(nodes_of(source.graph, *FLOAT_KINDS), "not a linear layer")
    reasons |= dict.fromkeys(layers.attention, "attention: product of activations") | dict.fromkeys(layers.head, "classifier head")
    reasons |= returned
    return tuple(KeptNode(node.name, node.op_type, reasons[node.name]) for node in source.graph.node if node.name in reasons)


def _quantised(
    source: onnx.ModelProto, flavour: Flavour, ranges: TensorsData, *, only: list[str] | None = None, excluded: list[str] | None = None
) -> onnx.ModelProto:
    # The half of onnxruntime's `quantize_static` behind calibration: one calibration serves every trial of the bounded search.
    quantizer = QDQQuantizer(
        shape_inference.infer_shapes(source),
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=flavour.activations,
        tensors_range=ranges,
        nodes_to_quantize=only or [],
        nodes_to_exclude=excluded or [],
        op_types_to_quantize=list(flavour.op_types),
        extra_options={"WeightSymmetric": True, **flavour.options},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return as_contract(quantizer.model.model, source)
