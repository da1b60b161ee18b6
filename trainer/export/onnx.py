"""Checkpoint to ONNX in fp32: one file, batch the only dynamic axis, contract in the metadata.

The geometry comes from the checkpoint; there is no argument to get it wrong with. What is written is read back and checked, because
exporters have changed opset, axes and constants between versions without an error.
"""

import io
import warnings
from pathlib import Path

import msgspec
import onnx
import torch
from torch.jit._trace import TracerWarning

from edge_sdk.contract.interface import (
    INPUT,
    INTERFACE_VERSION,
    LOGITS,
    MAPS,
    METADATA_CLASSES_DIGEST,
    METADATA_INTERFACE,
    METADATA_PREPROCESS,
    OPSET,
)
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from trainer.checkpoint import load_model
from trainer.errors import ExportError
from trainer.models import DefectClassifier

BATCH_AXIS = "N"


def onnx_from_checkpoint(checkpoint: Path) -> onnx.ModelProto:
    """The graph of a checkpoint.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        ExportError: If the exported graph breaks the contract.
    """
    model, _, config = load_model(checkpoint)
    return onnx_from_model(model, config.preprocess)


def onnx_from_model(model: DefectClassifier, spec: PreprocessSpec) -> onnx.ModelProto:
    """The graph of a network in evaluation mode.

    Raises:
        ExportError: If it breaks the contract.
    """
    graph = onnx.load_from_string(_exported(model, spec))
    for key, value in metadata_of(spec).items():
        entry = graph.metadata_props.add()
        entry.key, entry.value = key, value
    check_graph(graph, spec)
    return graph


def metadata_of(spec: PreprocessSpec) -> dict[str, str]:
    """What every graph says about itself."""
    return {
        METADATA_CLASSES_DIGEST: taxonomy().digest,
        METADATA_INTERFACE: str(INTERFACE_VERSION),
        METADATA_PREPROCESS: msgspec.json.encode(spec).decode(),
    }


def check_graph(graph: onnx.ModelProto, spec: PreprocessSpec) -> None:
    """Hold a graph against the contract: validity, opset, ends, axes, single file.

    Raises:
        ExportError: Says what differs.
    """
    try:
        onnx.checker.check_model(graph, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"the exported graph is not valid ONNX: {str(error).splitlines()[0]}") from error
    opset = {entry.domain: entry.version for entry in graph.opset_import}
    if opset != {"": OPSET}:
        raise ExportError(f"the exporter wrote opset {opset}, the contract asks for {OPSET}; use another version of torch")
    ends = {end.name: _axes(end) for end in (*graph.graph.input, *graph.graph.output)}
    num_classes, size = len(taxonomy()), [spec.height, spec.width]
    wanted = {INPUT: [BATCH_AXIS, *size, 3], LOGITS: [BATCH_AXIS, num_classes], MAPS: [BATCH_AXIS, num_classes, *ends.get(MAPS, [])[2:]]}
    if ends != wanted or any(isinstance(axis, str) for axis in ends[MAPS][1:]):
        raise ExportError(f"the graph's ends are {ends}, the contract asks for {wanted} with the batch as the only dynamic axis")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.graph.initializer):
        raise ExportError("the graph keeps weights outside its file; a bundle carries single files only")


def _exported(model: DefectClassifier, spec: PreprocessSpec) -> bytes:
    """TorchScript exporter: it writes opset 17 as asked. The newer one writes 18 and converts down, which leaves LayerNorm at 18."""
    for module in model.modules():
        if hasattr(module, "fused_attn"):
            module.fused_attn = False  # type: ignore[assignment]  # scaled_dot_product_attention exports as nodes TensorRT 8.5 does not fuse
    buffer = io.BytesIO()
    example_NHWC = torch.zeros(2, spec.height, spec.width, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # Deprecated, and it still traces plain Python branches on shapes: both are known and checked for in what is written.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=TracerWarning)
        torch.onnx.export(
            model,
            (example_NHWC,),
            buffer,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[LOGITS, MAPS],
            dynamic_axes={name: {0: BATCH_AXIS} for name in (INPUT, LOGITS, MAPS)},
        )
    return buffer.getvalue()


def _axes(end: onnx.ValueInfoProto) -> list[str | int]:
    return [axis.dim_param or axis.dim_value for axis in end.type.tensor_type.shape.dim]
