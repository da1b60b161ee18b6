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
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.preprocess import PreprocessSpec, blur_text, check_frame, prepare
from edge_sdk.contract.still import image_from_bytes
from edge_sdk.errors import FrameShapeError
from trainer.data.sewer_ml import Split
from trainer.errors import DataError

OnCorrupt = Literal["stop", "skip"]
ImageAt = Callable[[int], NDArray[np.uint8]]
CACHE_FOLDER = ".prepared"


def prepared_image(split: Split, index: int, spec: PreprocessSpec) -> NDArray[np.uint8]:
    """Decode and prepare one image: RGB uint8 (H, W, 3) of the spec's size.

    Raises:
        DataError: If the file is no picture, or of a size the contract does not take.
    """
    try:
        return prepare(_decoded(split, index), spec)
    except FrameShapeError as error:
        raise DataError(f"{split.path(index)}: {error}") from error


def _decoded(split: Split, index: int) -> NDArray[np.uint8]:
    image_HWC = image_from_bytes(split.read_bytes(index))
    if image_HWC is None:
        raise DataError(
            f"{split.path(index)}: not a picture OpenCV can decode; fetch it again, drop row {split.csv_row(index) + 2} of "
            f"{split.csv_path.name}, or set data.on_corrupt=skip"
        )
    return image_HWC


@dataclass(frozen=True)
class Frames:
    """Frames at the size they are stored in, text areas blurred, for augmentation that crops before it resizes."""

    split: Split
    spec: PreprocessSpec

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """The frame of a row."""
        image_HWC = _decoded(self.split, index)
        try:
            check_frame(image_HWC)
        except FrameShapeError as error:
            raise DataError(f"{self.split.path(index)}: {error}") from error
        return blur_text(image_HWC, self.spec) if self.spec.text_areas else image_HWC


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
    """Prepared images from the cache's file, which each process opens for itself.

    `unreadable` are rows that could not be decoded when the cache was built: they raise what they raised then.
    """

    path: Path
    decoded: Decoded
    rows_N: NDArray[np.integer] | None
    unreadable: frozenset[int]
    _images_NHWC: NDArray[np.uint8] | None = None

    def __call__(self, index: int) -> NDArray[np.uint8]:
        """The image of a row."""
        row = index if self.rows_N is None else int(self.rows_N[index])
        if row in self.unreadable:
            return self.decoded(index)
        if self._images_NHWC is None:
            self._images_NHWC = np.load(self.path, mmap_mode="r")
        return np.array(self._images_NHWC[row])


def image_reader(split: Split, spec: PreprocessSpec, *, cache: bool, on_corrupt: OnCorrupt = "stop") -> ImageAt:
    """How to get the prepared image of a row; a cache is built here on first use.

    A part of a split reads the cache of the whole where there is one.
    """
    if not cache:
        return Decoded(split, spec)
    if split.whole is not None and (path := _cache_path(split.whole, spec)).is_file():
        return Cached(path, Decoded(split, spec), split.rows_N, _unreadable(path))
    path = _cache_path(split, spec)
    if not path.is_file():
        _build(path, split, spec, on_corrupt)
    return Cached(path, Decoded(split, spec), None, _unreadable(path))


def _cache_path(split: Split, spec: PreprocessSpec) -> Path:
    key = hashlib.sha256(split.digest.encode() + msgspec.json.encode(spec)).hexdigest()[:16]
    return split.csv_path.parent / CACHE_FOLDER / f"{split.name}-{spec.height}x{spec.width}-{key}.npy"


def _unreadable_path(path: Path) -> Path:
    return path.with_suffix(".unreadable.json")


def _unreadable(path: Path) -> frozenset[int]:
    listed = _unreadable_path(path)
    return frozenset(msgspec.json.decode(listed.read_bytes(), type=list[int])) if listed.is_file() else frozenset()


def _build(path: Path, split: Split, spec: PreprocessSpec, on_corrupt: OnCorrupt) -> None:
    """Write beside the final name and rename: a cache that exists is whole."""
    part = path.with_name(f"{path.name}.part{os.getpid()}")
    unreadable: list[int] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        images_NHWC = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=(len(split), spec.height, spec.width, 3))

        def fill(index: int) -> None:
            try:
                images_NHWC[index] = prepared_image(split, index, spec)
            except DataError:
                if on_corrupt == "stop":
                    raise
                unreadable.append(index)

        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            for _ in pool.map(fill, range(len(split))):
                pass
        images_NHWC.flush()
        if unreadable:
            _unreadable_path(path).write_bytes(msgspec.json.encode(sorted(unreadable)))
        part.replace(path)
    except OSError as error:
        raise DataError(f"{path.parent}: cannot keep prepared images ({error.strerror}); make room or set data.cache=false") from error
    finally:
        part.unlink(missing_ok=True)
