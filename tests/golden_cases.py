"""Reads golden vectors: the folder named by GOLDEN_DIR, else the one beside this file. Cases are found, never named."""

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(os.environ.get("GOLDEN_DIR") or Path(__file__).parent / "golden")


class Case(NamedTuple):
    name: str
    params: dict[str, Any]
    tags: list[str]
    fields: dict[str, NDArray[Any]]


def cases(method: str) -> list[Case]:
    """Every case of a method's folder."""
    with np.load(FOLDER / method / "cases.npz") as arrays:
        described = json.loads((FOLDER / method / "cases.json").read_text(encoding="utf-8"))["cases"]
        return [
            Case(item["case"], item["params"], item["tags"], {field: arrays[f"{item['case']}__{field}"] for field in item["fields"]})
            for item in described
        ]
