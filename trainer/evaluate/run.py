"""Evaluation of a checkpoint on one split of any data set in Sewer-ML's layout, into a folder.

    evaluation.txt, .csv, .json, .html    the same figures for a terminal, a spreadsheet, a program and a reader

Two ways to decide, never mixed: the protocol's fixed 0.5, and one threshold per class tuned on Val. Temperature changes no decision at
0.5 and no ranking; it is fitted on Val and only the calibration figures at it are reported, beside those of the scores as trained.
"""

# N images, C classes

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import torch
from msgspec.structs import replace
from numpy.typing import NDArray

from edge_sdk.contract.interface import scores_from_logits
from edge_sdk.contract.taxonomy import taxonomy
from trainer.checkpoint import Contract, load_model
from trainer.config import Config, DataConfig
from trainer.data.provenance import DATASET, Provenance, provenance_of
from trainer.data.sewer_ml import Split, SplitName, has_split, read_split
from trainer.data.training import eval_batches, read_data
from trainer.errors import DataError
from trainer.evaluate.bootstrap import NUM_RESAMPLES
from trainer.evaluate.calibration import fitted_temperature
from trainer.evaluate.figures import confusion_plot, f2_plot, precision_recall_plot, reliability_plot
from trainer.evaluate.measure import Scored, measured
from trainer.evaluate.page import page_from_report
from trainer.evaluate.report import EvaluationReport, Origin, csv_from_report, text_from_report
from trainer.evaluate.scores import logits_of
from trainer.export.thresholds import PROTOCOL, tuned_thresholds
from trainer.models import DefectClassifier

Say = Callable[[str], None]

CLAIMS_SEWER_ML = re.compile(r"sewer[\s_-]*ml", re.IGNORECASE)


def evaluate_checkpoint(
    checkpoint: Path,
    data_root: Path,
    out: Path,
    *,
    split: SplitName = "Test",
    thresholds: Origin = "protocol-0.5",
    num_resamples: int = NUM_RESAMPLES,
    seed: int = 0,
    workers: int = 1,
    say: Say = lambda _: None,
) -> EvaluationReport:
    """Measure and write.

    Args:
        checkpoint: A checkpoint's folder.
        data_root: Folder in Sewer-ML's layout; need not be what was trained on.
        out: Folder to write; must not exist, or be empty.
        split: Which split the figures are of.
        thresholds: What decides. Tuned ones, and the temperature, come from the folder's Val.
        num_resamples: For the intervals.
        seed: Of the resamples.
        workers: Loader processes.
        say: Told of each stage.

    Raises:
        CheckpointError: If the checkpoint cannot be read, or has no classifier.
        DataError: If the data cannot be read or are not named, there is no Val to tune on, or `out` is not empty.
    """
    model, contract, config = load_model(checkpoint)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} is not empty; choose a new folder")
    provenance = _named(data_root, contract, config)
    config = replace(config, data=replace(config.data, root=str(data_root), cache=False, workers=workers))
    scored = {name: _scored(model, read_split(data_root, name), config, say) for name in _needed(data_root, split, thresholds)}
    val = scored.get("Val")
    thresholds_C = _thresholds(val, thresholds)
    say(f"{num_resamples} resamples for the intervals")
    report = measured(
        scored[split],
        thresholds_C,
        temperature=fitted_temperature(*val) if val else None,
        num_resamples=num_resamples,
        seed=seed,
        about={
            "data_name": provenance.name,
            "data_kind": provenance.kind,
            "data_licence": provenance.licence,
            "split": split,
            "remarks": _remarks(split, thresholds, provenance, contract),
            "checkpoint": f"{checkpoint.parent.parent.name}/{checkpoint.name}",
            "backbone": config.model.backbone,
            "task": config.task,
            "step": contract.step,
            "trained_on": f"{contract.provenance.name} ({contract.provenance.kind}, {contract.num_images} images)",
            "git_revision": contract.git_revision,
            "threshold_origin": thresholds,
        },
    )
    _write(out, report, scored[split])
    return report


def _needed(root: Path, split: SplitName, thresholds: Origin) -> tuple[SplitName, ...]:
    """The evaluated split, and Val where there is one or it is needed."""
    if split == "Val" or (thresholds == "protocol-0.5" and not has_split(root, "Val")):
        return (split,)
    return ("Val", split)


def _scored(model: DefectClassifier, split: Split, config: Config, say: Say) -> Scored:
    say(f"{split.name}: {len(split)} images")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Scored(logits_of(model.to(device), eval_batches(split, config)), split.targets_NC > 0)


def _thresholds(val: Scored | None, origin: Origin) -> NDArray[np.float64]:
    if origin == "protocol-0.5" or val is None:
        return np.full(len(taxonomy()), PROTOCOL)
    return tuned_thresholds(scores_from_logits(val.logits_NC), val.positive_NC.astype(np.uint8))


def _named(root: Path, contract: Contract, config: Config) -> Provenance:
    """What the images are: as their folder says, else as the checkpoint says if they are the very images it was trained with.

    Never as the recipe says for some other folder: figures would stand under a wrong name.
    """
    if (root / DATASET).is_file():
        provenance = provenance_of(DataConfig(root=str(root)))
    elif read_data(replace(config, data=replace(config.data, root=str(root)))).digest == contract.data_digest:
        provenance = contract.provenance
    else:
        raise DataError(f"{root} has no {DATASET} and is not what the checkpoint was trained with; write name, kind and licence there")
    if provenance.kind != "sewer-ml" and CLAIMS_SEWER_ML.search(provenance.name):
        raise DataError(f"{root}: a data set of kind {provenance.kind} must not be called '{provenance.name}'; name it in {DATASET}")
    return provenance


def _remarks(split: SplitName, thresholds: Origin, provenance: Provenance, contract: Contract) -> tuple[str, ...]:
    remarks = []
    if provenance.name != contract.provenance.name:
        remarks.append(f"trained on {contract.provenance.name}, measured on {provenance.name}")
    if split == "Train":
        remarks.append("these images were trained on: the figures say how well they were learnt, not how well the model does")
    if split == "Val":
        remarks.append("the checkpoint was chosen on Val: the figures flatter it a little")
        remarks += ["the thresholds were tuned on these very images: the figures flatter them"] * (thresholds == "tuned-on-validation")
    return tuple(remarks)


def _write(out: Path, report: EvaluationReport, scored: Scored) -> None:
    scores_NC = scores_from_logits(scored.logits_NC)
    plots = {
        "f2": f2_plot(report),
        "precision_recall": precision_recall_plot(report, scores_NC, scored.positive_NC),
        "reliability": reliability_plot(report),
        "confusion": confusion_plot(report),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.txt").write_text(text_from_report(report), encoding="utf-8")
    (out / "evaluation.csv").write_text(csv_from_report(report), encoding="utf-8")
    (out / "evaluation.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    (out / "evaluation.html").write_text(page_from_report(report, plots), encoding="utf-8")
