import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper, shape_inference

from edge_sdk.contract.interface import INPUT, LOGITS, MAPS, OPSET, scores_from_logits
from tests.trainer.export.small_models import SPEC, exported, pictures, source, validation, with_outlier
from trainer.errors import ExportError
from trainer.export.fp16 import check_range, half_graph, half_tensors, largest_activations
from trainer.export.onnx import check_graph
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_scores import check_alive, difference, logits_of
from trainer.export.quantize_source import float_source
from trainer.export.storage import store_weights

KINDS = ("resnet", "vit")


def types(graph: onnx.ModelProto) -> dict[str, int]:
    inferred = shape_inference.infer_shapes(graph, strict_mode=True).graph
    found = {end.name: end.type.tensor_type.elem_type for end in (*inferred.value_info, *inferred.input, *inferred.output)}
    return found | {tensor.name: tensor.data_type for tensor in inferred.initializer}


@pytest.mark.parametrize("kind", KINDS)
def test_scores_stay_within_a_hundredth_of_fp32(kind: str) -> None:
    graph, _ = half_graph(source(kind))

    scores, expected = (scores_from_logits(logits_of(g, pictures(16), precision="fp16", threads=1)) for g in (graph, source(kind)))

    assert 0 < np.abs(scores - expected).max() < 0.01
    assert expected.std(axis=0).min() > 0.01  # else closeness would say nothing


@pytest.mark.parametrize("kind", KINDS)
def test_graph_keeps_the_contract_and_halves_the_file(kind: str) -> None:
    graph, _ = half_graph(source(kind))

    check_graph(graph, SPEC)
    assert {end.name: end.type.tensor_type.elem_type for end in (*graph.graph.input, *graph.graph.output)} == {
        INPUT: TensorProto.UINT8,
        LOGITS: TensorProto.FLOAT,
        MAPS: TensorProto.FLOAT,
    }
    assert {entry.key: entry.value for entry in graph.metadata_props} == {e.key: e.value for e in exported(kind).metadata_props}
    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    assert graph.ByteSize() < 0.55 * source(kind).ByteSize()


def test_layer_norm_softmax_and_attention_scores_are_float32() -> None:
    graph, kept = half_graph(source("vit"))
    type_of, producers = types(graph), {name: node for node in graph.graph.node for name in node.output}
    softmax = [node for node in graph.graph.node if node.op_type == "Softmax"]
    products = [producers[node.input[0]] for node in softmax]

    assert len(softmax) == 2
    assert all(type_of[name] == TensorProto.FLOAT for node in softmax for name in (*node.input, *node.output))
    assert all(node.op_type == "MatMul" for node in products)
    assert all(type_of[name] == TensorProto.FLOAT for node in products for name in (*node.input, *node.output))
    norms = [node for node in graph.graph.node if node.op_type == "LayerNormalization"]
    assert len(norms) == 5
    assert all(type_of[name] == TensorProto.FLOAT for node in norms for name in (*node.input, *node.output))
    assert {node.reason for node in kept} >= {"attention scores", "Softmax", "LayerNormalization", "classifier head"}


@pytest.mark.parametrize("kind", KINDS)
def test_linear_layers_are_float16_and_normalisation_and_head_are_not(kind: str) -> None:
    graph, _ = half_graph(source(kind))
    type_of, layers = types(graph), layers_of(graph.graph)
    nodes = {node.name: node for node in graph.graph.node}

    assert layers.body
    assert layers.head
    assert all(type_of[name] == TensorProto.FLOAT16 for layer in layers.body for name in (*nodes[layer].input, *nodes[layer].output))
    assert all(type_of[name] == TensorProto.FLOAT for layer in layers.head for name in (*nodes[layer].input, *nodes[layer].output))
    assert all(type_of[node.output[0]] == TensorProto.FLOAT for node in graph.graph.node if node.op_type in ("Sub",))


def test_conversion_leaves_the_source_alone() -> None:
    before = source("vit").SerializeToString()

    half_graph(source("vit"))

    assert source("vit").SerializeToString() == before


def test_activation_beyond_float16_is_named_before_a_gpu_meets_it() -> None:
    planted, layer = with_outlier(source("resnet"), 2.0**20)
    taken = next(node for node in planted.graph.node if node.name == layer).input[0]
    largest = largest_activations(planted, pictures(8), threads=1)

    check_range(largest_activations(source("resnet"), pictures(8), threads=1))
    with pytest.raises(ExportError, match=r"^fp16: .* reaches .*, float16 holds 65504") as caught:
        check_range(largest)

    assert largest[taken] > 65504
    assert "\n" not in str(caught.value)
    assert set(largest) == set(half_tensors(planted))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_logits_that_are_no_numbers_fail_in_one_line(value: float) -> None:
    truth = validation(source("resnet"), 16)
    logits_NC = truth.reference_NC.copy()
    logits_NC[3, 5] = value

    with pytest.raises(ExportError, match="fp16: the converted graph gives NaN or infinity on 1 of 16 images") as caught:
        difference(logits_NC, truth, "fp16")

    assert "\n" not in str(caught.value)


def test_weight_beyond_float16_is_refused_by_name() -> None:
    broken = onnx.ModelProto()
    broken.CopyFrom(source("resnet"))
    weight = next(node for node in broken.graph.node if node.op_type == "Conv").input[1]
    tensor = next(tensor for tensor in broken.graph.initializer if tensor.name == weight)
    tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1e8), weight))

    with pytest.raises(ExportError, match=f"weight {weight} reaches"):
        half_graph(broken)


def test_logits_that_hardly_vary_any_more_are_refused() -> None:
    reference_NC = np.random.default_rng(0).standard_normal((32, 17)).astype(np.float32)
    squeezed_NC = reference_NC.copy()
    squeezed_NC[:, 4] = 0.3 * squeezed_NC[:, 4] + 1

    check_alive(0.9 * reference_NC, reference_NC, "fp16")
    with pytest.raises(ExportError, match=r"fp16: the logits of FS vary with 0.30"):
        check_alive(squeezed_NC, reference_NC, "fp16")


def test_class_that_never_varied_has_nothing_to_lose() -> None:
    reference_NC = np.random.default_rng(0).standard_normal((32, 17)).astype(np.float32)
    reference_NC[:, 2] = 1.5

    check_alive(reference_NC, reference_NC, "fp16")


@pytest.mark.parametrize("stored_as", ["float16", "int8"])
def test_stored_weights_fold_to_what_the_stored_graph_computes(stored_as: str) -> None:
    stored = store_weights(exported("resnet"), stored_as)  # type: ignore[arg-type]

    folded = float_source(stored, SPEC, "stored")

    assert {tensor.data_type for tensor in folded.graph.initializer if len(tensor.dims) > 1} == {TensorProto.FLOAT}
    logits = [logits_of(graph, pictures(4), precision="fp32", threads=1) for graph in (stored, folded)]
    np.testing.assert_array_equal(*logits)
