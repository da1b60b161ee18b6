"""Labelled frames inside a bundle, so that the metric can be measured on a robot that has no data set.

Two of the bundle's files, covered by its signature like all others: `evaluation.json` names data, split and the classes of each frame;
`evaluation.bin` holds the encoded pictures one after the other (a bundle's number of files is limited, its bytes less so).
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from edge_sdk.bundle import Bundle
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import CorruptBundleError

INDEX, PICTURES = "evaluation.json", "evaluation.bin"


class EvaluationFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture: `size` bytes of the pictures' file, and the classes it shows (none: normal)."""

    size: Annotated[int, Meta(gt=0)]
    classes: tuple[str, ...]


class EvaluationIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the frames are, in the order of the pictures' file."""

    data_name: str
    split: str
    frames: Annotated[tuple[EvaluationFrame, ...], Meta(min_length=1)]


def has_evaluation_frames(bundle: Bundle) -> bool:
    """Whether a bundle carries them."""
    return {INDEX, PICTURES} <= {entry.name for entry in bundle.manifest.files}


def evaluation_content(data_name: str, split: str, pictures: Sequence[bytes], classes: Sequence[tuple[str, ...]]) -> dict[str, bytes]:
    """The two files, for packing: encoded pictures and the class codes of each."""
    frames = tuple(EvaluationFrame(len(picture), codes) for picture, codes in zip(pictures, classes, strict=True))
    return {INDEX: msgspec.json.encode(EvaluationIndex(data_name, split, frames)), PICTURES: b"".join(pictures)}


def read_evaluation_frames(bundle: Bundle) -> tuple[EvaluationIndex, list[NDArray[np.uint8]], NDArray[np.uint8]]:
    """The index, the RGB pictures (H, W, 3) and the labels (N, C) uint8.

    Raises:
        BenchmarkError: If the bundle carries none.
        CorruptBundleError: If what it carries cannot be used.
    """
    if not has_evaluation_frames(bundle):
        raise BenchmarkError(f"{bundle.identity} carries no labelled evaluation frames; give --data DIR, or --on golden")
    codes = taxonomy().codes
    try:
        index = msgspec.json.decode(bundle.read(INDEX), type=EvaluationIndex)
    except msgspec.DecodeError as error:
        raise CorruptBundleError(f"{bundle.identity}: {INDEX}: {error}; pack the bundle again") from error
    data, images, start = bundle.read(PICTURES), [], 0
    targets_NC = np.zeros((len(index.frames), len(codes)), np.uint8)
    for number, frame in enumerate(index.frames):
        image_HWC = image_from_bytes(data[start : start + frame.size])
        if image_HWC is None or not set(frame.classes) <= set(codes):
            raise CorruptBundleError(f"{bundle.identity}: evaluation frame {number} is no picture or has an unknown class; pack it again")
        images.append(image_HWC)
        targets_NC[number, [codes.index(code) for code in frame.classes]] = 1
        start += frame.size
    return index, images, targets_NC
