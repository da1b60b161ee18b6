"""Data folders in Sewer-ML's layout, of random pictures."""

import csv
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy

DATASET = "name: random\nkind: other\nlicence: none\nlook_ahead_m: 1.0\nlook_behind_m: 0.3\n"


def write_split(root: Path, split: str, targets_NC: NDArray[np.uint8], *, size: int = 64, suffix: str = ".png") -> None:
    """Random pictures with the given labels."""
    rng = np.random.default_rng(len(targets_NC))
    (root / split).mkdir(parents=True)
    rows = []
    for number, target_C in enumerate(targets_NC, start=1):
        name = f"{number:08d}{suffix}"
        cv2.imwrite(str(root / split / name), rng.integers(0, 256, (size, size + 8, 3), dtype=np.uint8))
        rows.append([name, 0, 0, *target_C.tolist(), int(not target_C.any()), int(target_C.any())])
    with (root / f"SewerML_{split}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["Filename", "WaterLevel", "VA", *taxonomy().codes, "ND", "Defect"], *rows])


def random_targets(num: int, seed: int = 0) -> NDArray[np.uint8]:
    """Labels of which every fifth is positive."""
    return (np.random.default_rng(seed).random((num, len(taxonomy()))) < 0.2).astype(np.uint8)
