"""Rows read straight from the pages of a database, for what SQLite will not read any more.

Every leaf page of the entry table is looked for wherever it lies, in the database or in its write-ahead log, and every row on it that
still has its checksum is taken. So what is lost is what was on the damaged pages and nothing else. File format:
https://www.sqlite.org/fileformat2.html, sections 1.5 to 1.6, 2.1 and 4.1.
"""

import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from edge_sdk.journal.entries import Row

PAGE_SIZE = 4096  # what journals are made with; the file's own header may be damaged
TABLE_LEAF = 0x0D
WAL_HEADER, WAL_FRAME_HEADER = 32, 24
NUM_COLUMNS = 7  # of the entry table
INTEGER_SIZES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # bytes by serial type


def rows_in_files(*paths: Path) -> dict[int, Row]:
    """Every whole row in databases and logs (names ending in `-wal`), by `seq`.

    Raises:
        OSError: If a file that is there cannot be read.
    """
    rows: dict[int, Row] = {}
    overflow: dict[int, bytes] = {}
    for path in paths:
        if path.is_file():
            data = path.read_bytes()
            pages = list(_wal_pages(data) if path.name.endswith("-wal") else _pages(data))
            overflow.update(pages)
            rows.update((row.seq, row) for _, page in pages for row in _rows(page, overflow))
    return dict(sorted(rows.items()))


def _pages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Page numbers, from 1, and pages."""
    return ((at // PAGE_SIZE + 1, data[at : at + PAGE_SIZE]) for at in range(0, len(data), PAGE_SIZE))


def _wal_pages(data: bytes) -> Iterator[tuple[int, bytes]]:
    step = WAL_FRAME_HEADER + PAGE_SIZE
    for at in range(WAL_HEADER, len(data) - WAL_FRAME_HEADER, step):
        yield struct.unpack_from(">I", data, at)[0], data[at + WAL_FRAME_HEADER : at + step]


def _rows(page: bytes, overflow: Mapping[int, bytes]) -> Iterator[Row]:
    """The whole rows of a page, if it is a leaf of a table; what makes no sense is passed over."""
    if len(page) < PAGE_SIZE or page[0] != TABLE_LEAF:
        return
    num_cells = struct.unpack_from(">H", page, 3)[0]
    for at in range(8, min(8 + 2 * num_cells, PAGE_SIZE - 1), 2):
        try:
            row = _row(page, struct.unpack_from(">H", page, at)[0], overflow)
        except (LookupError, ValueError, struct.error):
            continue
        if row is not None and row.whole:
            yield row


def _row(page: bytes, at: int, overflow: Mapping[int, bytes]) -> Row | None:
    size, at = _varint(page, at)
    seq, at = _varint(page, at)
    record = _payload(page, at, size, overflow)
    types = _serial_types(record)
    if len(types) != NUM_COLUMNS:
        return None
    values = list(_values(record, types))
    return Row(seq, *values[1:]) if len(values) == NUM_COLUMNS else None  # type: ignore[arg-type]  # the checksum judges


def _payload(page: bytes, at: int, size: int, overflow: Mapping[int, bytes]) -> bytes:
    """A cell's bytes, gathered from overflow pages where they do not fit the page."""
    most, least = PAGE_SIZE - 35, (PAGE_SIZE - 12) * 32 // 255 - 23
    if size <= most:
        return page[at : at + size]
    local = least + (size - least) % (PAGE_SIZE - 4)
    local = local if local <= most else least
    payload, following = page[at : at + local], struct.unpack_from(">I", page, at + local)[0]
    while len(payload) < size and following:
        further = overflow[following]
        payload, following = payload + further[4:], struct.unpack_from(">I", further)[0]
    return payload[:size]


def _serial_types(record: bytes) -> list[int]:
    end, at = _varint(record, 0)
    types: list[int] = []
    while at < end and len(types) <= NUM_COLUMNS:
        kind, at = _varint(record, at)
        types.append(kind)
    return types


def _values(record: bytes, types: list[int]) -> Iterator[int | str | None]:
    at = _varint(record, 0)[0]
    for kind in types:
        size = (kind - 13) // 2 if kind >= 13 else INTEGER_SIZES.get(kind, 0)
        data, at = record[at : at + size], at + size
        if len(data) < size:
            raise ValueError("cut off")
        yield data.decode() if kind >= 13 else None if kind == 0 else int.from_bytes(data, "big", signed=True) if size else kind - 8


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for i, byte in enumerate(islice(data, at, at + 9)):
        if i == 8:
            return value << 8 | byte, at + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + i + 1
    raise ValueError("cut off")
