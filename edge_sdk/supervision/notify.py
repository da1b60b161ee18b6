"""Word to the service manager: sd_notify(3) spoken over its datagram socket, without a library.

A robot without systemd has no NOTIFY_SOCKET, and then every call does nothing. No call ever waits: a full socket loses the message,
and the next one says the same.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger(__name__)

MAX_STATUS = 256


class Notifier:
    """Sends to one socket; may be used from any thread.

    Args:
        address: A path, or `@name` for an abstract one; None or empty for nobody.
    """

    def __init__(self, address: str | None) -> None:
        self._address = _address(address or "")
        self._socket = None if self._address is None else socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._complained = False
        if self._socket is not None:
            self._socket.setblocking(False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Notifier":
        """To the manager that started this process, if one did."""
        return cls(environ.get("NOTIFY_SOCKET"))

    @property
    def enabled(self) -> bool:
        """Whether anybody listens."""
        return self._socket is not None

    def ready(self, status: str = "") -> bool:
        """The service has started, or has reloaded; returns whether the word was taken."""
        return self._send("READY=1", *_status_lines(status))

    def status(self, text: str) -> bool:
        """One line for `systemctl status`."""
        return self._send(*_status_lines(text))

    def watchdog(self) -> bool:
        """Still making progress; see `Watchdog`."""
        return self._send("WATCHDOG=1")

    def reloading(self) -> bool:
        """The configuration or the model is being exchanged; `ready` ends it."""
        return self._send("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self, status: str = "") -> bool:
        """The service is about to end."""
        return self._send("STOPPING=1", *_status_lines(status))

    def close(self) -> None:
        """Let go of the socket; further calls do nothing."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _send(self, *lines: str) -> bool:
        connection = self._socket
        if connection is None or not lines:
            return False
        try:
            connection.sendto("\n".join(lines).encode(errors="replace"), self._address or b"")
        except BlockingIOError:
            return False
        except OSError as error:
            if not self._complained:
                logger.warning("the service manager cannot be told: %s (said once)", error.strerror or error)
            self._complained = True
            return False
        return True


def _address(text: str) -> bytes | None:
    if text.startswith("@"):
        return b"\0" + os.fsencode(text[1:])
    if text.startswith("/"):
        return os.fsencode(text)
    if text:
        logger.warning("NOTIFY_SOCKET is neither a path nor an abstract name; the service manager is not told")
    return None


def _status_lines(text: str) -> tuple[str, ...]:
    """A status in one line: a line break in it would begin another field."""
    line = "".join(char if char.isprintable() else " " for char in text)[:MAX_STATUS]
    return (f"STATUS={line}",) if line else ()
