"""The labelled frames a bundle may carry (`pack --evaluation`), read for a parity."""

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from edge_sdk.bundle import Bundle
from edge_sdk.contract.evaluation_frames import INDEX, PICTURES, EvaluationIndex, evaluation_images, evaluation_index_from_json
from edge_sdk.errors import CorruptBundleError

NONE_CARRIED = "carries no labelled evaluation frames; give --data DIR, or a bundle packed with 'pack --evaluation DIR'"


def has_evaluation_frames(bundle: Bundle) -> bool:
    """Whether a bundle carries them."""
    return {INDEX, PICTURES} <= {entry.name for entry in bundle.manifest.files}


def read_evaluation_frames(bundle: Bundle) -> tuple[EvaluationIndex, NDArray[np.uint8], NDArray[np.uint8]]:
    """The index, the prepared images (N, H, W, 3) uint8 RGB and the labels (N, C) uint8.

    Raises:
        BenchmarkError: If the bundle carries none.
        CorruptBundleError: If what it carries cannot be used.
    """
    if not has_evaluation_frames(bundle):
        raise BenchmarkError(f"{bundle.identity} {NONE_CARRIED}")
    try:
        index = evaluation_index_from_json(bundle.read(INDEX))
        images_NHWC, targets_NC = evaluation_images(index, bundle.read(PICTURES), bundle.manifest.preprocess)
    except CorruptBundleError as error:
        raise CorruptBundleError(f"{bundle.identity}: {error}") from error
    return index, images_NHWC, targets_NC
