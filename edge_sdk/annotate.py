"""The annotated film: what the model saw, frame by frame, for a person who reviews its proposals."""

from contextlib import suppress
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.errors import OutputError
from edge_sdk.localize import boxes_from_heat, heat_from_map
from edge_sdk.opencv import ffmpeg_path, quiet
from edge_sdk.pictures import BOX_COLOUR, draw_boxes, draw_text, text_height
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import classes_above

MIN_WIDTH, MAX_WIDTH = 640, 1280  # pixels: text must be legible, and a film for looking at need not be larger
LINES = 3  # of text in the bar under the picture: place, classes, caption
WHITE = (255, 255, 255)


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
        self._num_written = 0

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
        with quiet():  # FFmpeg complains of each frame that a full disk does not take, and says nothing in code
            self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self._num_written += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            OutputError: If not every frame arrived on disk; what cannot be played is deleted.
        """
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        with quiet():
            writer.release()
        if not self._is_whole():
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            if self._num_written == 0:  # stopped before its first frame: there is nothing to play
                return
            raise OutputError(f"{self._path}: the film could not be written; check the folder and its free space, or give --no-film")

    def _is_whole(self) -> bool:
        """Whether it can be played with every frame: the only way to know, since the writer does not tell."""
        with quiet():
            film = cv2.VideoCapture(ffmpeg_path(self._path))
        whole = film.isOpened() and round(film.get(cv2.CAP_PROP_FRAME_COUNT)) >= self._num_written
        film.release()
        return whole

    def __enter__(self) -> "AnnotatedFilm":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _open(self, image: NDArray[np.uint8]) -> None:
        self._size = (image.shape[1], image.shape[0])
        fourcc = cv2.VideoWriter.fourcc(*"mp4v")
        with quiet():
            self._writer = cv2.VideoWriter(ffmpeg_path(self._path), fourcc, self._fps, self._size)
        if not self._writer.isOpened():
            raise OutputError(f"{self._path}: the film cannot be written here; is the folder writable?")


def annotate(result: FrameResult, thresholds: tuple[float, ...], *, caption: str) -> NDArray[np.uint8]:
    """One frame with what the model says of it: RGB, 640 to 1280 pixels wide, with a bar of text under the picture.

    Boxes belong to the strongest class; every class above its threshold is named with its score. The picture itself carries no text but
    the code at the first box, for it may have its own.
    """
    assert result.frame.image_HWC is not None
    image = _scaled(result.frame.image_HWC)
    classes, above = taxonomy().classes, []
    if result.scores_C is not None and result.maps_Chw is not None:
        above = classes_above(result.scores_C, thresholds)
        if above:
            heat_HW = heat_from_map(result.maps_Chw[above[0]], height=image.shape[0], width=image.shape[1])
            image = draw_boxes(image, boxes_from_heat(heat_HW), text=classes[above[0]].code)
        seen = ", ".join(f"{classes[c].label} {result.scores_C[c]:.0%}" for c in above)
    else:
        seen = f"not inspected: {str(result.dropped).replace('_', ' ')}"
    return _with_bar(image, [(_where(result), WHITE), (seen, BOX_COLOUR), (caption, WHITE)])


def _scaled(image_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image at a width for looking at, both sides even as video codecs want them."""
    height, width = image_HWC.shape[:2]
    scale = min(max(1.0, MIN_WIDTH / width), MAX_WIDTH / width)
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    return np.asarray(cv2.resize(image_HWC, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), dtype=np.uint8)


def _with_bar(image_HWC: NDArray[np.uint8], lines: list[tuple[str, tuple[int, int, int]]]) -> NDArray[np.uint8]:
    pitch = text_height(image_HWC) * 3 // 2
    bar_HWC = np.zeros(((LINES * pitch + pitch // 2) // 2 * 2, image_HWC.shape[1], 3), np.uint8)
    framed = np.concatenate([image_HWC, bar_HWC])
    for i, (text, colour) in enumerate(lines):
        draw_text(framed, text, (pitch // 2, image_HWC.shape[0] + (i + 1) * pitch), colour)
    return framed


def _where(result: FrameResult) -> str:
    chainage = result.chainage
    place = "place unknown" if chainage.value_m is None else f"{chainage.value_m:.2f} m"
    return f"{place}   film {result.time_s:.1f} s"
