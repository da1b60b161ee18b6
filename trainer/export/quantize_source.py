"""The float graph every other precision is made from: the exported one with its constants folded.

Folding matters twice. Weights stored as float16 or int8 become the float32 values the stored graph computes with, so that they are the
honest source of a conversion; and batch normalisation and constant subgraphs vanish, so that ranges are those of what will run.
onnxruntime's basic level does it: plain ONNX in and out, the same on every machine.
"""

import tempfile
from pathlib import Path

import onnx
import onnxruntime as ort
from onnx import TensorProto

from edge_sdk.contract.interface import OPSET
from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.errors import ExportError
from trainer.export.onnx import check_graph
from trainer.export.quantize_layers import LINEAR


def float_source(stored: onnx.ModelProto, spec: PreprocessSpec, where: str) -> onnx.ModelProto:
    """Fold a stored graph, which is left alone.

    Args:
        stored: The fp32 graph as exported.
        spec: Its geometry.
        where: Named in messages.

    Raises:
        ExportError: If it is no graph of the contract, is quantised already, or its weights cannot be folded to float32.
    """
    try:
        check_graph(stored, spec)
    except ExportError as error:
        raise ExportError(f"{where}: {error}") from error
    if any(node.op_type == "QuantizeLinear" for node in stored.graph.node):
        raise ExportError(f"{where}: is quantised already; quantise the fp32 graph that 'export' writes")
    folded = as_contract(_folded(stored.SerializeToString(), where), stored)
    _check_weights(folded, where)
    check_graph(folded, spec)
    return folded


def as_contract(graph: onnx.ModelProto, source: onnx.ModelProto) -> onnx.ModelProto:
    """Give a rewritten graph back what tools drop or add: the source's metadata, one operator set, and a name for every node.

    Raises:
        ExportError: If a tool left operators that are not the standard's.
    """
    foreign = sorted({node.domain for node in graph.graph.node} - {"", "ai.onnx"})
    if foreign:
        raise ExportError(f"the conversion left operators of {foreign[0]}, a bundle takes standard ONNX only; try another onnxruntime")
    graph.ir_version = source.ir_version
    del graph.metadata_props[:], graph.opset_import[:]
    graph.metadata_props.extend(source.metadata_props)
    graph.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    taken = {node.name for node in graph.graph.node}
    for number, node in enumerate(graph.graph.node):
        if not node.name:
            node.name = next(name for name in (f"{node.op_type}_{number}", f"{node.op_type}_{number}.unnamed") if name not in taken)
    return graph


def _folded(data: bytes, where: str) -> onnx.ModelProto:
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "folded.onnx")
        try:
            ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises a dozen classes of its own for a model it cannot load
            said = str(error).splitlines()[0][:200]
            full = f"; see that {tempfile.gettempdir()} has room, or set TMPDIR" * ("serialization" in said)
            raise ExportError(f"{where}: onnxruntime {ort.__version__} cannot fold its constants ({said}){full}") from error
        return onnx.load(options.optimized_model_filepath)


def _check_weights(graph: onnx.ModelProto, where: str) -> None:
    """Every weight a float32 constant: an int8 weight that is restored at run time would be rounded twice."""
    weights = {tensor.name: tensor.data_type for tensor in graph.graph.initializer}
    computed = {end.name for end in graph.graph.input}
    for node in graph.graph.node:
        if computed & set(node.input):
            computed.update(node.output)
        if node.op_type in LINEAR:
            unfolded = [n for n in node.input[:2] if n not in computed and weights.get(n) != TensorProto.FLOAT]
            if unfolded:
                raise ExportError(
                    f"{where}: weight {unfolded[0]} does not fold to float32; export with --stored-as float32 and quantise that"
                )
