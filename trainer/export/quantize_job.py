"""What every conversion of an export folder shares: the folded fp32 graph, the validation images and their fp32 logits, the settings."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.errors import EdgeSdkError
from trainer.config import DataConfig
from trainer.data.provenance import DATASET, provenance_of
from trainer.data.sewer_ml import SplitName, read_split
from trainer.errors import DataError, ExportError
from trainer.export.calibration import MethodName, read_images, spread_rows
from trainer.export.graphs import graph_bytes
from trainer.export.quantize_layers import layers_of
from trainer.export.quantize_scores import Validation, logits_of
from trainer.export.quantize_source import float_source
from trainer.export.record import MODEL, ExportRecord, read_record

Say = Callable[[str], None]
Converted = Literal["fp16", "int8-trt", "int8-x86"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What to make and how hard to look; `num_validation` bounds memory and time, and is spread evenly over the split."""

    precisions: tuple[Converted, ...] = ("fp16", "int8-trt", "int8-x86")
    calibration: SplitName = "Train"
    num_calibration: int = 512
    method: MethodName = "percentile-99.999"
    max_drop: float = 0.5
    num_validation: int = 2000
    sensitivity: bool = False
    num_sensitivity: int = 256
    seed: int = 0
    threads: int = 0


@dataclass(frozen=True, kw_only=True)
class Job:
    """`source` is folded, `source_sha256` is of the file it was read from."""

    source: onnx.ModelProto
    source_sha256: str
    spec: PreprocessSpec
    root: Path
    data_name: str
    validation: Validation
    settings: Settings
    say: Say


def read_job(export: Path, settings: Settings, data_root: Path | None, say: Say) -> Job:
    """Read graph and images, and run fp32 once.

    Raises:
        ExportError: If the folder is no export, or its graph cannot be converted.
        DataError: If the images cannot be read.
    """
    record = read_record(export)
    data = graph_bytes(export, "fp32", record.preprocess)
    source = float_source(onnx.load_from_string(data), record.preprocess, str(export / MODEL))
    if not layers_of(source.graph).body:
        raise ExportError(f"{export / MODEL}: no linear layer before the classifier, nothing to convert; export a network")
    root, name = _data(record, data_root)
    return Job(
        source=source,
        source_sha256=hashlib.sha256(data).hexdigest(),
        spec=record.preprocess,
        root=root,
        data_name=name,
        validation=_validation(source, record, root, name, settings, say, str(export / MODEL)),
        settings=settings,
        say=say,
    )


def _validation(
    source: onnx.ModelProto, record: ExportRecord, root: Path, name: str, settings: Settings, say: Say, where: str
) -> Validation:
    split = read_split(root, "Val")
    rows_N = spread_rows(len(split), settings.num_validation, settings.seed)
    say(f"fp32: running {len(rows_N)} images of Val")
    images_NHWC = read_images(split, record.preprocess, rows_N)
    try:
        reference_NC = logits_of(source, images_NHWC, precision="fp32", threads=settings.threads)
    except EdgeSdkError as error:
        raise ExportError(f"{where}: {error}") from error
    return Validation(
        images_NHWC,
        split.targets_NC[rows_N],
        np.array(record.graph.thresholds),
        reference_NC,
        name,
        split.name,
        settings.threads,
    )


def _data(record: ExportRecord, given: Path | None) -> tuple[Path, str]:
    """Folder and name of the data."""
    stated = Path(record.data_root) if record.data_root else None
    root = given or stated
    if root is None:
        raise DataError("the export does not say where its data lie; give --data")
    if not root.is_dir():
        raise DataError(f"{root}: no such folder; --data names one in Sewer-ML's layout")
    if (root / DATASET).is_file() or (given is not None and given.resolve() != stated):
        return root, provenance_of(DataConfig(root=str(root))).name
    return root, record.training.data_name
