"""The odometer of a live run from a CSV file that another program appends to: each new line is a reading of this instant.

What stood in the file before is of earlier, and not read. A line that is no reading is counted, and the run goes on without it. Where the
other program begins the file anew, or puts another one in its place, that one is followed.
"""

import csv
import logging
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from edge_sdk.errors import OdometerError
from edge_sdk.odometer_csv import MAX_LINE_BYTES, Columns, columns_of, metres_in
from edge_sdk.odometer_feed import OdometerFeed

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.05
STOP_S = 1.0


class OdometerTail:
    """Follows a file from its end on; a context manager.

    Args:
        path: A CSV file with the header that `Odometer.from_csv` takes; its times are not used.
        feed: Where the readings go.
        unit: Unit of the counter where its column does not say it.

    Raises:
        OdometerError: If the file cannot be read, or its header is none of an odometer.
    """

    def __init__(self, path: Path, feed: OdometerFeed, *, unit: str | None = None) -> None:
        self._path, self._feed, self._unit = path, feed, unit
        self._file = self._opened()
        self._file.seek(0, os.SEEK_END)
        self._rest = b""
        self._said = False
        self.rejected = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="odometer-tail", daemon=True)

    def __enter__(self) -> "OdometerTail":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join(STOP_S)
        self._file.close()

    def _run(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            try:
                if self._is_another():
                    self._follow_anew()
                lines = (self._rest + self._file.read()).split(b"\n")
            except (OSError, OdometerError) as error:
                if not self._said:
                    logger.warning("%s; the odometer is asked again (said once)", error)
                self._said = True
                continue
            self._said = False
            self._rest = lines.pop()[-MAX_LINE_BYTES:]
            if lines:
                self._take(lines[-1], time.monotonic_ns())  # of several at once the newest is the one of this instant

    def _opened(self) -> BinaryIO:
        """The file behind its header, whose columns are taken over."""
        file = None
        try:
            file = self._path.open("rb")
            header = file.readline(MAX_LINE_BYTES).decode("utf-8-sig").strip()
            delimiter = ";" if header.count(";") > header.count(",") else ","
            names = [name.strip().lower() for name in header.split(delimiter)]
            columns: Columns = columns_of(self._path, {name: name for name in names}, self._unit)
        except (OSError, UnicodeDecodeError, OdometerError) as error:
            if file is not None:
                file.close()
            if isinstance(error, OdometerError):
                raise
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            raise OdometerError(f"{self._path}: {reason}; give a CSV file with a header, to which readings are appended") from error
        self._delimiter, self._names, self._columns = delimiter, names, columns
        return file

    def _is_another(self) -> bool:
        """Whether the file was cut, or another lies in its place, as when the program that writes it is started again."""
        try:
            ours, there = os.fstat(self._file.fileno()), self._path.stat()
        except FileNotFoundError:
            return False  # none lies there yet
        return (ours.st_dev, ours.st_ino) != (there.st_dev, there.st_ino) or there.st_size < self._file.tell()

    def _follow_anew(self) -> None:
        file = self._opened()
        self._file.close()
        self._file, self._rest = file, b""

    def _take(self, line: bytes, at_ns: int) -> None:
        try:
            (values,) = csv.reader([line.decode()], delimiter=self._delimiter)
            row = dict(zip(self._names, values, strict=True))
            self._feed.push(metres_in(self._path, 0, row, self._columns), at_ns)
        except (ValueError, csv.Error, OdometerError):  # UnicodeDecodeError is a ValueError
            if not self.rejected:
                logger.warning("%s: a line is no reading and is left out (said once)", self._path)
            self.rejected += 1
