"""Export of a checkpoint with its figures: every one is measured on the written graph, through the robot's session and `prepare`."""

# N images, C classes

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.manifest import ClassFigures, Evaluation, Graph, Thresholds, Training
from edge_sdk.contract.metrics import SewerMetrics, sewer_metrics
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime import Session
from edge_sdk.runtime.onnx import OnnxSession
from trainer.ancestry import ancestors_of
from trainer.checkpoint import Contract, load_model
from trainer.config import Config
from trainer.data.images import prepared_image
from trainer.data.sewer_ml import Split, has_split, read_split
from trainer.data.training import TrainingData, read_data
from trainer.errors import DataError, ExportError
from trainer.export.golden import golden_files, golden_rows, json_from_golden
from trainer.export.onnx import check_graph, onnx_from_model
from trainer.export.parity import parity_of
from trainer.export.record import GOLDEN, MODEL, RECORD, ExportRecord, json_from_record
from trainer.export.storage import StoredAs, store_weights
from trainer.export.thresholds import PROTOCOL, tuned_thresholds
from trainer.export.writing import write_together
from trainer.models import DefectClassifier

BATCH = 16
NUM_PARITY = 512
PRECISION: Final = "fp32"

Say = Callable[[str], None]


def export_checkpoint(
    checkpoint: Path,
    out: Path,
    *,
    stored_as: StoredAs = "float32",
    thresholds: Thresholds = "tuned-on-validation",
    data_root: Path | None = None,
    threads: int = 0,
    say: Say = lambda _: None,
) -> ExportRecord:
    """Write an export folder.

    Args:
        checkpoint: A checkpoint's folder.
        out: Folder to write; must not exist, or be empty.
        stored_as: Type of the weights in the file.
        thresholds: What the robot decides by: the protocol's 0.5, or one per class tuned on validation for F2. Figures at both are kept.
        data_root: Where the data are now; None: where the run found them.
        threads: Of onnxruntime; 0 leaves it to it.
        say: Told of each stage.

    Raises:
        CheckpointError: If the checkpoint cannot be read.
        DataError: If its data have changed or are gone: thresholds and figures need the validation images.
        ExportError: If the graph breaks the contract, or `out` is not empty.
    """
    model, contract, config = load_model(checkpoint)
    config = _at(config, data_root)
    data = _same_data(config, contract, checkpoint)
    _check_empty(out)
    say(f"exporting {config.model.backbone} of step {contract.step}, weights stored as {stored_as}")
    graph = store_weights(onnx_from_model(model, config.preprocess), stored_as)
    check_graph(graph, config.preprocess)
    onnx_bytes = graph.SerializeToString()
    session = OnnxSession(onnx_bytes, precision=PRECISION, threads=threads)
    record = _measured(
        model, session, contract, config, data, stored_as=stored_as, thresholds=thresholds, model_bytes=len(onnx_bytes), say=say
    )
    record = replace(record, checkpoint=str(checkpoint.resolve()), data_root=str(Path(config.data.root).resolve()))
    files, golden = golden_files(data.val, golden_rows(data.val.targets_NC), session, config.preprocess)
    session.close()
    out.mkdir(parents=True, exist_ok=True)
    write_together(out, {MODEL: onnx_bytes, GOLDEN: json_from_golden(golden), **files, RECORD: json_from_record(record)})
    return record


def evaluation_of(metrics: SewerMetrics, *, data_name: str, split: str, thresholds: Thresholds) -> Evaluation:
    """The manifest's form of the contract's metric."""
    classes = tuple(
        ClassFigures(
            code,
            int(metrics.num_positive_C[c]),
            float(metrics.precision_C[c]),
            float(metrics.recall_C[c]),
            float(metrics.f2_C[c]),
            float(metrics.ap_C[c]),
        )
        for c, code in enumerate(taxonomy().codes)
    )
    return Evaluation(data_name, split, thresholds, metrics.num_images, PRECISION, metrics.f2_ciw, metrics.f1_normal, classes)


def _measured(
    model: DefectClassifier,
    session: Session,
    contract: Contract,
    config: Config,
    data: TrainingData,
    *,
    stored_as: StoredAs,
    thresholds: Thresholds,
    model_bytes: int,
    say: Say,
) -> ExportRecord:
    splits = {"Val": data.val}
    if has_split(Path(config.data.root), "Test"):
        splits["Test"] = read_split(Path(config.data.root), "Test")
    logits = {}
    for name, split in splits.items():
        say(f"running {len(split)} images of {name} through {session.provider}")
        logits[name] = _session_logits(session, split, config.preprocess)
    tuned_C = tuned_thresholds(scores_from_logits(logits["Val"]), data.val.targets_NC)
    thresholds_C = tuned_C if thresholds == "tuned-on-validation" else np.full_like(tuned_C, PROTOCOL)
    reference_NC = _torch_logits(model, data.val, config.preprocess, min(len(data.val), NUM_PARITY))
    provenance = contract.provenance

    def evaluated(threshold: float | NDArray[np.float64], origin: Thresholds) -> tuple[Evaluation, ...]:
        return tuple(
            evaluation_of(
                sewer_metrics(scores_from_logits(logits[name]), split.targets_NC, taxonomy().ciw, threshold=threshold),
                data_name=provenance.name,
                split=name,
                thresholds=origin,
            )
            for name, split in splits.items()
        )

    return ExportRecord(
        name=config.name,
        classes=contract.classes,
        preprocess=config.preprocess,
        label_rule=provenance.label_rule,
        graph=Graph(PRECISION, MODEL, stored_as, 1.0, tuple(thresholds_C.tolist()), thresholds),
        training=training_of(contract, config),
        generator=provenance.generator,
        checkpoint_step=contract.step,
        evaluation=evaluated(PROTOCOL, "protocol-0.5"),
        evaluation_tuned=evaluated(tuned_C, "tuned-on-validation"),
        parity=parity_of(logits["Val"][: len(reference_NC)], reference_NC, thresholds_C, precision=PRECISION, reference="torch float32"),
        model_bytes=model_bytes,
    )


def training_of(contract: Contract, config: Config) -> Training:
    """What a bundle states of its weights' origin."""
    provenance = contract.provenance
    return Training(
        backbone=config.model.backbone,
        task=config.task,
        data_name=provenance.name,
        data_kind=provenance.kind,
        data_digest=contract.data_digest,
        data_licence=provenance.licence,
        num_images=contract.num_images,
        git_revision=contract.git_revision,
        started_from=Path(config.model.weights).name if config.model.weights else None,
        ancestors=ancestors_of(contract, config),
    )


def _session_logits(session: Session, split: Split, spec: PreprocessSpec) -> NDArray[np.float32]:
    return np.concatenate([session.run(_batch(split, start, spec)).logits_NC for start in range(0, len(split), BATCH)])


def _torch_logits(model: DefectClassifier, split: Split, spec: PreprocessSpec, num: int) -> NDArray[np.float32]:
    with torch.inference_mode():
        batches = [model(torch.from_numpy(_batch(split, start, spec))).logits_NC.numpy() for start in range(0, num, BATCH)]
    return np.concatenate(batches)[:num]


def _batch(split: Split, start: int, spec: PreprocessSpec) -> NDArray[np.uint8]:
    return np.stack([prepared_image(split, index, spec) for index in range(start, min(start + BATCH, len(split)))])


def _same_data(config: Config, contract: Contract, checkpoint: Path) -> TrainingData:
    data = read_data(config)
    if data.digest != contract.data_digest:
        raise DataError(f"{config.data.root} is not what {checkpoint} was trained with; restore it, figures on other images would mislead")
    return data


def _at(config: Config, data_root: Path | None) -> Config:
    return config if data_root is None else replace(config, data=replace(config.data, root=str(data_root)))


def _check_empty(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ExportError(f"{out} is not empty; choose a new folder")
