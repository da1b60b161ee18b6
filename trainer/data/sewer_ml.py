"""Reader of Sewer-ML's layout, which the rendered data share.

    <root>/SewerML_<Split>.csv      Filename, WaterLevel, VA, the 17 classes, ND, Defect (columns by name, in any order)
    <root>/<Split>/<Filename>       PNG or JPEG
    <root>/DATASET.yaml             optional: name, kind, licence (see `provenance.py`)

Split is Train, Val or Test. VA and ND are not classes and are never read: Normal is "none of the 17" (Haurum & Moeslund, CVPR 2021).
Everything is checked before the first step, because an error in image 900,000 must not wait for hour nine.
"""

# N images, C classes

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from trainer.errors import DataError

SplitName = Literal["Train", "Val", "Test"]
FILENAME = "Filename"
LABELS = frozenset("01")


@dataclass(frozen=True)
class Split:
    """One split in the order of its CSV: image files in `folder`, and `targets_NC` uint8 with 1 for positive."""

    name: str
    csv_path: Path
    folder: Path
    files: tuple[str, ...]
    targets_NC: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.files)

    def path(self, index: int) -> Path:
        """The image file of a row."""
        return self.folder / self.files[index]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the CSV's bytes and each listed image's name and length; the pixels themselves are not read.

        Raises:
            DataError: If an image is listed but cannot be reached.
        """
        try:
            state = hashlib.sha256(self.csv_path.read_bytes())
            sizes = {entry.name: entry.stat().st_size for entry in os.scandir(self.folder)}
        except OSError as error:
            raise DataError(f"{error.filename}: {error.strerror}; mend the link or drop the row") from error
        for name in self.files:
            state.update(f"\n{name} {sizes[name]}".encode())
        return state.hexdigest()


def read_split(root: Path, name: SplitName) -> Split:
    """Read and check one split.

    Raises:
        DataError: For a missing file, folder or column, a label that is neither 0 nor 1, a duplicate file name, a missing image, or
            an empty split; the message names file, line, column and value.
    """
    csv_path, folder = root / f"SewerML_{name}.csv", root / name
    files, labels = _rows(csv_path)
    if not files:
        raise DataError(f"{csv_path}: no rows below the header; a split needs at least one image")
    _check_files(files, csv_path, folder)
    targets_NC = np.frombuffer("".join(labels).encode("ascii"), np.uint8).reshape(len(labels), -1) - np.uint8(ord("0"))
    return Split(name, csv_path, folder, tuple(files), targets_NC)


def has_split(root: Path, name: SplitName) -> bool:
    """Whether the folder has this split with labels; a test split whose labels are withheld lists file names alone."""
    try:
        with (root / f"SewerML_{name}.csv").open(newline="", encoding="utf-8-sig") as file:
            return set(taxonomy().codes) & set(next(csv.reader(file), [])) != set()
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def _rows(path: Path) -> tuple[list[str], list[str]]:
    """File names, and labels as one string of 17 characters, 0 or 1, per row."""
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
        raise DataError(f"{path}: {error.strerror}; data.root must hold SewerML_Train.csv, SewerML_Val.csv and their folders") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a UTF-8 CSV file ({error})") from error


def _columns(rows: Iterator[list[str]], header: Sequence[str], path: Path) -> tuple[list[str], list[str]]:
    filename, cells = itemgetter(header.index(FILENAME)), itemgetter(*(header.index(code) for code in taxonomy().codes))
    files, labels = [], []
    for line, row in enumerate(rows, start=2):
        if not row:
            continue  # editors leave an empty line at the end
        if len(row) != len(header):
            raise DataError(f"{path}, line {line}: {len(row)} values for {len(header)} columns; mend the line or fetch the file again")
        values = cells(row)
        if not LABELS.issuperset(values):
            _refuse_label(values, line, path)
        files.append(filename(row))
        labels.append("".join(values))
    return files, labels


def _refuse_label(values: Sequence[str], line: int, path: Path) -> None:
    code, value = next((code, value) for code, value in zip(taxonomy().codes, values, strict=True) if value not in LABELS)
    raise DataError(f"{path}, line {line}, column {code}: label '{value}' is neither 0 nor 1")


def _check_files(files: Sequence[str], csv_path: Path, folder: Path) -> None:
    """Names against one directory listing."""
    try:
        present = set(os.listdir(folder))  # noqa: PTH208  # names alone, no Path objects
    except OSError as error:
        raise DataError(f"{folder}: {error.strerror}; the images of {csv_path.name} belong into it") from error
    seen: set[str] = set()
    for line, name in enumerate(files, start=2):
        if name in seen:
            raise DataError(f"{csv_path}, line {line}: {name} is listed twice; keep one of the rows")
        if name not in present:
            raise DataError(f"{csv_path}, line {line}: image {name} is not in {folder}; fetch it or drop the row")
        seen.add(name)
