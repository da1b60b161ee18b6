"""The graphs of an export folder, held against the contract before anything runs them.

    model.onnx   model.fp16.onnx   model.int8-trt.onnx   model.int8-x86.onnx

One file per precision; the first is written by `export`, the others by `quantize`.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np
import onnx

from edge_sdk.contract.interface import INPUT, METADATA_PREPROCESS, OPSET
from edge_sdk.contract.manifest import Precision
from edge_sdk.contract.preprocess import PreprocessSpec
from trainer.errors import ExportError
from trainer.export.record import MODEL

PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "int8-trt", "int8-x86")
STANDARD = ("", "ai.onnx")
STORED: Final[dict[int, Literal["float16", "int8"]]] = {onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.INT8: "int8"}


def graph_name(precision: Precision) -> str:
    """File name of a precision."""
    return MODEL if precision == "fp32" else f"model.{precision}.onnx"


def present(folder: Path) -> tuple[Precision, ...]:
    """The precisions a folder has a graph of."""
    return tuple(precision for precision in PRECISIONS if (folder / graph_name(precision)).is_file())


def graph_bytes(folder: Path, precision: Precision, spec: PreprocessSpec) -> bytes:
    """The bytes of a graph.

    Raises:
        ExportError: If it cannot be read, needs other files or operators than the standard's, or has another opset or geometry than the
            export; names and types of its ends are checked by the session that runs it.
    """
    path = folder / graph_name(precision)
    try:
        data = path.read_bytes()
        graph = onnx.load_from_string(data)
    except OSError as error:
        raise ExportError(f"{path}: {error.strerror}; write it with 'export' and 'quantize'") from error
    except Exception as error:  # protobuf's DecodeError, whose module has no types
        raise ExportError(f"{path}: not an ONNX file; write it again with 'export' or 'quantize'") from error
    _check(graph, spec, path)
    return data


def stored_type(data: bytes) -> Literal["float32", "float16", "int8"]:
    """The type most of a graph's weights take in its file; int8 arithmetic may well restore float32 ones at load."""
    num: Counter[int] = Counter()
    for tensor in onnx.load_from_string(data).graph.initializer:
        num[tensor.data_type] += int(np.prod(tensor.dims))
    (most, _), *_ = num.most_common(1) or [(onnx.TensorProto.FLOAT, 0)]
    return STORED.get(most, "float32")


def _check(graph: onnx.ModelProto, spec: PreprocessSpec, path: Path) -> None:
    graphs = list(_with_subgraphs(graph.graph))
    foreign = sorted({node.domain for part in graphs for node in part.node if node.domain not in STANDARD})
    if foreign:
        raise ExportError(f"{path}: operators of {foreign[0]}, which runtimes differ in; a bundle takes standard ONNX operators only")
    opset = {entry.domain: entry.version for entry in graph.opset_import if entry.domain in STANDARD}
    if opset != {"": OPSET}:
        raise ExportError(f"{path}: opset {opset}, the contract asks for {OPSET}; export again")
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for part in graphs for tensor in _tensors(part)):
        raise ExportError(f"{path}: keeps weights outside its file; a bundle carries single files only")
    sizes = {end.name: [axis.dim_value for axis in end.type.tensor_type.shape.dim][1:] for end in graph.graph.input}
    if sizes != {INPUT: [spec.height, spec.width, 3]}:
        raise ExportError(f"{path}: inputs {sizes}, the export has {INPUT} of {spec.height}x{spec.width}x3; export and quantise again")
    stated = {entry.key: entry.value for entry in graph.metadata_props}.get(METADATA_PREPROCESS)
    if stated is not None and stated != msgspec.json.encode(spec).decode():
        raise ExportError(f"{path}: made for another geometry than the folder's export.json; export and quantise again")


def _with_subgraphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and the branches and loop bodies in it: onnxruntime runs what stands there too."""
    yield graph
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _with_subgraphs(body)


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Weights, and the values of constants."""
    yield from graph.initializer
    for attribute in (attribute for node in graph.node for attribute in node.attribute):
        yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
