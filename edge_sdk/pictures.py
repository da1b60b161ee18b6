"""Pictures of observations: the strongest frame as it came, and the same with heatmap and boxes."""

import hashlib
from itertools import chain, count
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.errors import OutputError
from edge_sdk.journal.files import write_durably
from edge_sdk.localize import boxes_from_heat, heat_from_map
from edge_sdk.records import Box, Picture

FOLDER = "pictures"
JPEG_QUALITY = 90
HEAT_OPACITY = 0.55
BAND_ROWS = 64
FONT = cv2.FONT_HERSHEY_SIMPLEX
BOX_COLOUR = (255, 214, 10)  # RGB; stands out on concrete, clay and water alike


def write_pictures(out: Path, stem: str, image_HWC: NDArray[np.uint8], map_hw: NDArray[np.float32], *, text: str) -> Picture:
    """Write `<out>/pictures/<stem>.jpg` and `<stem>-heat.jpg`, for good: they survive a power loss once this returns.

    A picture that lies there stays, for an earlier revision of the observation may point to it: the new one then gets a number.

    Args:
        out: The run's folder.
        stem: Name without ending.
        image_HWC: The frame, RGB.
        map_hw: The class's activation map of this frame.
        text: Written beside the first box.

    Raises:
        OutputError: If a file cannot be written.
    """
    picture, files = encode_pictures(free_stem(out / FOLDER, stem), image_HWC, map_hw, text=text)
    try:
        for name, data in files.items():
            write_durably(out / name, data)
    except OSError as error:
        raise OutputError(f"{out / name}: {error.strerror}; check the folder and its free space") from error
    return picture


def encode_pictures(stem: str, image_HWC: NDArray[np.uint8], map_hw: NDArray[np.float32], *, text: str) -> tuple[Picture, dict[str, bytes]]:
    """The pictures of an observation as files, for `Journal.add_observation`, which writes them.

    Args:
        stem: Name without ending.
        image_HWC: The frame, RGB.
        map_hw: The class's activation map of this frame.
        text: Written beside the first box.

    Returns:
        Their record, and the JPEG bytes by path relative to the run's folder.
    """
    height, width = image_HWC.shape[:2]
    heat_HW = heat_from_map(map_hw, height=height, width=width)
    boxes = boxes_from_heat(heat_HW)
    plain, heat = f"{FOLDER}/{stem}.jpg", f"{FOLDER}/{stem}-heat.jpg"
    files = {plain: jpeg_from_image(image_HWC), heat: jpeg_from_image(draw_boxes(blend_heat(image_HWC, heat_HW), boxes, text=text))}
    sha256 = hashlib.sha256(files[plain]).hexdigest()
    return Picture(path=plain, heatmap_path=heat, sha256=sha256, width=width, height=height, boxes=boxes), files


def free_stem(folder: Path, stem: str) -> str:
    """The name itself, or with the first number under which no picture lies."""
    names = chain([stem], (f"{stem}-{n}" for n in count(2)))
    return next(name for name in names if not (folder / f"{name}.jpg").exists())


def blend_heat(image_HWC: NDArray[np.uint8], heat_HW: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The image with heat laid over it; where there is no heat the image stays as it is."""
    blended_HWC = np.empty_like(image_HWC)
    for top in range(0, len(image_HWC), BAND_ROWS):  # of a whole 1080p frame each step would take 25 MB of fresh memory
        rows = slice(top, top + BAND_ROWS)
        colours = cv2.cvtColor(cv2.applyColorMap((heat_HW[rows] * 255).astype(np.uint8), cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
        weight = (heat_HW[rows] * HEAT_OPACITY)[..., np.newaxis]
        blended_HWC[rows] = image_HWC[rows] * (1 - weight) + colours * weight
    return blended_HWC


def draw_boxes(image_HWC: NDArray[np.uint8], boxes: tuple[Box, ...], *, text: str) -> NDArray[np.uint8]:
    """A copy with the boxes drawn; `text` stands at the first."""
    image = np.ascontiguousarray(image_HWC).copy()
    stroke = max(1, image.shape[1] // 320)
    for i, box in enumerate(boxes):
        cv2.rectangle(image, (box.left, box.top), (box.right - 1, box.bottom - 1), BOX_COLOUR, stroke)
        if i == 0 and text:
            draw_text(image, text, (box.left + 2 * stroke, max(box.top - 4 * stroke, text_height(image) + 2)))
    return image


def text_height(image_HWC: NDArray[np.uint8]) -> int:
    """Height in pixels of a line `draw_text` writes on this image."""
    return max(12, round(int(image_HWC.shape[1]) / 44))


def draw_text(image_HWC: NDArray[np.uint8], text: str, origin: tuple[int, int], colour: tuple[int, int, int] = BOX_COLOUR) -> None:
    """Write a line into the image with the left end of its baseline at `origin`, on black so that it reads on any ground."""
    scale = text_height(image_HWC) / 30
    (width, height), below = cv2.getTextSize(text, FONT, scale, 1)
    x, y = origin
    cv2.rectangle(image_HWC, (x - 2, y - height - 2), (x + width + 2, y + below), (0, 0, 0), cv2.FILLED)
    cv2.putText(image_HWC, text, origin, FONT, scale, colour, 1, cv2.LINE_AA)


def jpeg_from_image(image_HWC: NDArray[np.uint8]) -> bytes:
    """Encode an RGB image."""
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(image_HWC, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert ok, "JPEG encoding of an RGB image cannot fail"
    return bytes(data.tobytes())
