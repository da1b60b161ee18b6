"""What waits for the disk: bounded in number and in bytes, and never waited for by the caller.

The lock is held for a few list operations only, never across a write. When too many bytes of pictures wait, pictures go first, with a
flag; when too many entries wait, the entry is refused, which the caller sees at once and the journal counts.
"""

import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition

from edge_sdk.journal.entries import Entry, Stamp

BATCH_ENTRIES = 256


@dataclass(slots=True)
class Waiting:
    """An entry on its way; `done` is resolved when it is on the disk."""

    entry: Entry
    entry_id: str
    stamp: Stamp
    pictures: Mapping[str, bytes]
    done: "Future[None]" = field(default_factory=Future)

    @property
    def num_bytes(self) -> int:
        """Bytes of pictures that wait with it."""
        return sum(map(len, self.pictures.values()))


class JournalQueue:
    """First in, first out.

    Args:
        max_entries: Entries that may wait.
        max_bytes: Bytes of pictures that may wait.
    """

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._items: deque[Waiting] = deque()
        self._bytes = 0
        self._taken = 0
        self._changed = Condition()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items) + self._taken

    @property
    def closed(self) -> bool:
        """Whether nothing more is taken in."""
        return self._closed

    def has_room_for(self, num_bytes: int) -> bool:
        """Whether so many bytes of pictures may wait."""
        return self._bytes + num_bytes <= self._max_bytes

    def put(self, item: Waiting) -> bool:
        """Take an entry in, or return False where too many wait."""
        with self._changed:
            if self._closed or len(self) >= self._max_entries:
                return False
            self._items.append(item)
            self._bytes += item.num_bytes
            self._changed.notify_all()
            return True

    def take(self, *, not_before: float, idle_s: float) -> list[Waiting]:
        """The next entries, once there is one and the monotonic clock has come to `not_before`; empty after `idle_s` without one."""
        with self._changed:
            self._changed.wait_for(lambda: self._items or self._closed, timeout=idle_s)
            while not self._closed and self._items and (left_s := not_before - time.monotonic()) > 0:
                self._changed.wait(left_s)
            batch = [self._items.popleft() for _ in range(min(len(self._items), BATCH_ENTRIES))]
            self._taken = len(batch)
            return batch

    def settle(self, batch: list[Waiting]) -> None:
        """What was taken is written, or given up: there is room again."""
        with self._changed:
            self._taken = 0
            self._bytes -= sum(item.num_bytes for item in batch)

    def close(self) -> None:
        """Take nothing more in; what waits may still be taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
