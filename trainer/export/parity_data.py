"""The images a comparison is made on: the measured split, and Val, on which thresholds are tuned anew."""

# N images, C classes

from pathlib import Path
from typing import NamedTuple

import numpy as np

from trainer.config import DataConfig
from trainer.data.provenance import DATASET, provenance_of
from trainer.data.sewer_ml import Split, SplitName, read_split
from trainer.data.subset import take
from trainer.errors import DataError
from trainer.export.parity import Truth
from trainer.export.record import ExportRecord

SEED = 0


class Measured(NamedTuple):
    """Both splits (one and the same where Val itself is measured), their labels, the data's kind and what to know of them."""

    split: Split
    val: Split
    truth: Truth
    kind: str
    remarks: tuple[str, ...]
    is_trial: bool


def measured_data(record: ExportRecord, root: Path | None, *, split: SplitName, num: int | None) -> Measured:
    """Read and check both splits.

    Args:
        record: Says where the data lay at export.
        root: Where they are; None: there.
        split: The measured one.
        num: At most so many images of each, drawn with a fixed seed; None: all.

    Raises:
        DataError: If they cannot be read or nobody says what they are.
    """
    stated = Path(record.data_root) if record.data_root else None
    if root is None and stated is None:
        raise DataError("the export does not say where its data lie; give --data")
    at = root or stated
    assert at is not None
    name, kind = _named(at, record, is_stated=root is None or root.resolve() == stated)
    whole_val = read_split(at, "Val")
    whole = whole_val if split == "Val" else read_split(at, split)
    val = _part(whole_val, num)
    measured = val if split == "Val" else _part(whole, num)
    is_trial = len(measured) < len(whole) or len(val) < len(whole_val)
    truth = Truth(measured.targets_NC, val.targets_NC, name, split)
    return Measured(measured, val, truth, kind, tuple(_remarks(record, name, split, num if is_trial else None)), is_trial)


def _named(root: Path, record: ExportRecord, *, is_stated: bool) -> tuple[str, str]:
    if (root / DATASET).is_file() or not is_stated:
        if not root.is_dir():
            raise DataError(f"{root}: no such folder; --data names one in Sewer-ML's layout")
        provenance = provenance_of(DataConfig(root=str(root)))
        return provenance.name, provenance.kind
    return record.training.data_name, record.training.data_kind


def _part(split: Split, num: int | None) -> Split:
    if num is None or num >= len(split):
        return split
    return take(split, np.sort(np.random.default_rng(SEED).choice(len(split), num, replace=False)))


def _remarks(record: ExportRecord, name: str, split: SplitName, num: int | None) -> list[str]:
    remarks = [f"trained on {record.training.data_name}, measured on {name}"] * (name != record.training.data_name)
    remarks += ["these images were trained on: quantisation may cost more on others"] * (split == "Train")
    remarks += ["thresholds were tuned on these very images: the figures at them flatter"] * (split == "Val")
    return remarks + [f"a trial on at most {num} images of each split, seed {SEED}: no graph is packed on it"] * (num is not None)
