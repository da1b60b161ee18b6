"""Measuring an export folder: torch and every graph on every runtime, on the same images, into `parity.json`, `.md` and `.csv`."""

# N images, C classes

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.manifest import Precision
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import EdgeSdkError
from trainer.data.sewer_ml import SplitName
from trainer.errors import ExportError
from trainer.evaluate.bootstrap import NUM_RESAMPLES
from trainer.export.graphs import graph_bytes, graph_name, present
from trainer.export.latency import measured_latency, this_machine
from trainer.export.parity import BOUNDS, Bounds, Logits
from trainer.export.parity_data import Measured, measured_data
from trainer.export.parity_record import PARITY, GraphRow, ParityRecord, json_from_parity
from trainer.export.parity_reference import reference_model
from trainer.export.parity_rows import TORCH, Contestant, against_first, graph_row
from trainer.export.parity_runners import Runner, logits_of_all, onnx_runner, openvino_runner, tensorrt_runner, torch_runner
from trainer.export.parity_table import csv_from_parity, markdown_from_parity
from trainer.export.record import ExportRecord, read_record
from trainer.export.writing import write_together
from trainer.progress import counting_late

ON_TENSORRT: tuple[Precision, ...] = ("fp32", "fp16", "int8-trt")
ON_OPENVINO: tuple[Precision, ...] = ("fp32", "fp16", "int8-x86")  # what an x86 robot would run on it
SERIALISED = {"parity.md": markdown_from_parity, "parity.csv": csv_from_parity}

Say = Callable[[str], None]


def measure_parity(
    export: Path,
    *,
    data_root: Path | None = None,
    checkpoint: Path | None = None,
    split: SplitName = "Test",
    num: int | None = None,
    threads: int = 0,
    bounds: Bounds = BOUNDS,
    latency: bool = False,
    num_resamples: int = NUM_RESAMPLES,
    say: Say = lambda _: None,
) -> ParityRecord:
    """Compare everything in an export folder and write the comparison beside it.

    Args:
        export: Folder written by `export`, and by `quantize` for more precisions.
        data_root: Folder in Sewer-ML's layout; None: where the export found it.
        checkpoint: What was exported; None: where the export found it.
        split: Which split the figures are of; thresholds are always re-tuned on Val.
        num: Only so many images of each split, drawn at random with a fixed seed; None: all.
        threads: Of onnxruntime and OpenVINO; 0 takes every core.
        bounds: The largest losses of F2_CIW the gate allows.
        latency: Whether to time single images too.
        num_resamples: For the intervals.
        say: Told of each stage.

    Returns:
        The comparison; `broken` is empty where the gate passes.

    Raises:
        ExportError: If the folder is no whole export or a graph breaks the contract.
        CheckpointError: If the checkpoint given cannot be read.
        DataError: If the data cannot be read.
    """
    record = read_record(export)
    graphs = {precision: graph_bytes(export, precision, record.preprocess) for precision in dict.fromkeys(("fp32", *present(export)))}
    model, remark = reference_model(record, checkpoint)
    say(remark)
    data = measured_data(record, data_root, split=split, num=num)
    with ExitStack() as stack:
        contestants = {TORCH: Contestant(None, torch_runner(model))} if model else {}
        contestants |= {f"onnx {p}": Contestant(p, _onnx(export, graph, p, threads)) for p, graph in graphs.items()}
        contestants |= {f"tensorrt {p}": Contestant(p, tensorrt_runner(graphs[p], p)) for p in ON_TENSORRT if p in graphs}
        contestants |= {f"openvino {p}": Contestant(p, openvino_runner(graphs[p], p, threads)) for p in ON_OPENVINO if p in graphs}
        runners = {name: c.runner for name, c in contestants.items() if isinstance(c.runner, Runner)}
        for runner in runners.values():
            stack.callback(runner.close)
        logits = _logits(runners, data, record)
    against = against_first(logits, record, data, bounds, num_resamples)
    rows = tuple(graph_row(name, contestant, logits.get(name), graphs, against) for name, contestant in contestants.items())
    parity = _record(record, data, rows, bounds, remarks=(remark, *data.remarks))
    if latency:
        parity = _timed(parity, graphs, record, say)
    _write(export, parity)
    return parity


def _onnx(export: Path, graph: bytes, precision: Precision, threads: int) -> Runner:
    try:
        return onnx_runner(graph, precision, threads)
    except EdgeSdkError as error:
        raise ExportError(f"{export / graph_name(precision)}: {error}") from error


def _logits(runners: Mapping[str, Runner], data: Measured, record: ExportRecord) -> dict[str, Logits | str]:
    """Of every runner on both splits; a split that is measured and tuned on alike is run once."""
    splits = {"measured": data.split} if data.split is data.val else {"measured": data.split, "val": data.val}
    found = {}
    with counting_late(sum(map(len, splits.values())), f"images x {len(runners)}") as count:
        for part, split in splits.items():
            done = 0

            def progress(num: int, part: str = part) -> None:
                nonlocal done
                done += num
                count(part, done)

            found[part] = logits_of_all(runners, split, record.preprocess, progress=progress)
    both = {name: (found["measured"][name], found.get("val", found["measured"])[name]) for name in runners}
    return {name: _joined(*pair) for name, pair in both.items()}


def _joined(measured: NDArray[np.float32] | str, val: NDArray[np.float32] | str) -> Logits | str:
    if isinstance(measured, str):
        return measured
    return val if isinstance(val, str) else Logits(measured, val)


def _record(record: ExportRecord, data: Measured, rows: tuple[GraphRow, ...], bounds: Bounds, *, remarks: tuple[str, ...]) -> ParityRecord:
    return ParityRecord(
        name=record.name,
        backbone=record.training.backbone,
        reference=rows[0].name,
        data_name=data.truth.data_name,
        data_kind=data.kind,
        split=data.truth.split,
        num_images=len(data.split),
        num_val_images=len(data.val),
        codes=taxonomy().codes,
        num_positive_C=tuple(int(num) for num in data.truth.targets_NC.sum(axis=0)),
        bound=bounds.frozen,
        bound_tuned=bounds.tuned,
        thresholds=record.graph.thresholds,
        is_trial=data.is_trial,
        rows=tuple(map(_tried, rows)) if data.is_trial else rows,
        remarks=tuple(remark for remark in remarks if remark),
    )


def _tried(row: GraphRow) -> GraphRow:
    """What a trial breaks is broken; what it does not break has not passed, for few images break little."""
    if row.parity is None or row.broken:
        return row
    return replace(row, parity=replace(row.parity, passed=None))


def _timed(parity: ParityRecord, graphs: Mapping[Precision, bytes], record: ExportRecord, say: Say) -> ParityRecord:
    machine = this_machine()
    times = measured_latency({f"onnx {p}": g for p, g in graphs.items()}, (record.preprocess.height, record.preprocess.width), say=say)
    return replace(parity, machine=machine, rows=tuple(replace(row, latency=times.get(row.name, ())) for row in parity.rows))


def _write(export: Path, parity: ParityRecord) -> None:
    tables = {name: serialise(parity).encode() for name, serialise in SERIALISED.items()}
    write_together(export, {**tables, PARITY: json_from_parity(parity)})
