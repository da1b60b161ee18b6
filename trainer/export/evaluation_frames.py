"""Choosing the labelled frames a bundle may carry, so that a robot without a data set can measure what a runtime costs in the metric.

Every class gets the same quota, rarest first, so that none is left without a positive where the split has one. That is not the split's own
mix of classes: F2_CIW on these frames is for comparing graphs and runtimes, and is no estimate of the split's.
"""

# N images, C classes

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.evaluation_frames import MAX_PICTURE_BYTES, evaluation_files, picture_of
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import DataConfig
from trainer.data.images import prepared_image
from trainer.data.provenance import provenance_of
from trainer.data.sewer_ml import SplitName, read_split
from trainer.errors import DataError, ExportError

NUM = 400
SEED = 0

Say = Callable[[str], None]


class FramesFrom(NamedTuple):
    """A data folder in Sewer-ML's layout, the split to draw from, and at most how many frames."""

    root: Path
    split: SplitName = "Test"
    num: int = NUM


def frames_for_bundle(source: FramesFrom, spec: PreprocessSpec, say: Say) -> dict[str, bytes]:
    """The two files for the bundle: index and pictures.

    Args:
        source: Where from and how many.
        spec: The bundle's geometry.
        say: Told what goes in, and of its licence.

    Raises:
        DataError: If the data cannot be read or nobody says what they are.
        ExportError: If the pictures are too many bytes for a bundle.
    """
    if not source.root.is_dir():
        raise DataError(f"{source.root}: no such folder; --evaluation names one in Sewer-ML's layout")
    stated, split = provenance_of(DataConfig(root=str(source.root))), read_split(source.root, source.split)
    pictures, classes, num_bytes = [], [], 0
    for row in chosen_rows(split.targets_NC, source.num):
        pictures.append(picture_of(prepared_image(split, row, spec)))
        classes.append(tuple(code for code, there in zip(taxonomy().codes, split.targets_NC[row], strict=True) if there))
        num_bytes += len(pictures[-1])
        if num_bytes > MAX_PICTURE_BYTES:
            raise ExportError(
                f"the first {len(pictures)} of {source.num} evaluation frames are more than {MAX_PICTURE_BYTES / 1e6:.0f} MB; "
                "give a smaller --evaluation-num"
            )
    say(
        f"{len(pictures)} frames of {stated.name} {source.split} go into the bundle ({num_bytes / 1e6:.1f} MB), licence: {stated.licence}; "
        "pass the bundle on only as far as that allows"
    )
    return evaluation_files(pictures, classes, data_name=stated.name, split=source.split, licence=stated.licence)


def chosen_rows(targets_NC: NDArray[np.uint8], num: int = NUM) -> list[int]:
    """Rows of `num` images, or all there are: a like number of positives of each class and of Normal images, the rest by chance.

    Args:
        targets_NC: Labels, 1 for positive.
        num: At most so many rows.
    """
    rng, positive_NC = np.random.default_rng(SEED), targets_NC > 0
    taken_N = np.zeros(len(targets_NC), bool)
    quota = num // (positive_NC.shape[1] + 1)
    for code in np.argsort(positive_NC.sum(axis=0), kind="stable"):
        missing = quota - int(positive_NC[taken_N, code].sum())
        _take(taken_N, positive_NC[:, code], missing, rng)
    _take(taken_N, np.asarray(~positive_NC.any(axis=1)), quota, rng)
    _take(taken_N, np.ones_like(taken_N), num - int(taken_N.sum()), rng)
    return [int(row) for row in np.flatnonzero(taken_N)]


def _take(taken_N: NDArray[np.bool_], among_N: NDArray[np.bool_], num: int, rng: np.random.Generator) -> None:
    """Mark up to `num` more of `among_N`, drawn at random."""
    rows = rng.permutation(np.flatnonzero(among_N & ~taken_N))
    taken_N[rows[: max(num, 0)]] = True
