"""From files to prepared arrays: the decoder and the optional cache of prepared images.

Geometry is the contract's `prepare`, the same call the robot makes. The cache holds its results in one memory-mapped array beside the
data, named by what it was made of, so that it is never stale and epochs after the first cost no decoding.
"""

# N images, H W pixels

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import PreprocessSpec, prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.errors import FrameShapeError
from trainer.data.sewer_ml import Split
from trainer.errors import DataError

ImageAt = Callable[[int], NDArray[np.uint8]]
CACHE_FOLDER = ".prepared"


def prepared_image(split: Split, index: int, spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Decode and prepare one image: RGB uint8 (H, W, 3) of the spec's size.

    Raises:
        DataError: If the file is no picture, or of a size the contract does not take.
    """
    path = split.path(index)
    try:
        image_HWC = image_from_bytes(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if image_HWC is None:
        raise DataError(f"{path}: not a picture OpenCV can decode; fetch it again or drop row {index + 2} of {split.csv_path.name}")
    try:
        return prepare(image_HWC, spec)
    except FrameShapeError as error:
        raise DataError(f"{path}: {error}") from error


@dataclass(frozen=True)
class Decoded:
    """Prepared images, decoded anew each time."""

    split: Split
    spec: PreprocessSpec

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """The image of a row."""
        return prepared_image(self.split, index, self.spec)


@dataclass
class Cached:
    """Prepared images from the cache's file, which each process opens for itself."""

    path: Path
    _images_NHWC: NDArray[np.uint8] | None = None

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """The image of a row."""
        if self._images_NHWC is None:
            self._images_NHWC = np.load(self.path, mmap_mode="r")
        return np.array(self._images_NHWC[index])


def image_reader(split: Split, spec: PreprocessSpec, *, cache: bool) -> ImageAt:
    """How to get the prepared image of a row; a cache is built here on first use."""
    return Cached(_cached(split, spec)) if cache else Decoded(split, spec)


def _cached(split: Split, spec: PreprocessSpec) -> Path:
    key = hashlib.sha256(split.digest.encode() + msgspec.json.encode(spec)).hexdigest()[:16]
    path = split.csv_path.parent / CACHE_FOLDER / f"{split.name}-{spec.height}x{spec.width}-{key}.npy"
    if not path.is_file():
        _build(path, split, spec)
    return path


def _build(path: Path, split: Split, spec: PreprocessSpec) -> None:
    """Write beside the final name and rename: a cache that exists is whole."""
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        images_NHWC = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(split), spec.height, spec.width, 3))

        def fill(index: int) -> None:
            images_NHWC[index] = prepared_image(split, index, spec)

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for _ in pool.map(fill, range(len(split))):
                pass
        images_NHWC.flush()
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path.parent}: cannot keep prepared images ({error.strerror}); make room or set data.cache=false") from error
    finally:
        part.unlink(missing_ok=True)
