"""Films through PyAV: FFmpeg's own frames, where FFmpeg has them."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from edge_sdk.camera.asf import announced_s
from edge_sdk.camera.film_decoder import Decoded, Tally
from edge_sdk.camera.pyav_frame import picture
from edge_sdk.cores import usable_cores
from edge_sdk.errors import SourceError
from edge_sdk.opencv import ffmpeg_path

OPTIONS = {"protocol_whitelist": "file,crypto,data"}  # a container that names others would lead elsewhere
# PAL. FFmpeg's threads make other pictures of a damaged film each time it is read, one thread always the same; at 720x576 one is as quick
# (H.264 1.6 ms a frame against 1.5 of four, MPEG-2 0.6 ms both) for three quarters of the CPU time, at 1080p half as quick.
ONE_THREAD_PX = 768 * 576
MAX_THREADS = 8  # each holds a frame more, 5 MB at 1080p; one above four cores made int8 films 4 to 8 % quicker, two no more
# Titles are often in Latin-1, which PyAV until 18 refuses unless told; 19 is told nothing any more.
LATIN1: dict[str, Any] = {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
ATTACHED_PICTURE = 0x400  # AV_DISPOSITION_ATTACHED_PIC: the cover of a sound file
REFUSED = (FFmpegError, ValueError, MemoryError)  # what PyAV raises of a picture that it can make nothing of


class PyavDecoder:
    """A film read by PyAV: 4:2:0 frames of 8 bits as they are, all others in BGR.

    Args:
        path: The film.
        threads: Of the decoder; None takes as many as are quickest. With more than one it works ahead.

    Raises:
        SourceError: If there is no film in it that FFmpeg knows.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        self.name = f"PyAV {av.__version__}"
        self._container = _opened(path)
        stream = self._container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None or _is_cover(stream):
            self._container.close()
            raise SourceError(f"{path}: there are no pictures in it")
        stream.codec_context.thread_type = "AUTO"
        stream.codec_context.thread_count = threads or _threads(stream.width * stream.height)
        self.rate = float(stream.guessed_rate or stream.average_rate or 0)
        self.is_counted = stream.frames > 0
        self.num_frames = stream.frames or round(_length_s(self._container, stream) * self.rate)
        self._start, self._time_base = stream.start_time or 0, stream.time_base
        self.tally, self._clock = Tally(), _Clock()
        # The generator alone holds the stream: the decoder's threads and pictures end with it, though somebody keep the closed film.
        self._frames = _decoded(self._container, stream, self.tally)

    def read(self) -> Decoded | None:
        """The next frame; see `FilmDecoder.read`."""
        for frame in self._frames:
            self.tally.damaged += frame.is_corrupt
            try:
                stored, order, colours = picture(frame)
            except REFUSED:
                self.tally.damaged += not frame.is_corrupt
                continue
            return Decoded(stored, order, colours, self._time_s(frame))
        return None

    def close(self) -> None:
        """Release the file, unless a thread that was left behind is still decoding it."""
        try:
            self._frames.close()
        except ValueError:  # "generator already executing": to take away what it works on would end the process
            return
        self._container.close()

    def _time_s(self, frame: VideoFrame) -> float | None:
        stamp = self._clock.best(frame.pts, frame.dts)
        return None if stamp is None or self._time_base is None else float((stamp - self._start) * self._time_base)


def _threads(pixels: int) -> int:
    return min(usable_cores() + 1, MAX_THREADS) if pixels > ONE_THREAD_PX else 1


def _opened(path: Path) -> InputContainer:
    try:
        # Not `options`: before PyAV 17.1 those end the process with MPEG-PS, whose streams show only while it is read.
        container: InputContainer = av.open(ffmpeg_path(path), container_options=OPTIONS, **LATIN1)
    except (FFmpegError, ValueError, OSError) as error:
        raise SourceError(f"{path}: not a film PyAV can read: {error}") from error
    return container


def _is_cover(stream: VideoStream) -> bool:
    disposition = getattr(stream, "disposition", None)  # not in every PyAV
    return disposition is not None and bool(disposition.value & ATTACHED_PICTURE)


def _decoded(container: InputContainer, stream: VideoStream, tally: Tally) -> Generator[VideoFrame, None, None]:
    """Every frame that can be decoded: a damaged packet costs its own."""
    for packet in _packets(container, stream, tally):
        try:
            frames = stream.codec_context.decode(packet)
        except REFUSED:
            tally.damaged += 1
            continue
        yield from frames


def _packets(container: InputContainer, stream: VideoStream, tally: Tally) -> "Iterator[Packet[VideoStream] | None]":
    """Every packet with something in it, and None, upon which the decoder gives what it holds back.

    PyAV ends so by itself, but not where the container breaks off; and an empty packet in the midst would end the decoding.
    """
    try:
        for packet in container.demux(stream):
            tally.hidden += packet.is_discard
            if packet.size:
                yield packet
    except FFmpegError:
        tally.broke_off = True
    yield None


def _length_s(container: InputContainer, stream: VideoStream) -> float:
    """How long the pictures last, where the container says so, else all there is in it: sound may go on after them."""
    if stream.duration and stream.time_base:
        return max(float(stream.duration * stream.time_base), 0.0)
    length_s = (container.duration or 0) / av.time_base
    if container.format.name == "asf":
        return announced_s(Path(container.name)) or max(length_s, 0.0)
    if "matroska" not in container.format.name:
        return max(length_s, 0.0)
    # Matroska's lengths run from zero, not from the first frame.
    length_s = min(length_s, _seconds(stream.metadata.get("DURATION", "")) or length_s)
    return max(length_s - (container.start_time or 0) / av.time_base, 0.0)


def _seconds(text: str) -> float | None:
    """Matroska's tag, such as 00:12:03.480000000."""
    try:
        hours, minutes, seconds = (float(part) for part in text.split(":"))
    except ValueError:
        return None
    return hours * 3600 + minutes * 60 + seconds


class _Clock:
    """Which of a frame's two stamps to believe: presentation, or decoding where the former runs backwards more often (AVI has only that).

    FFmpeg's own rule for its `best_effort_timestamp`, which PyAV does not hand out.
    """

    def __init__(self) -> None:
        self._pts = self._dts = -(1 << 63)
        self._faulty_pts = self._faulty_dts = 0

    def best(self, pts: int | None, dts: int | None) -> int | None:
        """The stamp of the next frame, in the stream's time base."""
        if dts is not None:
            self._faulty_dts += dts <= self._dts
            self._dts = dts
        if pts is not None:
            self._faulty_pts += pts <= self._pts
            self._pts = pts
        return pts if pts is not None and (dts is None or self._faulty_pts <= self._faulty_dts) else dts
