"""Logs of a program: one JSON object a line, or plain lines; credentials are masked in both.

For the command line and for robots' own programs. The library itself logs through `logging` and never configures it.
"""

import logging
import math
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TextIO

import msgspec

from edge_sdk.camera.redact import MASK, scrubbed
from edge_sdk.errors import InputError

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler  # takes no type at run time before Python 3.11

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
MAX_DEPTH = 4
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
PLAIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure_logging(*, json: bool = False, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log record of the process to one stream; called again it replaces what it set up before.

    Args:
        json: One JSON object a line in place of plain text.
        level: The least level that is written.
        stream: Where to; stderr where not given, since stdout is data.

    Raises:
        InputError: If there is no such level.
    """
    if level.upper() not in LEVELS:
        raise InputError(f"log level {level!r}; choose one of {', '.join(LEVELS)}")
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if json else PlainFormatter(PLAIN))
    root = logging.getLogger()
    for old in [old for old in root.handlers if isinstance(old, _Handler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())


class _Handler(_StreamHandler):
    """Ours, to be told from others'."""


class JsonFormatter(logging.Formatter):
    """One object a line: `time_utc` and `monotonic_s`, `level`, `logger`, `message`, `fields` (what `extra` gave), `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time_utc": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "monotonic_s": round(time.monotonic(), 3),
            "level": record.levelname,
            "logger": record.name,
            "message": scrubbed_lines(record.getMessage()),
        }
        fields = {name: _field(name, value) for name, value in vars(record).items() if name not in _STANDARD}
        if fields:
            line["fields"] = fields
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = scrubbed_lines(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


class PlainFormatter(logging.Formatter):
    """A line for people."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the lines of a traceback."""
        return scrubbed_lines(super().format(record))


def scrubbed_lines(text: str) -> str:
    """A text of several lines without credentials and control characters."""
    return "\n".join(scrubbed(line, "") for line in text.splitlines())


def _field(name: str, value: object, depth: int = MAX_DEPTH) -> object:
    """A field's value; masked where its name is a secret's (`password`), as in an address."""
    return MASK if MASK in scrubbed(f"{name}=0", "") else _plain(value, depth)


def _plain(value: object, depth: int) -> object:
    """What JSON can say of it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, Mapping) and depth:
        return {scrubbed(str(key), ""): _field(str(key), item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple) and depth:
        return [_plain(item, depth - 1) for item in value]
    return scrubbed_lines(str(value))
