"""Labelled frames inside a bundle, so that the metric can be measured on a robot that has no data set.

Two of the bundle's files, covered by its signature like all others: `evaluation.json` names data, split, licence and the classes of each
frame; `evaluation.bin` holds the pictures one after the other (a bundle's number of files is limited, its bytes less so). The pictures are
what `prepare` made of the data's images, text blurred, stored without loss: every graph sees the very pixels the trainer evaluates on, and
`prepare` is not applied again. That the robot's own `prepare` agrees is what the golden frames are for. Optional: a bundle serves without.
"""

from collections.abc import Sequence
from typing import Annotated

import cv2
import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import PreprocessSpec
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import CorruptBundleError

# N frames, C classes

INDEX, PICTURES = "evaluation.json", "evaluation.bin"
MAX_PICTURE_BYTES = 32 * 1024 * 1024  # a bundle is pulled over a site's mobile network
PNG_EFFORT = 9


class EvaluationFrame(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One picture: `size` bytes of the pictures' file, and the codes of the classes it shows (none: Normal)."""

    size: Annotated[int, Meta(gt=0)]
    classes: tuple[str, ...]


class EvaluationIndex(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the frames are, in the order of the pictures' file; `licence` is the data's, whose pictures the bundle now carries."""

    data_name: str
    split: str
    licence: str
    frames: Annotated[tuple[EvaluationFrame, ...], Meta(min_length=1)]


def picture_of(prepared_HWC: NDArray[np.uint8]) -> bytes:
    """A prepared RGB image as it lies in the pictures' file (PNG)."""
    done, data = cv2.imencode(".png", np.ascontiguousarray(prepared_HWC[..., ::-1]), [cv2.IMWRITE_PNG_COMPRESSION, PNG_EFFORT])
    assert done, "OpenCV encodes every uint8 image"
    return data.tobytes()


def evaluation_files(
    pictures: Sequence[bytes], classes: Sequence[tuple[str, ...]], *, data_name: str, split: str, licence: str
) -> dict[str, bytes]:
    """Both files, for packing.

    Args:
        pictures: Of `picture_of`.
        classes: The codes of each.
        data_name: Of the data they come from.
        split: Of that data.
        licence: Of that data.
    """
    frames = tuple(EvaluationFrame(len(picture), codes) for picture, codes in zip(pictures, classes, strict=True))
    index = EvaluationIndex(data_name=data_name, split=split, licence=licence, frames=frames)
    return {INDEX: msgspec.json.encode(index), PICTURES: b"".join(pictures)}


def evaluation_index_from_json(data: bytes) -> EvaluationIndex:
    """Read the index.

    Raises:
        CorruptBundleError: If the bytes are none.
    """
    try:
        return msgspec.json.decode(data, type=EvaluationIndex)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CorruptBundleError(f"{INDEX}: {error}; pack the bundle again") from error


def evaluation_images(index: EvaluationIndex, data: bytes, spec: PreprocessSpec) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The prepared images (N, H, W, 3) uint8 RGB and their labels (N, C) uint8.

    Args:
        index: Of the bundle.
        data: The pictures' file.
        spec: The bundle's geometry, which the pictures must have.

    Raises:
        CorruptBundleError: If a picture is none, of another size, or has a class there is not; or bytes are left over.
    """
    codes, images, start = taxonomy().codes, [], 0
    targets_NC = np.zeros((len(index.frames), len(codes)), np.uint8)
    for number, frame in enumerate(index.frames):
        image_HWC = image_from_bytes(data[start : start + frame.size])
        start += frame.size
        if image_HWC is None or image_HWC.shape != (spec.height, spec.width, 3):
            raise CorruptBundleError(f"evaluation frame {number} is no picture of {spec.width}x{spec.height}; pack the bundle again")
        unknown = sorted(set(frame.classes) - set(codes))
        if unknown:
            raise CorruptBundleError(f"evaluation frame {number} has the unknown class {unknown[0]}; pack the bundle again")
        images.append(image_HWC)
        targets_NC[number, [codes.index(code) for code in frame.classes]] = 1
    if start != len(data):
        raise CorruptBundleError(f"{PICTURES} holds {len(data)} bytes, {start} are named; pack the bundle again")
    return np.stack(images), targets_NC
