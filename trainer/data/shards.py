"""Images of a split in a few large tar files, read by row: the same bytes in the same order as from a folder.

    <root>/SHARDS.json          what there is: per split the CSV's and the index's digest, and each shard's length and digest
    <root>/SewerML_<Split>.csv  as it was
    <root>/<Split>.index.npy    per row: shard, offset and length of the image in it, CRC-32 of the image
    <root>/<Split>-000000.tar   WebDataset's convention: <name>.png beside <name>.json with its codes, in the order of the CSV

Any row is one read at a known offset, so sampling is as exact as from a folder. Opening checks CSV, index and the lengths of all shards;
every image read is checked by its CRC; `verify` checks whole shards by SHA-256. Written by `shard_writing.py`.
"""

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainer.errors import DataError

SHARDS = "SHARDS.json"
FORMAT = 1
ENTRY = np.dtype([("shard", "<u4"), ("offset", "<u8"), ("length", "<u8"), ("crc", "<u4")])
AGAIN = "copy it again, or write the shards anew"


class Shard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One tar file."""

    file: str
    num_images: int
    num_bytes: int
    sha256: str


class ShardedSplit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shards of a split, and digests (hex) of its CSV and its index."""

    csv_sha256: str
    index_sha256: str
    shards: tuple[Shard, ...]


class ShardList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Content of `SHARDS.json`."""

    format: int
    splits: dict[str, ShardedSplit]


@dataclass(frozen=True)
class Shards:
    """The opened shards of a split; holds no open file, so that loader processes can share it."""

    root: Path
    files: tuple[str, ...]
    entries_N: NDArray[np.void]

    def read(self, row: int) -> bytes:
        """The encoded image of a row of the CSV.

        Raises:
            DataError: If the shard is gone, cut short or damaged there.
        """
        entry = self.entries_N[row]
        path = self.root / self.files[int(entry["shard"])]
        try:
            with path.open("rb", buffering=0) as file:
                file.seek(int(entry["offset"]))
                data = file.read(int(entry["length"]))
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}; {AGAIN}") from error
        if zlib.crc32(data) != int(entry["crc"]):
            raise DataError(f"{path}: damaged at byte {entry['offset']}, the image of row {row + 2}; {AGAIN}")
        return data

    @property
    def num_bytes_N(self) -> NDArray[np.uint64]:
        """Length of each image."""
        return np.asarray(self.entries_N["length"])


def index_name(split: str) -> str:
    """File of a split's index."""
    return f"{split}.index.npy"


def sharded(root: Path, split: str) -> ShardedSplit | None:
    """What the folder says of a split, or None where the split lies in no shards.

    Raises:
        DataError: If `SHARDS.json` is there and cannot be used.
    """
    path = root / SHARDS
    if not path.is_file():
        return None
    return _read_list(path).splits.get(split)


def open_shards(root: Path, split: str, stated: ShardedSplit) -> Shards:
    """Check a split's CSV and index by digest and its shards by length, and open it.

    Raises:
        DataError: If one of them is missing or not as it was written.
    """
    for name, sha256 in ((f"SewerML_{split}.csv", stated.csv_sha256), (index_name(split), stated.index_sha256)):
        if sha256_of(root / name) != sha256:
            raise DataError(f"{root / name}: not the file its shards were written with; {AGAIN}")
    for shard in stated.shards:
        _check_length(root / shard.file, shard)
    entries_N = np.load(root / index_name(split), allow_pickle=False)
    return Shards(root, tuple(shard.file for shard in stated.shards), entries_N)


def verify(root: Path) -> Iterator[tuple[str, int]]:
    """Read all shards of a folder; yields (file, number of its images) of each whole one.

    Raises:
        DataError: At the end, if any was damaged; the message names them.
    """
    stated, damaged = _read_list(root / SHARDS), []
    for split, part in stated.splits.items():
        open_shards(root, split, msgspec.structs.replace(part, shards=()))
        for shard in part.shards:
            path = root / shard.file
            if path.is_file() and sha256_of(path) == shard.sha256:
                yield shard.file, shard.num_images
            else:
                damaged.append(shard.file)
    if damaged:
        raise DataError(f"{root}: damaged or missing: {', '.join(damaged)}; copy them again, or write the shards anew")


def sha256_of(path: Path) -> str:
    """Digest (hex) of a file.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; {AGAIN}") from error


def _read_list(path: Path) -> ShardList:
    try:
        stated = msgspec.json.decode(path.read_bytes(), type=ShardList)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {getattr(error, 'strerror', None) or error}; give a folder written by 'shards'") from error
    if stated.format != FORMAT:
        raise DataError(f"{path}: format {stated.format}, this checkout reads {FORMAT}; write the shards anew")
    return stated


def _check_length(path: Path, shard: Shard) -> None:
    try:
        num_bytes = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; {AGAIN}") from error
    if num_bytes != shard.num_bytes:
        raise DataError(f"{path}: {num_bytes} bytes instead of {shard.num_bytes}; {AGAIN}")
