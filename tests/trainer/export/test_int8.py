from functools import cache

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization.calibrate import TensorsData

from edge_sdk.contract.interface import INPUT, LOGITS, MAPS, OPSET, scores_from_logits
from tests.trainer.export.small_models import SPEC, exported, pictures, source
from trainer.errors import ExportError
from trainer.export.calibration import activation_ranges
from trainer.export.int8 import flavour_of, int8_graph, int8_only, kept_in_float
from trainer.export.onnx import check_graph
from trainer.export.quantize_layers import layers_of, nodes_of
from trainer.export.quantize_scores import logits_of
from trainer.export.quantize_source import float_source

BOTH = [(kind, precision) for kind in ("resnet", "vit") for precision in ("int8-trt", "int8-x86")]


@cache
def ranges(kind: str, precision: str) -> TensorsData:
    flavour = flavour_of(precision, source(kind))
    return activation_ranges(source(kind), pictures(16), method="minmax", op_types=flavour.op_types, symmetric=flavour.symmetric)


@cache
def quantised(kind: str, precision: str) -> onnx.ModelProto:
    return int8_graph(source(kind), flavour_of(precision, source(kind)), ranges(kind, precision))


def dequantised(graph: onnx.ModelProto, layer: str, place: int) -> bool:
    """Whether an input of a node comes out of a DequantizeLinear."""
    producers = {name: node for node in graph.graph.node for name in node.output}
    node = next(node for node in graph.graph.node if node.name == layer)
    return node.input[place] in producers and producers[node.input[place]].op_type == "DequantizeLinear"


def constants(graph: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.graph.initializer}


@pytest.mark.parametrize(("kind", "precision"), BOTH)
def test_scores_stay_near_fp32(kind: str, precision: str) -> None:
    scores, expected = (
        scores_from_logits(logits_of(graph, pictures(16, 1), precision=precision, threads=1))
        for graph in (quantised(kind, precision), source(kind))
    )

    assert np.abs(scores - expected).mean() < 0.02
    assert 1e-6 < np.abs(scores - expected).max() < 0.15
    assert expected.std(axis=0).min() > 0.01


@pytest.mark.parametrize(("kind", "precision"), BOTH)
def test_graph_keeps_the_contract_and_standard_operators(kind: str, precision: str) -> None:
    graph = quantised(kind, precision)

    check_graph(graph, SPEC)
    assert {end.name: end.type.tensor_type.elem_type for end in (*graph.graph.input, *graph.graph.output)} == {
        INPUT: TensorProto.UINT8,
        LOGITS: TensorProto.FLOAT,
        MAPS: TensorProto.FLOAT,
    }
    assert {entry.key: entry.value for entry in graph.metadata_props} == {e.key: e.value for e in exported(kind).metadata_props}
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    assert {node.domain for node in graph.graph.node} == {""}


@pytest.mark.parametrize(("kind", "precision"), BOTH)
def test_all_linear_layers_are_int8_except_head_and_attention(kind: str, precision: str) -> None:
    graph, layers = quantised(kind, precision), layers_of(source(kind).graph)

    assert all(dequantised(graph, layer, place) for layer in layers.body for place in (0, 1))
    assert not any(dequantised(graph, layer, place) for layer in (*layers.head, *layers.attention) for place in (0, 1))
    assert len(layers.head) == 1
    assert len(layers.attention) == (4 if kind == "vit" else 0)
    assert len(layers.body) == (9 if kind == "vit" else 10)


@pytest.mark.parametrize("precision", ["int8-trt", "int8-x86"])
def test_attention_softmax_layer_norm_and_gelu_stay_in_float(precision: str) -> None:
    graph = quantised("vit", precision)

    for name in nodes_of(graph.graph, "Softmax", "LayerNormalization", "Erf"):
        assert not dequantised(graph, name, 0)
    reasons = {node.op_type: node.reason for node in kept_in_float(source("vit"), {})}
    assert reasons == {
        "LayerNormalization": "not a linear layer",
        "Softmax": "not a linear layer",
        "Erf": "not a linear layer",
        "MatMul": "classifier head",
    }


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_tensorrt_form_is_symmetric_int8_with_float_biases(kind: str) -> None:
    graph, values = quantised(kind, "int8-trt"), constants(quantised(kind, "int8-trt"))
    pairs = [node for node in graph.graph.node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    biases = [node.input[2] for node in graph.graph.node if node.op_type in ("Conv", "Gemm") and len(node.input) > 2]

    assert pairs
    assert all(values[node.input[2]].dtype == np.int8 and not values[node.input[2]].any() for node in pairs)
    assert biases
    assert all(values[name].dtype == np.float32 for name in biases)


@pytest.mark.parametrize("kind", ["resnet", "vit"])
def test_tensorrt_form_quantises_float_weights_per_channel_and_inputs_per_tensor(kind: str) -> None:
    graph, values = quantised(kind, "int8-trt"), constants(quantised(kind, "int8-trt"))
    producers = {name: node for node in graph.graph.node for name in node.output}
    nodes = {node.name: node for node in graph.graph.node}

    for layer in layers_of(source(kind).graph).body:
        activation, weight = (producers[producers[nodes[layer].input[place]].input[0]] for place in (0, 1))
        assert (activation.op_type, weight.op_type) == ("QuantizeLinear", "QuantizeLinear")
        assert values[weight.input[0]].dtype == np.float32
        axis = 0 if nodes[layer].op_type == "Conv" else 1
        assert values[weight.input[1]].shape == (values[weight.input[0]].shape[axis],)
        assert values[activation.input[1]].shape == ()


def test_tensorrt_form_leaves_outputs_to_be_fused() -> None:
    graph = quantised("resnet", "int8-trt")
    takers = {name: node for node in graph.graph.node for name in node.input}

    after = [takers[node.output[0]].op_type for node in graph.graph.node if node.op_type == "Conv"]

    assert "QuantizeLinear" not in after
    assert set(after) == {"Relu", "Add"}


def test_x86_form_has_uint8_activations_and_int8_residual_sums() -> None:
    graph, values = quantised("resnet", "int8-x86"), constants(quantised("resnet", "int8-x86"))
    kinds = {values[node.input[2]].dtype for node in graph.graph.node if node.op_type == "QuantizeLinear"}
    head = layers_of(source("resnet").graph).head
    residual = nodes_of(source("resnet").graph, "Add")[:-1]  # the last is the classifier's bias

    assert kinds == {np.dtype(np.uint8)}
    assert all(dequantised(graph, name, place) for name in residual for place in (0, 1))
    assert not dequantised(graph, head[0], 1)


def test_returned_layers_are_float_and_the_others_are_not() -> None:
    layers = layers_of(source("resnet").graph).body
    flavour = flavour_of("int8-trt", source("resnet"))

    graph = int8_graph(source("resnet"), flavour, ranges("resnet", "int8-trt"), frozenset(layers[2:4]))

    assert [dequantised(graph, layer, 1) for layer in layers] == [number not in (2, 3) for number in range(len(layers))]
    assert {n.name: n.reason for n in kept_in_float(source("resnet"), {layers[2]: "sensitive"})}[layers[2]] == "sensitive"


def test_one_layer_alone_is_quantised() -> None:
    layers = layers_of(source("vit").graph).body
    flavour = flavour_of("int8-x86", source("vit"))

    graph = int8_only(source("vit"), flavour, ranges("vit", "int8-x86"), layers[3])

    assert [layer for layer in layers if dequantised(graph, layer, 1)] == [layers[3]]


def test_quantising_leaves_the_source_alone() -> None:
    before = source("resnet").SerializeToString()

    int8_graph(source("resnet"), flavour_of("int8-x86", source("resnet")), ranges("resnet", "int8-x86"))

    assert source("resnet").SerializeToString() == before


def test_quantised_graph_is_no_source() -> None:
    with pytest.raises(ExportError, match="is quantised already"):
        float_source(quantised("resnet", "int8-trt"), SPEC, "model.onnx")
