"""An export folder's fp32 graph in other precisions, each with its record, each within its bound or not written at all."""

import hashlib
from pathlib import Path

import onnx
import onnxruntime as ort

from trainer.errors import ExportError
from trainer.export.fp16 import check_range, half_graph, largest_activations
from trainer.export.graphs import graph_name
from trainer.export.onnx import check_graph
from trainer.export.quantize_job import Converted, Job, Say, Settings, read_job
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_record import QuantisationRecord, json_from_quantisation, record_name
from trainer.export.quantize_scores import check_alive, cost_of, difference, logits_of
from trainer.export.quantize_search import search_int8
from trainer.export.writing import write_together

NUM_FOR_RANGE = 64  # images whose fp32 activations are held against float16's range


def quantise_export(
    export: Path, settings: Settings | None = None, *, data_root: Path | None = None, say: Say = lambda _: None
) -> tuple[QuantisationRecord, ...]:
    """Write graphs of other precisions, and their records, beside an export's fp32 graph.

    Args:
        export: Folder written by `export_checkpoint`.
        settings: Which, and how; None: all, by the defaults.
        data_root: Where the data are; None: where the export says.
        say: Told of each stage.

    Raises:
        ExportError: If the folder is no export, or a graph breaks the contract or its bound; graphs before it are kept.
        DataError: If the images cannot be read, or are no images of anything.
    """
    job = read_job(export, settings or Settings(), data_root, say)
    records = []
    for precision in job.settings.precisions:
        graph, record = _half(job) if precision == "fp16" else _int8(job, precision)
        write_together(export, {graph_name(precision): graph, record_name(precision): json_from_quantisation(record)})
        records.append(record)
    return tuple(records)


def _half(job: Job) -> tuple[bytes, QuantisationRecord]:
    settings, validation = job.settings, job.validation
    job.say("fp16: LayerNorm, Softmax, attention scores and head stay in float32")
    graph, kept = half_graph(job.source)
    check_range(largest_activations(job.source, validation.first(NUM_FOR_RANGE).images_NHWC, threads=settings.threads))
    logits_NC = logits_of(graph, validation.images_NHWC, precision="fp16", threads=settings.threads)
    found = difference(logits_NC, validation, "fp16")
    check_alive(logits_NC, validation.reference_NC, "fp16")
    if found.lost > settings.max_drop:
        raise ExportError(f"fp16: loses {found.lost:.2f} points of F2_CIW, {settings.max_drop:g} are allowed (--max-drop); deploy fp32")
    in_float = {node.name for node in kept}
    data = _checked(job, graph)
    return data, QuantisationRecord(
        precision="fp16",
        file=graph_name("fp16"),
        sha256=hashlib.sha256(data).hexdigest(),
        source_sha256=job.source_sha256,
        method="float16 with a cast at each border",
        op_types=(),
        made_with=f"onnx {onnx.__version__}",
        calibration=None,
        quantised=tuple(name for name in layers_of(job.source.graph).body if name not in in_float),
        kept=kept,
        cost=cost_of(found, validation, settings.max_drop),
    )


def _int8(job: Job, precision: Converted) -> tuple[bytes, QuantisationRecord]:
    made = search_int8(job, precision)
    data = _checked(job, made.trial.graph)
    return data, QuantisationRecord(
        precision=precision,
        file=graph_name(precision),
        sha256=hashlib.sha256(data).hexdigest(),
        source_sha256=job.source_sha256,
        method=job.settings.method,
        op_types=made.flavour.op_types,
        made_with=f"onnxruntime {ort.__version__}",
        calibration=made.calibration,
        quantised=made.quantised,
        kept=made.kept,
        cost=cost_of(made.trial.found, job.validation, job.settings.max_drop),
        sensitivity=made.sensitivity,
        num_sensitivity_images=made.num_sensitivity_images,
    )


def _checked(job: Job, graph: onnx.ModelProto) -> bytes:
    check_graph(graph, job.spec)
    data: bytes = graph.SerializeToString()
    return data
