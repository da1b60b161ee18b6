"""Localisation: from a class activation map to a heatmap and a few boxes in the picture.

The map is the classifier applied to every cell, so the place agrees with the score by construction. It says where the evidence lies, to
the size of a cell (a seventh to a fourteenth of the frame); it does not outline the defect.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.records import Box

MAX_BOXES = 3
BOX_HEAT = 0.5  # a cell belongs to a box from half the hottest cell's heat
MIN_BOX_SHARE = 0.004  # of the frame's area; half a cell of a 7 x 7 map is 0.01


def heat_from_map(map_hw: NDArray[np.float32], *, height: int, width: int) -> NDArray[np.float32]:
    """Heat 0..1 per pixel, shape (height, width) float32: 1 at the hottest cell, 0 where nothing speaks for the class.

    Cells vote with their logit; only votes for the class count. Where no cell votes for it (a low threshold), heat is relative to the
    mean cell.
    """
    top = float(map_hw.max())
    floor = 0.0 if top > 0 else float(map_hw.mean())
    if top - floor < 1e-6:
        return np.zeros((height, width), dtype=np.float32)
    heat_hw = np.clip((map_hw - floor) / (top - floor), 0.0, 1.0).astype(np.float32)
    heat_HW = np.asarray(cv2.resize(heat_hw, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.float32)
    return np.clip(heat_HW, 0.0, 1.0, out=heat_HW)


def boxes_from_heat(heat_HW: NDArray[np.float32]) -> tuple[Box, ...]:
    """Up to three boxes around the hottest regions, hottest first; regions under 0.4 % of the frame are left out."""
    mask = (heat_HW >= BOX_HEAT).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    boxes = []
    for contour in contours:
        left, top, width, height = cv2.boundingRect(contour)
        if width * height >= MIN_BOX_SHARE * heat_HW.size:
            heat = float(heat_HW[top : top + height, left : left + width].max())
            boxes.append(Box(left=left, top=top, right=left + width, bottom=top + height, score=round(heat, 3)))
    return tuple(sorted(boxes, key=lambda box: -box.score)[:MAX_BOXES])
