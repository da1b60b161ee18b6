import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from edge_sdk.contract.interface import (
    INPUT,
    LOGITS,
    MAPS,
    METADATA_CLASSES_DIGEST,
    METADATA_INTERFACE,
    METADATA_PREPROCESS,
    OPSET,
    Outputs,
    scores_from_logits,
)
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime.onnx import OnnxSession
from trainer.errors import ExportError
from trainer.export.onnx import check_graph, onnx_from_model
from trainer.export.storage import quantise, store_weights
from trainer.models import MODELS, DefectClassifier

SPEC = PreprocessSpec(height=64, width=96)
VARIANTS = [(backbone, "avg") for backbone in MODELS] + [("vit_tiny_patch16_224", "cls")]


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: "-".join(variant))
def exported(request: pytest.FixtureRequest) -> tuple[DefectClassifier, onnx.ModelProto]:
    torch.manual_seed(0)
    backbone, pool = request.param
    model = DefectClassifier(backbone, SPEC, pool=pool).eval()
    with torch.no_grad():  # scores that differ from 0.5, biases and statistics that are not all alike
        model.classifier.weight.mul_(20)
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point() and tensor.ndim == 1 and len(tensor) > 3:
                tensor.add_(0.05 * torch.rand_like(tensor))
    return model, onnx_from_model(model, SPEC)


def images(num: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (num, SPEC.height, SPEC.width, 3), dtype=np.uint8)


def run(graph: onnx.ModelProto, images_NHWC: NDArray[np.uint8]) -> Outputs:
    session = OnnxSession(graph.SerializeToString(), threads=1)
    outputs = session.run(images_NHWC)
    session.close()
    return outputs


@pytest.mark.parametrize("num", [1, 3])
def test_graph_computes_what_torch_computes(exported: tuple[DefectClassifier, onnx.ModelProto], num: int) -> None:
    model, graph = exported

    outputs = run(graph, images(num))

    with torch.inference_mode():
        expected = model(torch.from_numpy(images(num)))
    np.testing.assert_allclose(scores_from_logits(outputs.logits_NC), scores_from_logits(expected.logits_NC.numpy()), rtol=0, atol=1e-4)
    np.testing.assert_allclose(outputs.maps_NChw, expected.maps_NChw, rtol=1e-3, atol=1e-3)


def test_graph_has_the_contract_s_opset_axes_and_metadata(exported: tuple[DefectClassifier, onnx.ModelProto]) -> None:
    _, graph = exported
    axes = {
        end.name: [a.dim_param or a.dim_value for a in end.type.tensor_type.shape.dim] for end in (*graph.graph.input, *graph.graph.output)
    }
    metadata = {entry.key: entry.value for entry in graph.metadata_props}

    assert [(entry.domain, entry.version) for entry in graph.opset_import] == [("", OPSET)]
    assert list(axes) == [INPUT, LOGITS, MAPS]
    assert axes[INPUT] == ["N", SPEC.height, SPEC.width, 3]
    assert axes[LOGITS] == ["N", 17]
    assert axes[MAPS][:2] == ["N", 17]
    assert all(isinstance(axis, int) and axis > 0 for axis in axes[MAPS][2:])
    assert metadata[METADATA_CLASSES_DIGEST] == taxonomy().digest
    assert metadata[METADATA_INTERFACE] == "1"
    assert f'"height":{SPEC.height}' in metadata[METADATA_PREPROCESS]


def test_layer_normalisation_stays_one_node_and_attention_is_not_fused(exported: tuple[DefectClassifier, onnx.ModelProto]) -> None:
    model, graph = exported
    kinds = [node.op_type for node in graph.graph.node]

    assert kinds.count("LayerNormalization") == (25 if model.is_vit else 0)
    assert kinds.count("Softmax") == (12 if model.is_vit else 0)
    assert all(node.domain == "" for node in graph.graph.node)


@pytest.mark.parametrize(("stored_as", "tolerance", "share"), [("float32", 0.0, 1.01), ("float16", 2e-3, 0.53), ("int8", 0.05, 0.28)])
def test_stored_weights_give_nearly_the_same_scores_in_a_smaller_file(
    exported: tuple[DefectClassifier, onnx.ModelProto], stored_as: str, tolerance: float, share: float
) -> None:
    _, graph = exported

    stored = store_weights(graph, stored_as)  # type: ignore[arg-type]

    check_graph(stored, SPEC)
    scores, expected = (scores_from_logits(run(g, images(2)).logits_NC) for g in (stored, graph))
    assert np.abs(scores - expected).max() <= tolerance
    assert stored.ByteSize() <= share * graph.ByteSize()
    assert {node.op_type for node in stored.graph.node}.isdisjoint({"DequantizeLinear", "QuantizeLinear"})


def test_storing_leaves_the_original_graph_alone(exported: tuple[DefectClassifier, onnx.ModelProto]) -> None:
    _, graph = exported
    before = graph.SerializeToString()

    store_weights(graph, "int8")

    assert graph.SerializeToString() == before


@pytest.mark.parametrize("axis", [0, -1])
def test_rounding_is_within_half_a_step_of_each_channel(axis: int) -> None:
    weights = np.random.default_rng(0).standard_normal((8, 5, 6)).astype(np.float32)
    weights[0] = 0.0

    integers, scale = quantise(weights, axis)

    assert integers.dtype == np.int8
    assert np.all(np.abs(integers * scale - weights) <= scale / 2 + 1e-7)


def test_graph_of_another_size_or_opset_is_refused(exported: tuple[DefectClassifier, onnx.ModelProto]) -> None:
    _, graph = exported
    with pytest.raises(ExportError, match="ends"):
        check_graph(graph, PreprocessSpec(height=64, width=64))

    other = onnx.ModelProto()
    other.CopyFrom(graph)
    other.opset_import[0].version = 18
    with pytest.raises(ExportError, match=r"opset|not valid"):
        check_graph(other, SPEC)
