"""Images, masks, depth and tables as files; a full disk is an `OSError` here, never a truncated file that passes for a whole one."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

JPEG_QUALITY = 92  # the camera chain has done the damage of coding already; this only stores it
# masks are nearly empty: choosing a filter for every row takes five times as long as packing them without; OpenCV 4.8 has no such choice
_MASK_OPTIONS = [cv2.IMWRITE_PNG_COMPRESSION, 1, *([cv2.IMWRITE_PNG_FILTER, 8] if hasattr(cv2, "IMWRITE_PNG_FILTER") else [])]
_OPTIONS = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY], ".png": [cv2.IMWRITE_PNG_COMPRESSION, 3]}


def write_image(path: Path, image_RGB: NDArray[np.uint8]) -> None:
    """Store a picture (H, W, 3) as PNG or JPEG, by the ending."""
    _write(path, cv2.cvtColor(image_RGB, cv2.COLOR_RGB2BGR))


def write_masks(path: Path, masks_CHW: NDArray[np.bool_]) -> None:
    """Store class masks (17, H, W) as one PNG: bit k of B + 256 G + 65536 R is class k."""
    _write(path, pack_masks(masks_CHW), _MASK_OPTIONS)


def write_depth(path: Path, depth_HW: NDArray[np.float32]) -> None:
    """Store depth (H, W) in metres as a 16-bit PNG of millimetres, 65.535 m at most."""
    _write(path, np.clip(np.rint(depth_HW * 1000), 0, 65535).astype(np.uint16))


def pack_masks(masks_CHW: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Class masks as a BGR image, (H, W, 3) uint8: bit k of B + 256 G + 65536 R is class k."""
    packed = np.zeros((*masks_CHW.shape[1:], 3), np.uint8)
    for k, mask in enumerate(masks_CHW):
        if mask.any():  # most frames show few classes
            packed[..., k // 8] |= mask.view(np.uint8) << np.uint8(k % 8)
    return packed


def _write(path: Path, image: NDArray[Any], options: Sequence[int] | None = None) -> None:
    # cv2.imwrite would only say that it failed, not why
    done, stored = cv2.imencode(path.suffix, image, _OPTIONS[path.suffix] if options is None else options)
    assert done, "formats are checked before"
    path.write_bytes(stored.data)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV lines."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Store a table."""
    path.write_text(csv_text([header, *rows]), encoding="utf-8")
