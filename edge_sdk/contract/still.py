"""Decoding of still pictures, the same for stills on the robot, golden frames and training images.

Pixels as they are stored: the rotation that a photo's EXIF asks for is not applied. Greyscale becomes RGB, an alpha channel is dropped,
16 bits become 8.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

_MODE = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION


def image_from_bytes(data: bytes) -> NDArray[np.uint8] | None:
    """RGB uint8 (H, W, 3) of an encoded picture (JPEG, PNG, ...), or None if it cannot be decoded."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _MODE) if data else None
    except cv2.error:
        return None
    return None if image is None else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)
