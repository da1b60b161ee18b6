"""Pictures as data URIs, reduced for the page; the full ones stay in the folder.

Every picture is decoded and encoded anew: what is no picture never reaches the page, and a path that leaves the folder is not followed.
"""

import base64
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.records import Picture

THUMBNAIL_WIDTH = 96
CARD_WIDTH = 560  # half an A4 page at 150 dpi; 60 cards stay below 10 MB
JPEG_QUALITY = 80
MAX_FILE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Photos:
    """Data URIs of an observation's pictures; None where the file is missing or no picture."""

    thumbnail: str | None
    frame: str | None
    heat: str | None


def photos_from_picture(picture: Picture, folder: Path) -> Photos:
    """Read both pictures of an observation."""
    frame, heat = read_image(folder, picture.path), read_image(folder, picture.heatmap_path)
    return Photos(
        thumbnail=None if frame is None else data_uri(frame, max_width=THUMBNAIL_WIDTH),
        frame=None if frame is None else data_uri(frame, max_width=CARD_WIDTH),
        heat=None if heat is None else data_uri(heat, max_width=CARD_WIDTH),
    )


def read_image(folder: Path, relative: str) -> NDArray[np.uint8] | None:
    """The picture in BGR, or None if `folder` holds none under this name."""
    try:
        path = (folder / relative).resolve()
        if not path.is_relative_to(folder.resolve()) or path.stat().st_size > MAX_FILE_BYTES:
            return None
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except (OSError, ValueError, cv2.error):
        return None
    return None if image is None else np.asarray(image, dtype=np.uint8)


def data_uri(image_HWC: NDArray[np.uint8], *, max_width: int) -> str:
    """A JPEG as data URI, reduced to `max_width` by area averaging; smaller pictures keep their size."""
    height, width = image_HWC.shape[:2]
    if width > max_width:
        size = (max_width, max(1, round(height * max_width / width)))
        image_HWC = np.asarray(cv2.resize(image_HWC, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    ok, data = cv2.imencode(".jpg", image_HWC, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert ok, "JPEG encoding of a BGR image cannot fail"
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def link_to_file(relative: str) -> str:
    """A relative link that can be nothing else, whatever the path says: no scheme, no query, no host."""
    return "./" + quote(relative.lstrip("/"), errors="replace")
