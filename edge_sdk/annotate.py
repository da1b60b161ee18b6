"""The annotated film: what the model saw, frame by frame, for a person who reviews its proposals."""

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import OutputError
from edge_sdk.localize import boxes_from_heat, heat_from_map
from edge_sdk.opencv import ffmpeg_path, quiet
from edge_sdk.pictures import draw_boxes, draw_text, text_height
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import classes_above

MAX_LINES = 4  # classes written into the picture
MAX_WIDTH = 1280  # a film for looking at need not be larger


class AnnotatedFilm:
    """Writes frames with chainage, class names and boxes to an MP4 file (MPEG-4 part 2, which every OpenCV can write).

    Args:
        path: The film to write; replaced if it exists.
        fps: Its frame rate.
        thresholds: Per class: what is drawn is what reaches them.
        caption: Stands in every frame.

    Raises:
        OutputError: If the film cannot be written.
    """

    def __init__(self, path: Path, *, fps: float, thresholds: tuple[float, ...], caption: str) -> None:
        self._path, self._fps, self._thresholds, self._caption = path, fps, thresholds, caption
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)

    def add(self, result: FrameResult) -> None:
        """Write one frame; a frame without an image is left out, one of another size is fitted to the first one's."""
        if result.frame.image_HWC is None or result.dropped == "bad_shape":
            return
        image = annotate(result, self._thresholds, caption=self._caption)
        if self._writer is None:
            self._open(image)
        assert self._writer is not None
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: If nothing arrived on disk.
        """
        if self._writer is None:
            return
        self._writer.release()
        if not self._path.is_file() or self._path.stat().st_size == 0:
            raise OutputError(f"{self._path}: the film could not be written; is the disk full?")

    def __enter__(self) -> "AnnotatedFilm":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self, image: NDArray[np.uint8]) -> None:
        scale = min(1.0, MAX_WIDTH / image.shape[1])
        self._size = (int(image.shape[1] * scale) // 2 * 2, int(image.shape[0] * scale) // 2 * 2)
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        with quiet():
            self._writer = cv2.VideoWriter(ffmpeg_path(self._path), fourcc, self._fps, self._size)
        if not self._writer.isOpened():
            raise OutputError(f"{self._path}: the film cannot be written here; is the folder writable?")


def annotate(result: FrameResult, thresholds: tuple[float, ...], *, caption: str) -> NDArray[np.uint8]:
    """One frame with what the model says of it, RGB of the frame's size.

    Boxes belong to the strongest class; every class above its threshold is named with its score.
    """
    assert result.frame.image_HWC is not None
    image = result.frame.image_HWC.copy()
    classes, line = taxonomy().classes, text_height(image)
    if result.scores_C is not None and result.maps_Chw is not None:
        above = classes_above(result.scores_C, thresholds)
        if above:
            heat_HW = heat_from_map(result.maps_Chw[above[0]], height=image.shape[0], width=image.shape[1])
            image = draw_boxes(image, boxes_from_heat(heat_HW), text=classes[above[0]].code)
        for i, c in enumerate(above[:MAX_LINES]):
            draw_text(image, f"{classes[c].label} {result.scores_C[c]:.0%}", (line // 2, line * (i + 2) + line // 2))
    draw_text(image, _where(result), (line // 2, line + line // 4), (255, 255, 255))
    draw_text(image, caption, (line // 2, image.shape[0] - line // 2), (255, 255, 255))
    return image


def _where(result: FrameResult) -> str:
    chainage = result.chainage
    place = "" if chainage.value_m is None else f"{chainage.value_m:.2f} m   "
    return place + f"{result.time_s:.1f} s" + (f"   not inspected: {result.dropped}" if result.dropped else "")
