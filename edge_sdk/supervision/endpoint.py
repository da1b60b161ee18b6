"""Metrics and health over HTTP: for this machine only, for reading only, and only where a program asks for it.

GET /metrics and GET /healthz are all there is. A request cannot change anything, and one that dawdles holds up nobody.
"""

import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, NamedTuple

from edge_sdk.errors import InputError
from edge_sdk.supervision.exposition import CONTENT_TYPE

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_CONNECTIONS = 4
REQUEST_S = 2.0
STOP_S = 0.5


class Page(NamedTuple):
    """What a path answers."""

    code: int
    content_type: str
    body: str


class MetricsEndpoint:
    """An HTTP server on 127.0.0.1 with a thread of its own.

    Args:
        port: Where to listen; 0 lets the system choose, see `port`.
        metrics: The text of /metrics.
        health: Whether a restart would not help, and a JSON text that says more, for /healthz.

    Raises:
        InputError: If the port is taken or may not be used.
    """

    def __init__(self, port: int, *, metrics: Callable[[], str], health: Callable[[], tuple[bool, str]]) -> None:
        def page(path: str) -> Page | None:
            if path == "/metrics":
                return Page(200, CONTENT_TYPE, metrics())
            if path == "/healthz":
                alive, text = health()
                return Page(200 if alive else 503, "application/json", text)
            return None

        try:
            self._server = _Server((HOST, port), page)
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such port"
            raise InputError(f"metrics port {port}: {reason}; choose another one") from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics-endpoint", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more; a request being answered is left to its end."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(STOP_S)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], page: Callable[[str], Page | None]) -> None:
        self.page = page
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or hang up where too many are being answered."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection; a dawdling one is cut off."""
        cut = threading.Timer(REQUEST_S, _hang_up, [request])
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""
        logger.debug("a request to the metrics endpoint broke off", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server_version, sys_version = "sewer-edge", ""

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        page = self.server.page(self.path.split("?", 1)[0])
        self._answer(page or Page(404, "text/plain", "there is /metrics and /healthz\n"))

    def _refuse(self) -> None:
        self._answer(Page(405, "text/plain", "this endpoint is read with GET\n"))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _answer(self, page: Page) -> None:
        body = page.body.encode()
        self.send_response(page.code)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(body)))
        if page.code == 405:
            self.send_header("Allow", "GET")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        logger.debug("metrics endpoint: " + format, *args)


def _hang_up(request: socket) -> None:
    try:
        request.shutdown(2)
    except OSError:
        return  # it has gone by itself
