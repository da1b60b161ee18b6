"""The labelled images a parity is measured on, prepared once for all contestants: a data set's split, or the bundle's own frames."""

# N images, M images to tune thresholds on, C classes

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.evaluation_frames import read_evaluation_frames
from edge_sdk.bundle import Bundle
from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.errors import EdgeSdkError, InputError

BATCH = 16
SEED = 0


class ParityImages(NamedTuple):
    """`image(i)` is the i-th prepared picture; `tuning` is what thresholds are re-tuned on, None where that is the same images.

    `carried` ones came with the bundle: few, and drawn for comparing graphs.
    """

    data_name: str
    split: str
    image: Callable[[int], NDArray[np.uint8]]
    targets_NC: NDArray[np.uint8]
    tuning: "ParityImages | None"
    carried: bool = False


def parity_images(bundle: Bundle, arguments: argparse.Namespace) -> ParityImages:
    """What the options name: `--data` with `--split` and `--num`, else the bundle's evaluation frames.

    Raises:
        EdgeSdkError: If they cannot be read, or there are none.
    """
    spec = bundle.manifest.preprocess
    if arguments.data is None:
        index, images_NHWC, targets_NC = read_evaluation_frames(bundle)
        return ParityImages(index.data_name, index.split, images_NHWC.__getitem__, targets_NC, None, carried=True)
    own = _of_split(arguments.data, arguments.split, arguments.num, spec)
    return own if arguments.split == "Val" else own._replace(tuning=_of_split(arguments.data, "Val", arguments.num, spec))


def _of_split(root: Path, name: str, num: int | None, spec: PreprocessSpec) -> ParityImages:
    # Torch-free parts of the trainer: the reader of the layout is one, and a second one would drift.
    from trainer.data.images import prepared_image
    from trainer.data.sewer_ml import read_split
    from trainer.errors import TrainerError

    if not root.is_dir():
        raise InputError(f"{root}: no such folder; --data names one in Sewer-ML's layout")
    try:
        split = read_split(root, name)  # type: ignore[arg-type]
    except TrainerError as error:
        raise InputError(str(error)) from error
    rows_N = np.arange(len(split))
    if num is not None and num < len(split):
        rows_N = np.sort(np.random.default_rng(SEED).choice(len(split), num, replace=False))

    def image(index: int) -> NDArray[np.uint8]:
        try:
            return prepared_image(split, int(rows_N[index]), spec)
        except TrainerError as error:
            raise InputError(str(error)) from error

    return ParityImages(_data_name(root), name, image, split.targets_NC[rows_N], None)


def _data_name(root: Path) -> str:
    try:
        lines = (root / "DATASET.yaml").read_text(encoding="utf-8").splitlines()
    except OSError:
        return root.resolve().name
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("name:")), root.resolve().name)


def logits_of(run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], images: ParityImages) -> NDArray[np.float32] | str:
    """Logits (N, C), or in one line why the graph fails: that breaks its gate, not the comparison of the others."""
    found = []
    for start in range(0, len(images.targets_NC), BATCH):
        batch_NHWC = np.stack([images.image(i) for i in range(start, min(start + BATCH, len(images.targets_NC)))])
        try:
            found.append(run(batch_NHWC))
        except InputError:
            raise
        except EdgeSdkError as error:
            return str(error)
    return np.concatenate(found)
