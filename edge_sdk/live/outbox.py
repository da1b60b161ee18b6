"""The outbox of a live stream: results for whoever reads them, at the reader's own pace and never at the stream's cost.

Each reader has a bounded queue. One that is too slow loses its oldest results, which is counted; it never holds up inference.
"""

import logging
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class Reader(Generic[Item]):
    """An iterator over items as they come; ends when the stream has. Drop it, or `close` it, to read no more.

    `lost` counts items that were replaced before they were read.
    """

    def __init__(self, depth: int) -> None:
        self._items: deque[Item] = deque()
        self._depth = depth
        self._ready = threading.Condition(threading.Lock())
        self._closed = False
        self.lost = 0

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._ready:
            while not self._items:
                if self._closed:
                    raise StopIteration
                self._ready.wait()
            return self._items.popleft()

    def poll(self) -> Item | None:
        """The oldest item not yet read, or None; does not wait."""
        with self._ready:
            return self._items.popleft() if self._items else None

    def close(self) -> None:
        """Take no more items; those that are there may still be read."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def put(self, item: Item) -> int:
        """Add an item; returns how many were lost for it (0 or 1)."""
        with self._ready:
            if self._closed:
                return 0
            lost = int(len(self._items) >= self._depth)
            if lost:
                self._items.popleft()
                self.lost += 1
            self._items.append(item)
            self._ready.notify_all()
            return lost


class Outbox(Generic[Item]):
    """All readers of a stream. A reader whose owner forgot it is forgotten too."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._readers: list[weakref.ref[Reader[Item]]] = []
        self._threads: list[threading.Thread] = []
        self._closed = False
        self.lost = 0
        self.callback_errors = 0

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """The callbacks' threads."""
        return tuple(self._threads)

    def reader(self, depth: int) -> Reader[Item]:
        """A new reader that gets every item from now on."""
        reader: Reader[Item] = Reader(depth)
        with self._lock:
            self._readers = [known for known in self._readers if known() is not None]
            self._readers.append(weakref.ref(reader))
            if self._closed:
                reader.close()
        return reader

    def call(self, callback: Callable[[Item], object], depth: int) -> None:
        """Call a function for every item, in a thread of its own. One that raises is logged once, counted, and called again."""
        thread = threading.Thread(target=self._serve, args=(callback, self.reader(depth)), name=f"{self._name}-callback", daemon=True)
        self._threads.append(thread)
        thread.start()

    def put(self, item: Item) -> None:
        """Give an item to every reader; waits for none."""
        with self._lock:
            readers = list(self._readers)
        for known in readers:
            reader = known()
            if reader is not None:
                self.lost += reader.put(item)

    def close(self) -> None:
        """No more items will come."""
        with self._lock:
            self._closed = True
            readers = list(self._readers)
        for known in readers:
            reader = known()
            if reader is not None:
                reader.close()

    def _serve(self, callback: Callable[[Item], object], reader: Reader[Item]) -> None:
        complained = False
        for item in reader:
            try:
                callback(item)
            except Exception:  # the robot's own code; a defect in it must not end the inspection
                with self._lock:
                    self.callback_errors += 1
                if not complained:
                    logger.exception("a callback of the live stream failed; the next such failures are counted without a word")
                    complained = True
            del item  # or the frame would be held until the next one comes
