"""Validation images that were trained on: figures on them flatter, and the best checkpoint is chosen by them.

Images are taken for the same by their bytes. In small sets every two of the same length are compared; in large ones those of the same
name and length (Sewer-ML names each image once), which finds a split that was copied, not one that was copied under other names.
"""

import hashlib
import logging
from collections.abc import Iterable

from trainer.data.sewer_ml import Split
from trainer.errors import DataError

logger = logging.getLogger(__name__)

SMALL = 4096  # images of both splits: reading all takes about a second
SAMPLE = 256  # of more pairs alike in name and length, so many are read first: mostly they are all the same or none is


def warn_of_repeats(train: Split, val: Split) -> None:
    """One line if validation images are among the training images.

    Raises:
        DataError: If all are.
    """
    num = num_repeated(train, val)
    if num == len(val):
        raise DataError(f"{val.csv_path}: every image is also a training image, so validation would measure memory; split by pipe or video")
    if num:
        logger.warning("%d of %d validation images are training images too: figures flatter; split by pipe or video", num, len(val))


def num_repeated(train: Split, val: Split) -> int:
    """How many images of `val` are in `train`.

    Raises:
        DataError: If one cannot be read.
    """
    if len(train) + len(val) <= SMALL:
        return _num_alike(train, val)
    pairs = _namesakes(train, val)
    sample = pairs[:: max(len(pairs) // SAMPLE, 1)]
    num = _num_same(train, val, sample)
    return len(pairs) if num == len(sample) else 0 if num == 0 else _num_same(train, val, pairs)


def _num_alike(train: Split, val: Split) -> int:
    """Of the validation images those whose bytes are a training image's, whatever its name."""
    in_val, in_train = (set(split.num_bytes_N.tolist()) for split in (val, train))
    known = {_digest(train, row) for row, length in enumerate(train.num_bytes_N.tolist()) if length in in_val}
    return sum(_digest(val, row) in known for row, length in enumerate(val.num_bytes_N.tolist()) if length in in_train)


def _namesakes(train: Split, val: Split) -> list[tuple[int, int]]:
    """Rows of training and validation images of one name and length."""
    row_of = {key: row for row, key in enumerate(zip(train.files, train.num_bytes_N.tolist(), strict=True))}
    return [(row_of[key], row) for row, key in enumerate(zip(val.files, val.num_bytes_N.tolist(), strict=True)) if key in row_of]


def _num_same(train: Split, val: Split, pairs: Iterable[tuple[int, int]]) -> int:
    return sum(train.read_bytes(row) == val.read_bytes(other) for row, other in pairs)


def _digest(split: Split, row: int) -> bytes:
    return hashlib.sha256(split.read_bytes(row)).digest()
