"""Cameras on the loopback device, from the standard library: motion JPEG over HTTP, and RTSP with RTP/JPEG (RFC 2326, RFC 2435).

Each can stall (the connection stays, nothing comes), drop its clients and come back on the same port. The film is a bar that moves; the
brightness of the picture's middle tells the frame's number.
"""

import base64
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import cv2
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

WIDTH, HEIGHT, PERIOD_S = 320, 240, 0.04


def jpeg(number: int) -> bytes:
    image = np.full((HEIGHT, WIDTH, 3), (90, 60, 30), np.uint8)  # BGR: blue is the largest
    image[:, 4 * number % WIDTH :][:, :8] = 255
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()


class Server:
    """Listens on a port of its own from the start; serves between `start` and `stop`."""

    def __init__(self, *, login: str | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._authorization = f"Basic {base64.b64encode(login.encode()).decode()}" if login else None
        self._stalled, self._down = threading.Event(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self.port, self.refused = 0, 0
        self.start()

    def start(self) -> None:
        self._down.clear()
        listener = socket.create_server(("127.0.0.1", self.port), reuse_port=False)
        self.port = listener.getsockname()[1]
        self._sockets.append(listener)
        self._spawn(self._accept, listener)

    def stall(self) -> None:
        self._stalled.set()

    def resume(self) -> None:
        self._stalled.clear()

    def stop(self) -> None:
        """Drop listener and clients, as a camera that lost its power (its ports answer with a refusal)."""
        self._down.set()
        for end in (1, None):  # the listener first: no client may come while the others are sent away
            for item in self._sockets[:end]:
                with contextlib.suppress(OSError):
                    item.shutdown(socket.SHUT_RDWR)
                item.close()
            for thread in self._threads[:end]:
                thread.join()
        self._sockets, self._threads = [], []

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    def _spawn(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                client.settimeout(10)
                self._sockets.append(client)
                self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
                self._sockets.append(client)
            self._talk(client)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _talk(self, client: socket.socket) -> None:
        raise NotImplementedError

    def _pictures(self) -> Iterator[tuple[int, bytes]]:
        number = 0
        while not self._down.is_set():
            time.sleep(PERIOD_S)
            if not self._stalled.is_set():
                yield number, jpeg(number)
                number += 1

    def _admitted(self, request: str) -> bool:
        admitted = self._authorization is None or f"Authorization: {self._authorization}".lower() in request.lower()
        self.refused += not admitted
        return admitted


class MjpegServer(Server):
    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/"

    def _talk(self, client: socket.socket) -> None:
        if not self._admitted(client.recv(4096).decode("latin-1")):
            client.sendall(b'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="c"\r\nContent-Length: 0\r\n\r\n')
            return
        client.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
        for _, data in self._pictures():
            client.sendall(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n" % (len(data), data))


class RtspServer(Server):
    SDP = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=c\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track\r\n"

    @property
    def url(self) -> str:
        return f"{'rtsps' if self._tls else 'rtsp'}://127.0.0.1:{self.port}/cam"

    def _talk(self, client: socket.socket) -> None:
        while request := client.recv(4096).decode("latin-1"):
            method, number = request.split()[0], request.lower().split("cseq:")[1].split()[0]
            status = "200 OK" if self._admitted(request) else '401 Unauthorized\r\nWWW-Authenticate: Basic realm="c"'
            body, extra = "", ""
            if method == "OPTIONS":
                extra = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"
            elif method == "DESCRIBE" and status == "200 OK":
                body, extra = self.SDP, f"Content-Type: application/sdp\r\nContent-Base: {self.url}/\r\n"
            elif method == "SETUP":
                extra = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 1\r\n"
            answer = f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"
            client.sendall(answer.encode())
            if method == "PLAY":
                self._play(client)

    def _play(self, client: socket.socket) -> None:
        sequence = 0
        for number, data in self._pictures():
            packets = _packets(data)
            for i, payload in enumerate(packets):
                last = i == len(packets) - 1
                header = struct.pack(">BBHII", 0x80, 26 | (0x80 if last else 0), sequence % 65536, int(number * PERIOD_S * 90000), 1)
                client.sendall(struct.pack(">cBH", b"$", 0, len(header) + len(payload)) + header + payload)
                sequence += 1


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate by nobody, as cameras have them."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    begin = datetime(2020, 1, 1, tzinfo=timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=36500))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + builder.sign(key, SHA256()).public_bytes(Encoding.PEM)
    path = folder / "camera.pem"
    path.write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _packets(data: bytes, size: int = 1200) -> list[bytes]:
    """A JPEG as RTP payloads; its quantisation tables go with the first one, its Huffman tables are the standard's."""
    tables, position, scan = b"", 2, b""
    while not scan:
        marker, length = data[position + 1], struct.unpack(">H", data[position + 2 : position + 4])[0]
        if marker == 0xDB:
            tables += b"".join(data[position + 5 + 65 * i : position + 69 + 65 * i] for i in range((length - 2) // 65))
        if marker == 0xDA:
            scan = data[position + 2 + length :].removesuffix(b"\xff\xd9")
        position += 2 + length
    packets = []
    for offset in range(0, len(scan), size):
        header = struct.pack(">I", offset) + bytes([1, 255, WIDTH // 8, HEIGHT // 8])
        first = struct.pack(">BBH", 0, 0, len(tables)) + tables if offset == 0 else b""
        packets.append(header + first + scan[offset : offset + size])
    return packets
