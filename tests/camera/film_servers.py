"""Cameras on the loopback device that send an MPEG transport stream, over HTTP and inside RTP (RFC 2250), and the streams to send.

The interlaced ones are an analogue PAL camera behind an encoder.
"""

import socket
import struct
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from camera.servers import PERIOD_S, RtspServer, Server

WIDTH, HEIGHT, NUM = 352, 288, 24
PACKET, TOGETHER = 188, 7  # bytes of a packet of the transport stream; packets in one datagram
INTERLACED = 0x40000 | 0x20000000  # AV_CODEC_FLAG_INTERLACED_DCT and _ME
X264 = {"preset": "veryfast", "x264-params": "keyint=12:weightp=0"}
ENCODERS: dict[str, tuple[str, dict[str, str], int]] = {
    "h264": ("libx264", X264, 0),
    "interlaced h264": ("libx264", {"x264-params": "tff=1:keyint=12:weightp=0"}, INTERLACED),
    "interlaced mpeg2": ("mpeg2video", {"g": "12", "bt": "4M"}, INTERLACED),
}


@lru_cache(maxsize=NUM)
def picture(number: int) -> np.ndarray:
    """RGB: a gradient in every colour, and a bar that tells the number."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    image = np.stack([x * 255 // WIDTH, y * 255 // HEIGHT, np.full_like(x, 90)], axis=2).astype(np.uint8)
    image[100:180, 12 * number % (WIDTH - 40) :][:, :40] = 230
    return image


def stream(
    path: Path, kind: str = "h264", *, size: tuple[int, int] = (WIDTH, HEIGHT), pixels: str = "yuv420p", colours: tuple[int, int] = (5, 1)
) -> bytes:
    """A second of it, with B pictures; `colours` are FFmpeg's numbers of the matrix and the range."""
    encoder, options, flags = ENCODERS[kind]
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream(encoder, rate=25, options=options)
        video.width, video.height, video.pix_fmt = *size, pixels
        context = video.codec_context
        context.flags |= flags
        context.bit_rate, context.max_b_frames = 4_000_000, 2
        context.colorspace, context.color_range = colours
        for number in range(NUM):
            frame = av.VideoFrame.from_ndarray(cv2.resize(picture(number), size), format="rgb24")
            container.mux(video.encode(frame.reformat(format=pixels, dst_colorspace=colours[0], dst_color_range=colours[1])))
        container.mux(video.encode(None))
    return path.read_bytes()


def deviation(image: np.ndarray) -> float:
    """Mean distance, in grey levels, from the nearest picture of the film."""
    height, width = image.shape[:2]
    return min(float(cv2.absdiff(image, cv2.resize(picture(number), (width, height))).mean()) for number in range(NUM))


class HttpFilmServer(Server):
    """Sends transport streams, one after the other and the last one over and over, at the pace of a camera."""

    def __init__(self, *streams: bytes, again: bool = True) -> None:
        self._streams, self._again = streams, again
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/live.ts"

    def _talk(self, client: socket.socket) -> None:
        client.recv(4096)
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n")
        for piece in self._pieces():
            client.sendall(piece)

    def _pieces(self) -> Iterator[bytes]:
        streams = iter(self._streams)
        data = next(streams)
        while not self._down.is_set():
            size = -(-len(data) // NUM // PACKET) * PACKET
            for start in range(0, len(data), size):
                time.sleep(PERIOD_S)
                yield data[start : start + size]
            data = next(streams, data if self._again else b"")
            if not data:
                return


class RtspFilmServer(HttpFilmServer, RtspServer):
    """The same in RTP."""

    SDP = RtspServer.SDP.replace("RTP/AVP 26", "RTP/AVP 33")
    url = RtspServer.url
    _talk = RtspServer._talk

    def _play(self, client: socket.socket) -> None:
        sequence = 0
        for number, piece in enumerate(self._pieces()):
            for start in range(0, len(piece), PACKET * TOGETHER):
                payload = piece[start : start + PACKET * TOGETHER]
                header = struct.pack(">BBHII", 0x80, 33, sequence % 65536, int(number * PERIOD_S * 90000), 1)
                client.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)
                sequence += 1
