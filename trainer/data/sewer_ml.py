"""Reader of Sewer-ML's layout, which the rendered data share.

    <root>/SewerML_<Split>.csv      Filename, WaterLevel, VA, the 17 classes, ND, Defect (columns by name, in any order)
    <root>/<Split>/<Filename>       PNG or JPEG
    <root>/DATASET.yaml             optional: name, kind, licence (see `provenance.py`)

The images may lie in shards instead of folders (see `shards.py`); nothing else changes then.

Split is Train, Val or Test. VA and ND are not classes and are never read: Normal is "none of the 17" (Haurum & Moeslund, CVPR 2021).
Everything is checked before the first step, because an error in image 900,000 must not wait for hour nine.
"""

# N images, C classes

import csv
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.data.names import FileNames
from trainer.data.shards import Shards, open_shards, sharded
from trainer.errors import DataError

SplitName = Literal["Train", "Val", "Test"]
FILENAME = "Filename"
LABELS = frozenset("01")


@dataclass(frozen=True)
class Split:
    """One split in the order of its CSV: image files in `folder` or `shards`, and `targets_NC` uint8 with 1 for positive.

    A part of a split has `rows_N`, its rows in the CSV, and the `whole` it was taken from; both are None otherwise.
    """

    name: str
    csv_path: Path
    folder: Path
    files: FileNames
    targets_NC: NDArray[np.uint8]
    shards: Shards | None = None
    rows_N: NDArray[np.integer] | None = None
    whole: "Split | None" = None

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        """The image file of a row; where the images lie in shards it is a name only."""
        return self.folder / self.files[index]

    def read_bytes(self, index: int) -> bytes:
        """The encoded image of a row.

        Raises:
            DataError: If it cannot be read.
        """
        if self.shards is not None:
            return self.shards.read(self.csv_row(index))
        path = self.path(index)
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: {error.strerror}") from error

    def csv_row(self, index: int) -> int:
        """Row in the CSV, its first below the header being 0."""
        return index if self.rows_N is None else int(self.rows_N[index])

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the CSV's bytes and each listed image's name and length; the pixels themselves are not read.

        Raises:
            DataError: If an image is listed but cannot be reached.
        """
        return self.digest_without(())

    def digest_without(self, rows: Collection[int]) -> str:
        """The same without the lengths of some rows' images.

        Raises:
            DataError: As `digest`.
        """
        left_out = frozenset(rows)
        try:
            state = hashlib.sha256(self.csv_path.read_bytes())
            num_bytes_N = self.num_bytes_N
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; mend the link or drop the row") from error
        for row, (name, num_bytes) in enumerate(zip(self.files, num_bytes_N.tolist(), strict=True)):
            state.update(f"\n{name} {'' if row in left_out else num_bytes}".encode("utf-8", "surrogateescape"))
        return state.hexdigest()

    @cached_property
    def num_bytes_N(self) -> NDArray[np.integer]:
        """Length of each image's file.

        Raises:
            OSError: If one cannot be reached.
        """
        if self.shards is not None:
            return self.shards.num_bytes_N if self.rows_N is None else self.shards.num_bytes_N[self.rows_N]
        row_of, num_bytes_N = {name: row for row, name in enumerate(self.files)}, np.zeros(len(self), np.int64)
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if (row := row_of.get(entry.name)) is not None:
                    num_bytes_N[row] = entry.stat().st_size
        return num_bytes_N


def read_split(root: Path, name: SplitName) -> Split:
    """Read and check one split.

    Raises:
        DataError: For a missing file, folder or column, a label that is neither 0 nor 1, a duplicate file name, a missing image, a
            damaged shard, or an empty split; the message names file, line, column and value.
    """
    csv_path, folder = root / f"SewerML_{name}.csv", root / name
    stated = sharded(root, name)
    files, labels = _rows(csv_path)
    if not files:
        raise DataError(f"{csv_path}: no rows below the header; a split needs at least one image")
    shards = open_shards(root, name, stated) if stated else None
    _check_files(files, csv_path, folder, listed=shards is None)
    targets_NC = np.frombuffer(bytes(labels), np.uint8).reshape(len(files), -1) - np.uint8(ord("0"))
    return Split(name, csv_path, folder, FileNames(files), targets_NC, shards)


def has_split(root: Path, name: SplitName) -> bool:
    """Whether the folder has this split with labels; a test split whose labels are withheld lists file names alone."""
    try:
        with (root / f"SewerML_{name}.csv").open(newline="", encoding="utf-8-sig") as file:
            return set(taxonomy().codes) & set(next(csv.reader(file), [])) != set()
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _rows(path: Path) -> tuple[list[str], bytearray]:
    """File names, and labels as 17 ASCII characters, 0 or 1, per row."""
    codes = taxonomy().codes
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            header = next(rows, [])
            missing = [column for column in (FILENAME, *codes) if column not in header]
            if missing:
                raise DataError(f"{path}: column {missing[0]} is missing; Sewer-ML's header has {FILENAME} and the codes {' '.join(codes)}")
            return _columns(rows, header, path)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; the folder must hold SewerML_Train.csv, SewerML_Val.csv and their pictures") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a UTF-8 CSV file ({error})") from error


def _columns(rows: Iterator[list[str]], header: Sequence[str], path: Path) -> tuple[list[str], bytearray]:
    filename, cells = itemgetter(header.index(FILENAME)), itemgetter(*(header.index(code) for code in taxonomy().codes))
    files, labels = [], bytearray()
    for line, row in enumerate(rows, start=2):
        if not row:
            continue  # editors leave an empty line at the end
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} values for {len(header)} columns; mend the line or fetch the file again")
        values = cells(row)
        if not LABELS.issuperset(values):
            _refuse_label(values, line, path)
        files.append(filename(row))
        labels += "".join(values).encode("ascii")
    return files, labels


def _refuse_label(values: Sequence[str], line: int, path: Path) -> None:
    code, value = next((code, value) for code, value in zip(taxonomy().codes, values, strict=True) if value not in LABELS)
    raise DataError(f"{path}, line {line}, column {code}: label '{value}' is neither 0 nor 1")


def _check_files(files: Sequence[str], csv_path: Path, folder: Path, *, listed: bool) -> None:
    """No name twice, and where the images are `listed` in a folder, none missing from it."""
    unseen = set(files)
    if len(unseen) < len(files):
        line = next(line for line, name in enumerate(files, start=2) if _leaves(unseen, name))
        raise DataError(f"{csv_path}, line {line}: {files[line - 2]} is listed twice; keep one of the rows")
    if not listed:
        return
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                unseen.discard(entry.name)
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; the images of {csv_path.name} belong into it") from error
    if unseen:
        line, name = next((line, name) for line, name in enumerate(files, start=2) if name in unseen)
        raise DataError(f"{csv_path}, line {line}: image {name} is not in {folder}; fetch it or drop the row")


def _leaves(names: set[str], name: str) -> bool:
    """Take a name out; True where it was out already."""
    if name in names:
        names.remove(name)
        return False
    return True
