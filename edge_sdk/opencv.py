"""What must be done around OpenCV's film reader and writer, whichever version from 4.8 to 5 is there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2

from edge_sdk.errors import InputError

# FFmpeg reads its log level at first use: set at import, so that what is wrong with a film is said once, by us. Who wants it sets it first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep OpenCV's own log lines off the terminal."""
    if hasattr(cv2, "setLogLevel"):  # until 4.x; 5 has it in utils.logging alone
        before = cv2.setLogLevel(0)
        restore = cv2.setLogLevel
    else:
        before = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        restore = cv2.utils.logging.setLogLevel
    try:
        yield
    finally:
        restore(before)


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """OpenCV's own threads off for a while: they spin while they wait, and small pictures gain nothing by them."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def ffmpeg_path(path: Path) -> str:
    """The path as FFmpeg must get it: absolute, or a colon in the name reads as a protocol.

    Raises:
        InputError: If the name is not valid UTF-8: OpenCV would crash the process.
    """
    name = str(path.absolute())
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"{name.encode('utf-8', 'backslashreplace').decode()}: the name is not valid UTF-8; rename it") from None
    return name
