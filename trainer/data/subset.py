"""Part of a training split: every n-th row, and a fraction of the labels.

Fractions are stratified on the full combination of the 17 labels. Combinations that a single image has are left out at fractions below
1, as in the published study (its split cannot put one image on both sides). Within a combination the images stand in random order at
equal distances from 0 to 1, with a random start; a fraction takes the images below its mark. So every combination is represented to
within one image of its share, and one seed's smaller fraction lies in its larger ones.
"""

# N images, C classes, G label combinations

import logging
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.config import DataConfig
from trainer.data.sewer_ml import Split
from trainer.errors import DataError

logger = logging.getLogger(__name__)


def training_part(split: Split, config: DataConfig) -> Split:
    """The part of the training split that a recipe asks for; warns of classes that it leaves without a positive.

    Raises:
        DataError: If nothing is left.
    """
    part = split
    if config.every_nth > 1:
        part = take(part, np.arange(0, len(part), config.every_nth))
    if config.fraction < 1.0:
        part = label_fraction(part, config.fraction, config.fraction_seed)
    if part is split:
        return split
    lost_C = (split.targets_NC.any(axis=0)) & ~part.targets_NC.any(axis=0)
    if lost_C.any():
        logger.warning(
            "%d of %d training images: no positive left of %s; these classes cannot be learnt",
            len(part), len(split), ", ".join(np.array(taxonomy().codes)[lost_C]),
        )  # fmt: skip
    return part


def take(split: Split, rows_N: NDArray[np.integer]) -> Split:
    """Some rows of a split, in the order given; they know the split they came from."""
    csv_rows_N = rows_N if split.rows_N is None else split.rows_N[rows_N]
    return replace(
        split, files=split.files.take(rows_N), targets_NC=split.targets_NC[rows_N], rows_N=csv_rows_N, whole=split.whole or split
    )


def label_fraction(split: Split, fraction: float, seed: int) -> Split:
    """About `fraction` of the images that share their label combination with another, in the order of the CSV.

    Raises:
        DataError: If that is not a single image.
    """
    mark_N = _marks(split.targets_NC, seed)
    eligible = int(np.isfinite(mark_N).sum())
    num = math.floor(eligible * fraction + 0.5)
    if num == 0:
        raise DataError(f"{split.csv_path}: {100 * fraction:g} % of {eligible} images is none; raise data.fraction")
    return take(split, np.sort(np.argsort(mark_N, kind="stable")[:num]))


def _marks(targets_NC: NDArray[np.uint8], seed: int) -> NDArray[np.float64]:
    """The fraction from which on each image is taken; infinite where no other image has its combination."""
    bits_N = targets_NC.astype(np.int64) @ (1 << np.arange(targets_NC.shape[1], dtype=np.int64))
    _, group_N, num_G = np.unique(bits_N, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(seed)
    start_G, shuffle_N = rng.random(len(num_G)), rng.random(len(bits_N))
    by_group_N = np.lexsort((shuffle_N, group_N))
    rank_N = np.empty(len(bits_N), np.int64)
    rank_N[by_group_N] = np.arange(len(bits_N)) - np.repeat(np.cumsum(num_G) - num_G, num_G)
    mark_N = (rank_N + start_G[group_N]) / num_G[group_N]
    return np.where(num_G[group_N] > 1, mark_N, np.inf)
