"""Network streams through PyAV: FFmpeg's frames where the decoder has them, and FFmpeg's own words about what went wrong.

OpenCV reads interlaced streams, such as those of an analogue camera behind an encoder, as noise (`film_decoder.py`). It would also turn
every frame into BGR, and its decoder hold back three of them.
"""

import time
from collections.abc import Iterator

import av
from av import logging as ffmpeg_log
from av.error import BlockingIOError as NothingYet
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge_sdk.camera.address import LiveAddress
from edge_sdk.camera.grabbers import FFMPEG_OPTIONS, Grabbed
from edge_sdk.camera.pyav import LATIN1
from edge_sdk.camera.pyav_frame import picture
from edge_sdk.contract.yuv import YuvPlanes
from edge_sdk.errors import SourceError

POLL_S = 0.002


class PyavGrabber:
    """A stream behind a URL; see `Grabber`.

    FFmpeg's warnings and errors go to stderr, as FFmpeg writes them: PyAV's own way, to Python's log, takes Python's lock in FFmpeg's
    threads.

    Raises:
        SourceError: If it does not open; FFmpeg's reason is its cause.
    """

    def __init__(self, address: LiveAddress) -> None:
        ffmpeg_log.restore_default_callback()
        ffmpeg_log.set_libav_level(ffmpeg_log.WARNING)  # a refused password is one
        try:  # not `options`: PyAV until 16 dies of them where streams appear while it reads
            self._container = av.open(address.target, container_options=FFMPEG_OPTIONS, **LATIN1)
        except (FFmpegError, OSError, ValueError) as error:
            raise SourceError("cannot be opened") from error  # its text holds the URL
        stream = self._container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            raise SourceError("there are no pictures in the stream")
        self._stream = stream
        # Frame threads would hold back a frame each. Not by the decoder's low_delay: it puts MPEG-2's B pictures in the wrong order.
        stream.codec_context.thread_type = "SLICE"
        self.fps = float(stream.average_rate or stream.guessed_rate or 0)
        self._frames = self._decoded()

    def read(self) -> Grabbed | None:
        """The next picture; see `Grabber.read`."""
        frame = next(self._frames, None)
        return None if frame is None else _grabbed(frame)

    def _decoded(self) -> Iterator[VideoFrame]:
        """Every frame that can be decoded: a damaged packet costs its own."""
        for packet in self._packets():
            try:
                frames = packet.decode()
            except FFmpegError:
                continue
            yield from frames

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        while True:
            try:
                yield from self._container.demux(self._stream)
            except NothingYet:  # noqa: PERF203 - not every protocol waits
                time.sleep(POLL_S)
            except FFmpegError as error:
                raise SourceError("the stream broke off") from error
            else:
                return


def _grabbed(frame: VideoFrame) -> Grabbed:
    """A frame where FFmpeg has it; without pixels where it is of a format that FFmpeg cannot turn into BGR."""
    try:
        stored, order, colours = picture(frame)
    except (FFmpegError, ValueError):
        return Grabbed((), 0, 0, "bgr")
    parts = tuple(stored) if isinstance(stored, YuvPlanes) else (stored,)
    return Grabbed(parts, frame.height, frame.width, order, colours)
