"""A study's folder: which data and scale it belongs to, and what each finished cell came to.

    study.json            table, scale, data and their digest: another study is refused
    recipes/<cell>.yaml   its config
    runs/<cell>/          its training
    evaluations/<cell>/   its figures per class, as `trainer.cli evaluate` writes them
    cells/<cell>.json     what it came to; a cell that has one is done

`torchrun ... -m trainer.cli finetune recipes/<cell>.yaml` trains a cell on many GPUs; the study takes it from there.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from trainer.config import Config
from trainer.data.provenance import Provenance
from trainer.errors import DataError
from trainer.evaluate.report import Figure
from trainer.run_folder import FREE_TO_CHANGE

Record = TypeVar("Record", bound=msgspec.Struct)

STUDY, RECIPES, RUNS, EVALUATIONS, CELLS = "study.json", "recipes", "runs", "evaluations", "cells"


class StudyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a folder belongs to, written before the first step. `digest` covers every split with labels, whole."""

    table: str
    scale: str
    data: Provenance
    digest: str
    split: Literal["Test", "Val"]
    num_train: int
    num_val: int
    num_measured: int


class CellResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a finished cell came to.

    `settings` is its config without what changes no figure; `model_sha256` tells the weights it ended with, `weights_sha256` those it
    started from. F2_CIW, F1_Normal and mAP are None for a cell without a classifier, RankMe (on Val) for one that is not pretraining.
    `seconds` are those of training and its validations, without parts of a run that were killed.
    """

    settings: dict[str, Any]
    digest: str
    model_sha256: str
    weights_sha256: str | None
    num_train: int
    epochs: int
    seconds: float
    f2_ciw: Figure | None = None
    f1_normal: Figure | None = None
    mean_ap: Figure | None = None
    rankme: float | None = None


def claim_study(out: Path, record: StudyRecord) -> None:
    """Take an empty folder, or go on in that of the same study.

    Raises:
        DataError: If it holds something else, or a study of another table, scale or data.
    """
    path = out / STUDY
    if not path.is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{out} is no study's folder and not empty; choose another --out")
        out.mkdir(parents=True, exist_ok=True)
        write_json(path, record)
        return
    there = _read(path, StudyRecord)
    what = {"table": there.table, "scale": there.scale, "data": there.data.name}
    for name, value, wanted in zip(what, what.values(), (record.table, record.scale, record.data.name), strict=True):
        if value != wanted:
            raise DataError(f"{out} holds a study of {name} {value}, not {wanted}; choose another --out")
    if there.digest != record.digest:
        raise DataError(f"{out} holds a study of other images or labels of {there.data.name}; restore the data or choose another --out")


def result_of(out: Path, cell: str) -> CellResult | None:
    """What a cell came to, if it is done."""
    path = out / CELLS / f"{cell}.json"
    return _read(path, CellResult) if path.is_file() else None


def write_json(path: Path, value: msgspec.Struct) -> None:
    """Write a record so that it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
    part.replace(path)


def settings_of(config: Config) -> dict[str, Any]:
    """A config flat and without what changes no figure: a moved folder or another number of threads is the same cell."""
    flat: dict[str, Any] = {}
    for part, value in msgspec.json.decode(msgspec.json.encode(config)).items():
        flat |= {f"{part}.{key}": field for key, field in value.items()} if isinstance(value, dict) else {part: value}
    # Where weights lie may change; which they are is held by their digest.
    return {key: value for key, value in flat.items() if key not in (*FREE_TO_CHANGE, "model.weights")}


def _read(path: Path, kind: type[Record]) -> Record:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: no record of a study ({error}); remove it, and what it speaks of is done again") from error
