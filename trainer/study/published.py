"""The published figures, which are of Sewer-ML and of nothing else."""

from functools import cache
from pathlib import Path

import msgspec
import yaml

from trainer.study.table2 import Cell

PUBLISHED = Path(__file__).with_name("published.yaml")
SOURCE = "Otero & Mateus (DINO on Sewer-ML), split not stated"


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Figures of one cell on Sewer-ML, F2_CIW and F1_Normal in per cent; None: not published."""

    f2_ciw: float | None = None
    f1_normal: float | None = None
    rankme: float | None = None


def published_for(cell: Cell) -> Published:
    """What the paper prints for a cell; all None where it prints nothing."""
    return _all().get(cell.backbone, {}).get(cell.key, Published())


@cache
def _all() -> dict[str, dict[str, Published]]:
    return msgspec.convert(yaml.safe_load(PUBLISHED.read_text(encoding="utf-8")), dict[str, dict[str, Published]])
