"""From an export folder to one signed bundle, of the precisions that were measured and passed the gate."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_sdk.bundle import file_entries, write_bundle
from edge_sdk.contract.evaluation_frames import INDEX, evaluation_index_from_json
from edge_sdk.contract.golden import GoldenSet, golden_from_json, run_golden
from edge_sdk.contract.interface import INTERFACE_VERSION
from edge_sdk.contract.manifest import SCHEMA_VERSION, Manifest, Precision
from edge_sdk.errors import EdgeSdkError
from edge_sdk.runtime.onnx import OnnxSession
from trainer.errors import ExportError
from trainer.export.card import model_card
from trainer.export.evaluation_frames import FramesFrom, frames_for_bundle
from trainer.export.golden import golden_of, golden_with, json_from_golden
from trainer.export.graphs import graph_bytes
from trainer.export.packable import Packed, chosen, parity_on_openvino
from trainer.export.record import GOLDEN, ExportRecord, read_record

CARD = "model-card.md"

Say = Callable[[str], None]


def pack(
    export: Path,
    out: Path,
    *,
    key: Ed25519PrivateKey | None,
    name: str | None = None,
    version: str = "0.1.0",
    precisions: Sequence[str] | None = None,
    evaluation: FramesFrom | None = None,
    say: Say = lambda _: None,
) -> Manifest:
    """Write the bundle of an export folder.

    Args:
        export: Folder written by `export_checkpoint`, and `quantize` and `parity` for precisions besides fp32.
        out: The bundle file.
        key: Signs it; None leaves it unsigned.
        name: Of the bundle; the run's if None.
        version: Of the bundle, such as 1.2.0.
        precisions: Graphs to take; None: fp32 and every other that passed the gate.
        evaluation: Labelled frames to take along, for parity on a robot without a data set; None: none.
        say: Told of graphs that stay out, and of the frames that go in.

    Raises:
        ExportError: If the folder is no whole export, a graph asked for is missing, unmeasured or failed the gate, or the frames are too
            many bytes.
        DataError: If the frames cannot be read.
        EdgeSdkError: If the bundle cannot be written or breaks the contract.
    """
    record = read_record(export)
    packed = chosen(export, record, precisions, say)
    frames = frames_for_bundle(evaluation, record.preprocess, say) if evaluation is not None else {}
    content = _content(export, record, packed, frames, name=name or record.name, version=version)
    manifest = Manifest(
        schema_version=SCHEMA_VERSION,
        name=name or record.name,
        version=version,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        interface_version=INTERFACE_VERSION,
        classes=record.classes,
        preprocess=record.preprocess,
        label_rule=record.label_rule,
        graphs=tuple(item.graph for item in packed),
        training=record.training,
        evaluation=(*record.evaluation, *record.evaluation_tuned),
        parity=(*(item.parity for item in packed), *parity_on_openvino(export, packed)),
        golden=GOLDEN,
        model_card=CARD,
        files=file_entries(content),
    )
    write_bundle(out, manifest, content, key)
    return manifest


def _content(
    export: Path, record: ExportRecord, packed: Sequence[Packed], evaluation: Mapping[str, bytes], *, name: str, version: str
) -> dict[str, bytes]:
    try:
        golden = golden_from_json((export / GOLDEN).read_bytes())
        frames = {frame.file: (export / frame.file).read_bytes() for frame in golden.frames}
    except OSError as error:
        raise ExportError(f"{error.filename}: {error.strerror}; export again") from error
    graphs = {item.graph.precision: graph_bytes(export, item.graph.precision, record.preprocess) for item in packed}
    golden = _golden(export, golden, frames, graphs, record)
    sizes = {precision: len(graph) for precision, graph in graphs.items()}
    index = evaluation_index_from_json(evaluation[INDEX]) if evaluation else None
    card = model_card(record, name=name, version=version, packed=packed, sizes=sizes, frames=index).encode()
    files = {item.graph.file: graphs[item.graph.precision] for item in packed}
    return {**files, GOLDEN: json_from_golden(golden), **frames, **evaluation, CARD: card}


def _golden(
    export: Path, golden: GoldenSet, frames: Mapping[str, bytes], graphs: Mapping[Precision, bytes], record: ExportRecord
) -> GoldenSet:
    """Golden scores of each graph: those of fp32 were written at export and must still come out, the others are written now."""
    for precision, graph in graphs.items():
        try:
            session = OnnxSession(graph, precision=precision)
        except EdgeSdkError as error:
            raise ExportError(f"{export}, {precision}: {error}") from error
        try:
            if precision not in golden.tolerance:
                golden = golden_with(golden, frames.__getitem__, session, record.preprocess)
            report = run_golden(golden, frames.__getitem__, session.run, spec=record.preprocess, precision=precision)
        finally:
            session.close()
        if not report.passed:
            raise ExportError(
                f"{export}: the {precision} graph misses its golden scores by {report.max_abs_dp:.3f}, {report.tolerance:g} allowed; "
                "it is not what was exported, export again"
            )
    return golden_of(golden, list(graphs))
