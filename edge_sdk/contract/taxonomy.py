"""The class list: 17 classes in a fixed order, as data with a digest.

`sewer_ml.yaml` is the only table of classes in the project; checkpoint, ONNX metadata and bundle manifest carry its digest, and a
mismatch is an error. A two-letter code means other things in other coding systems (FS, IS, OB, RO are also PACP and MSCC codes), so
an exported code always travels with its coding system. Normal is no class: it is "none of the 17".
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import yaml
from numpy.typing import NDArray

TABLE = "sewer_ml.yaml"


@dataclass(frozen=True, slots=True)
class SewerClass:
    """One class of the list.

    `ciw` is the class-importance weight of Sewer-ML (0..1); `proposed` are the nearest main codes of the proposal system and
    `confidence` says how near; `kind` tells damage from fittings.
    """

    code: str
    ciw: float
    label: str
    proposed: tuple[str, ...]
    confidence: Literal["low", "medium", "high"]
    kind: Literal["defect", "inventory"]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """The class list with the coding systems its codes belong to."""

    name: str
    coding_system: str
    proposal_system: str
    classes: tuple[SewerClass, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes in label order."""
        return tuple(c.code for c in self.classes)

    @property
    def ciw(self) -> NDArray[np.float64]:
        """Class-importance weights in label order, shape (C,)."""
        return np.array([c.ciw for c in self.classes], dtype=np.float64)

    @property
    def digest(self) -> str:
        """SHA-256 over the whole table in canonical form (hex): order, meanings and weights, whatever the YAML's layout."""
        text = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def index(self, code: str) -> int:
        """Position of `code` in label order.

        Raises:
            ValueError: If the code is not in the list.
        """
        return self.codes.index(code)

    def __len__(self) -> int:
        return len(self.classes)


@cache
def taxonomy() -> Taxonomy:
    """The class list of this SDK, read once from the packaged table."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same values either way; without libyaml it takes 15 ms of every start
    table = yaml.load(files(__package__).joinpath(TABLE).read_text(encoding="utf-8"), loader)  # noqa: S506 - both are safe loaders
    classes = tuple(SewerClass(**{**row, "proposed": tuple(row["proposed"])}) for row in table["classes"])
    return Taxonomy(table["name"], table["coding_system"], table["proposal_system"], classes)
