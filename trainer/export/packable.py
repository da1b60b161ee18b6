"""Which graphs of an export folder may go into a bundle: those measured, unchanged since, and within the gate's bounds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec.structs import replace

from edge_sdk.contract.manifest import Calibration, Graph, Parity, Precision
from trainer.errors import ExportError
from trainer.export.graphs import PRECISIONS, graph_name, present, stored_type
from trainer.export.parity import BOUNDS
from trainer.export.parity_record import GraphRow, ParityRecord, read_parity, sha256_of
from trainer.export.quantize_record import read_quantisation, record_name
from trainer.export.record import ExportRecord

TAKEN_FIRST: dict[Literal["tensorrt", "openvino"], str] = {  # a robot that has these would take them before any other
    "tensorrt": "as a TensorRT engine",
    "openvino": "on OpenVINO",
}


class Packed(NamedTuple):
    """A graph as the manifest states it, with its parity."""

    graph: Graph
    parity: Parity


class _Refusal(NamedTuple):
    reason: str


def chosen(folder: Path, record: ExportRecord, asked: Sequence[str] | None, say: Callable[[str], None]) -> tuple[Packed, ...]:
    """The graphs to pack, fp32 first.

    Args:
        folder: The export folder.
        record: Its record.
        asked: Precisions somebody names: each must pass. None: fp32, which must, and of the others those that do.
        say: Told of each that stays out.

    Raises:
        ExportError: For an unknown precision, or one that is asked for and missing, unmeasured or outside the bounds.
    """
    unknown = next((p for p in asked or () if p not in PRECISIONS), None)
    if unknown is not None:
        raise ExportError(f"precision {unknown} is not known; there are {', '.join(PRECISIONS)}")
    comparison, there = read_parity(folder), present(folder)
    packed = []
    for precision in PRECISIONS:
        if precision not in (asked or ("fp32", *there)):
            continue
        verdict = _judged(folder, record, comparison, precision) if precision in there else _Refusal("has no graph; run 'quantize'")
        if isinstance(verdict, Packed):
            packed.append(verdict)
        elif asked or precision == "fp32":
            raise ExportError(f"{folder}, {precision}: {verdict.reason}, or choose other graphs with --precision")
        else:
            say(f"{precision} stays out: {verdict.reason}")
    if comparison and (comparison.bound > BOUNDS.frozen or comparison.bound_tuned > BOUNDS.tuned):
        allowed = f"{100 * comparison.bound:g} and {100 * comparison.bound_tuned:g}"
        say(f"parity was measured with wider bounds than the gate's own: {allowed} points of F2_CIW; the bundle states them")
    return tuple(packed)


def parity_on_openvino(folder: Path, packed: Sequence[Packed]) -> tuple[Parity, ...]:
    """What packed graphs gave on OpenVINO, where that was measured: the bundle states it beside what they gave on onnxruntime."""
    comparison = read_parity(folder)
    rows = (comparison.row(item.graph.precision, on="openvino") for item in packed) if comparison else ()
    return tuple(row.parity for row in rows if row is not None and row.parity is not None and row.parity.passed)


def _judged(folder: Path, record: ExportRecord, comparison: ParityRecord | None, precision: Precision) -> Packed | _Refusal:
    row = comparison.row(precision) if comparison else None
    if row is None:
        # What an export says of its own graph counts: it was measured against torch as it was written.
        return Packed(record.graph, record.parity) if precision == "fp32" else _Refusal("parity was not measured; run 'parity'")
    if row.sha256 != sha256_of((folder / graph_name(precision)).read_bytes()):
        return _Refusal("the graph has changed since parity was measured; run 'parity' again")
    if row.broken:
        return _Refusal(f"fails the parity gate: it {'; it '.join(row.broken)}; quantise it with other settings")
    if comparison and comparison.is_trial and precision != "fp32":
        return _Refusal(f"parity was only tried, on {comparison.num_images} images; run 'parity' without --num")
    for runtime, where in TAKEN_FIRST.items():
        there = comparison.row(precision, on=runtime) if comparison else None
        if there is not None and there.broken:
            return _Refusal(f"fails the parity gate {where}: it {'; it '.join(there.broken)}; quantise it with other settings")
    if precision == "fp32":
        parity = row.parity if row.parity and row.parity.passed is not None else record.parity  # that of its export
        return Packed(replace(record.graph, tuned_thresholds=row.tuned_thresholds), parity)
    return _converted(folder, record, precision, row)


def _converted(folder: Path, record: ExportRecord, precision: Precision, row: GraphRow) -> Packed | _Refusal:
    """A graph made by `quantize`, whose record must be of this very file and of this export's fp32 graph."""
    if not (folder / record_name(precision)).is_file():
        return _Refusal(f"{record_name(precision)} is missing, so nobody knows what it was made from; run 'quantize' again")
    made = read_quantisation(folder, precision)
    if (made.sha256, made.source_sha256) != (row.sha256, sha256_of((folder / graph_name("fp32")).read_bytes())):
        return _Refusal(f"{record_name(precision)} is of other graphs than lie here; run 'quantize' and 'parity' again")
    if row.parity is None:
        return _Refusal("parity was not measured; run 'parity'")
    calibration = made.calibration.in_manifest if made.calibration else None
    stored_as = stored_type((folder / graph_name(precision)).read_bytes())
    return Packed(_graph(record, precision, row.tuned_thresholds, calibration, stored_as), row.parity)


def _graph(
    record: ExportRecord,
    precision: Precision,
    tuned: tuple[float, ...] | None,
    calibration: Calibration | None,
    stored_as: Literal["float32", "float16", "int8"],
) -> Graph:
    """Frozen thresholds are those of the export for every precision; the tuned ones are the graph's own."""
    own = record.graph
    return Graph(
        precision=precision,
        file=graph_name(precision),
        stored_as=stored_as,
        temperature=own.temperature,
        thresholds=own.thresholds,
        threshold_origin=own.threshold_origin,
        tuned_thresholds=tuned,
        calibration=calibration,
    )
