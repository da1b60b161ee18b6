"""`parity.json` in an export folder: every graph beside the reference, measured on the same images.

A row names the very file it was measured with by digest: a graph that changed since is unmeasured.
"""

import hashlib
from pathlib import Path
from typing import Literal

import msgspec

from edge_sdk.contract.manifest import Parity, Precision
from trainer.errors import ExportError

PARITY = "parity.json"


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Median time of a single image in milliseconds; threads 0 is every core. `num_runs` are behind it."""

    threads: int
    p50_ms: float
    num_runs: int


class Machine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where latencies were measured; `load` is the mean number of busy threads over the minute before."""

    cpu: str
    num_cores: int
    load: float


class GraphRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing that was run, or the reason why it was not (`not_measured`).

    `precision` is None for the torch model. `f2_C` has the F2 of each class at the frozen thresholds, in label order. `parity` is None
    for the reference itself. `broken` says what of the gate it breaks.
    """

    name: str
    precision: Precision | None
    file: str | None = None
    sha256: str | None = None
    num_bytes: int | None = None
    not_measured: str | None = None
    f2_ciw: float | None = None
    f1_normal: float | None = None
    f2_ciw_tuned: float | None = None
    f2_C: tuple[float, ...] = ()
    tuned_thresholds: tuple[float, ...] | None = None
    parity: Parity | None = None
    broken: tuple[str, ...] = ()
    latency: tuple[Latency, ...] = ()


class ParityRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole comparison. `reference` names the row all others are held against, and `remarks` what a reader should know.

    `thresholds` are the frozen ones, in label order. `is_trial`: only some of each split's images were looked at, so that what is not
    broken is not passed either.
    """

    name: str
    backbone: str
    reference: str
    data_name: str
    data_kind: str
    split: str
    num_images: int
    num_val_images: int
    codes: tuple[str, ...]
    num_positive_C: tuple[int, ...]
    bound: float
    bound_tuned: float
    rows: tuple[GraphRow, ...]
    thresholds: tuple[float, ...] = ()
    is_trial: bool = False
    machine: Machine | None = None
    remarks: tuple[str, ...] = ()

    @property
    def broken(self) -> tuple[str, ...]:
        """Each broken bound with the name of the graph that breaks it."""
        return tuple(f"{row.name} {clause}" for row in self.rows for clause in row.broken)

    def row(self, precision: str, *, on: Literal["onnx", "tensorrt", "openvino"] = "onnx") -> GraphRow | None:
        """The row of a precision on a runtime; a bundle's figures are those on ONNX Runtime."""
        return next((row for row in self.rows if row.name == f"{on} {precision}"), None)


def sha256_of(data: bytes) -> str:
    """Digest (hex) that names a graph."""
    return hashlib.sha256(data).hexdigest()


def read_parity(folder: Path) -> ParityRecord | None:
    """The comparison of an export folder; None if there was none.

    Raises:
        ExportError: If the file cannot be read.
    """
    try:
        return msgspec.json.decode((folder / PARITY).read_bytes(), type=ParityRecord)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{folder / PARITY}: {getattr(error, 'strerror', None) or error}; measure again with 'parity'") from error


def json_from_parity(record: ParityRecord) -> bytes:
    """The record as it lies in the folder."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
