"""What the images are and who says so: `DATASET.yaml` in the data folder, or the recipe; the recipe wins where both speak.

Provenance travels from here into checkpoint, model card and bundle, so that a model trained on rendered images says it everywhere.
"""

from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from edge_sdk.contract.manifest import LabelRule
from trainer.config import DataConfig
from trainer.errors import DataError

DATASET = "DATASET.yaml"
# How far a label speaks, where nobody says otherwise: Sewer-ML, section 3.3; the renderer labels what is visible up to 2 m ahead.
LABEL_RULES = {"sewer-ml": LabelRule(1.0, 0.3), "rendered": LabelRule(2.0, 0.0)}


class Provenance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Name, kind and licence of the data, and the stretch of pipe a label speaks of."""

    name: str
    kind: Literal["rendered", "sewer-ml", "other"]
    licence: str
    label_rule: LabelRule
    generator: str | None = None


class Dataset(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Content of `DATASET.yaml`; `generator` names program and version where the images are rendered."""

    name: str | None = None
    kind: Literal["rendered", "sewer-ml", "other"] | None = None
    licence: str | None = None
    generator: str | None = None
    look_ahead_m: float | None = None
    look_behind_m: float | None = None


def provenance_of(config: DataConfig) -> Provenance:
    """Join what recipe and folder say.

    Raises:
        DataError: If name, kind, licence or label rule is said by neither, or `DATASET.yaml` is not valid.
    """
    stated = _read(Path(config.root) / DATASET)
    known = {key: _first(getattr(config, key), getattr(stated, key)) for key in ("name", "kind", "licence")}
    unknown = next((key for key, value in known.items() if value is None), None)
    if unknown:
        raise DataError(f"{config.root} has no {DATASET} that states '{unknown}'; write it there, or data.{unknown} into the recipe")
    return msgspec.convert({**known, "label_rule": _label_rule(config, stated), "generator": stated.generator}, Provenance)


def _label_rule(config: DataConfig, stated: Dataset) -> LabelRule:
    usual = LABEL_RULES.get(str(_first(config.kind, stated.kind)))
    ahead = _first(config.look_ahead_m, stated.look_ahead_m, usual and usual.look_ahead_m)
    behind = _first(config.look_behind_m, stated.look_behind_m, usual and usual.look_behind_m)
    if ahead is None or behind is None:
        raise DataError(f"{config.root}: how far do labels speak? State look_ahead_m and look_behind_m in {DATASET} or under data")
    return LabelRule(float(ahead), float(behind))


def _read(path: Path) -> Dataset:
    if not path.is_file():
        return Dataset()
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")) or {}, Dataset)
    except (yaml.YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: {' '.join(str(error).split())}") from error


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)
