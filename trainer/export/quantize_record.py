"""What is known of a converted graph, beside it in the export folder: `quantisation.<precision>.json`.

A graph without this record cannot be told from one calibrated on noise. Points are hundredths of 1, as F2_CIW is published.
"""

from pathlib import Path

import msgspec

from edge_sdk.contract.manifest import Calibration, Count, Precision, Sha256
from trainer.errors import ExportError


class KeptNode(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A node that stays in floating point (int8) or in float32 (fp16), and why."""

    name: str
    op_type: str
    reason: str


class CalibrationImages(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the ranges come from: `digest` is the SHA-256 of the prepared images' bytes in the order they were read."""

    data_name: str
    split: str
    num_images: Count
    seed: int
    digest: Sha256

    @property
    def in_manifest(self) -> Calibration:
        """The manifest's form."""
        return Calibration(self.split, self.num_images, self.digest)


class LayerSensitivity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What quantising this layer alone does: score differences, and points of F2_CIW lost (negative: gained)."""

    name: str
    max_abs_dp: float
    mean_abs_dp: float
    f2_ciw_lost: float


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the conversion cost on validation images, at the thresholds frozen at export; F2_CIW in points.

    `max_drop` is the bound it was held against. `lost` is negative for a gain, which is chance.
    """

    data_name: str
    split: str
    num_images: Count
    f2_ciw_before: float
    f2_ciw_after: float
    max_drop: float
    max_abs_dp: float
    mean_abs_dp: float
    decision_flips: Count

    @property
    def lost(self) -> float:
        """Points of F2_CIW."""
        return self.f2_ciw_before - self.f2_ciw_after


class QuantisationRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One converted graph.

    `sha256` is of the graph's file, `source_sha256` of the exported fp32 file. `method` names the ranges' rule (int8) or the type (fp16);
    `op_types` are the operators between Q/DQ pairs, empty for fp16. `quantised` are the linear layers in int8 or float16, by node name.
    `sensitivity`, most sensitive first, was measured on the first `num_sensitivity_images` of the cost's images, empty where not asked
    for or needed.
    """

    precision: Precision
    file: str
    sha256: Sha256
    source_sha256: Sha256
    method: str
    op_types: tuple[str, ...]
    made_with: str
    calibration: CalibrationImages | None
    quantised: tuple[str, ...]
    kept: tuple[KeptNode, ...]
    cost: Cost
    sensitivity: tuple[LayerSensitivity, ...] = ()
    num_sensitivity_images: int = 0


def record_name(precision: Precision) -> str:
    """File name of a precision's record."""
    return f"quantisation.{precision}.json"


def json_from_quantisation(record: QuantisationRecord) -> bytes:
    """The record as it lies in the folder."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"


def read_quantisation(folder: Path, precision: Precision) -> QuantisationRecord:
    """Read a precision's record.

    Raises:
        ExportError: If there is none, or it is damaged.
    """
    path = folder / record_name(precision)
    try:
        return msgspec.json.decode(path.read_bytes(), type=QuantisationRecord)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ExportError(f"{path}: {getattr(error, 'strerror', None) or error}; write it with 'quantize'") from error
