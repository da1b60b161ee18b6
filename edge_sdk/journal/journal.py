"""The journal of a run: what it has acknowledged survives a kill and a power loss.

    with Journal.create(run_dir, header) as journal:
        written = journal.add_observation(observation, {"pictures/0001-RB.jpg": jpeg, "pictures/0001-RB-heat.jpg": heat_jpeg})
        written.result()        # on the disk for good; until then nothing is promised

`add` and `add_observation` never wait for the disk. One thread writes, one commit for all that came within `commit_every_s`. The file is
`journal.sqlite` in the run's folder; `edge_sdk.journal.inspection` makes the inspection record from it alone.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from time import monotonic as monotonic_s
from types import TracebackType

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import (
    Entry,
    Event,
    Header,
    ObservationEntry,
    PictureMissing,
    Resumed,
    Row,
    body_from_entry,
    row_from_body,
    stamp_now,
)
from edge_sdk.journal.files import make_folder
from edge_sdk.journal.lock import FolderLock
from edge_sdk.journal.pictures import check_paths
from edge_sdk.journal.queue import JournalQueue, Waiting
from edge_sdk.journal.salvage import create_store, has_journal, open_beside_reserve, remove_journal
from edge_sdk.journal.space import RESERVE_BYTES, Space
from edge_sdk.journal.store import Store
from edge_sdk.journal.writer import Health, JournalWriter
from edge_sdk.records import Observation

__all__ = ["Health", "Journal"]

COMMIT_EVERY_S = 0.1
QUEUE_ENTRIES = 1024
QUEUE_BYTES = 64 << 20
CLOSE_TIMEOUT_S = 10.0


class Journal:
    """An open journal; made by `Journal.create` or `Journal.open`, and a context manager."""

    def __init__(self, run_dir: Path, lock: FolderLock, store: Store, queue: JournalQueue, space: Space, *, commit_every_s: float) -> None:
        self._run_dir, self._lock, self._queue = run_dir, lock, queue
        self._writer = JournalWriter(run_dir, store, queue, space, commit_every_s=commit_every_s)
        self._session = str(uuid.uuid4())
        self._numbers = iter(range(1 << 62))
        self._refusing = threading.Lock()
        self._writer.start()

    @classmethod
    def create(
        cls,
        run_dir: Path,
        header: Header,
        *,
        overwrite: bool = False,
        commit_every_s: float = COMMIT_EVERY_S,
        reserve_bytes: int = RESERVE_BYTES,
        queue_entries: int = QUEUE_ENTRIES,
        queue_bytes: int = QUEUE_BYTES,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> "Journal":
        """Begin the journal of a new run; when this returns, its header is on the disk.

        Args:
            run_dir: The run's folder, made if it is not there.
            header: How the run begins.
            overwrite: Delete the journal of an earlier run that lies there.
            commit_every_s: Least time between two commits.
            reserve_bytes: Kept free for observations on a full disk.
            queue_entries: Entries that may wait for the disk.
            queue_bytes: Bytes of pictures that may wait for it.
            monotonic: The clock of the write rate, seconds.

        Raises:
            OutputError: If it cannot be made, or another process writes in this folder, or a journal lies there.
        """
        try:
            make_folder(run_dir)
        except OSError as error:
            raise OutputError(f"{run_dir}: {error.strerror}; choose another folder") from error
        lock = FolderLock(run_dir)
        try:
            if has_journal(run_dir) and not overwrite:
                raise OutputError(f"{run_dir}: holds the journal of another run; choose another folder")
            remove_journal(run_dir)
            body = body_from_entry(header)
            store = create_store(run_dir, row_from_body(1, f"{header.inspection.run_id}/run", stamp_now(), body))
            space = Space(run_dir, reserve_bytes=reserve_bytes, monotonic=monotonic)
        except BaseException:
            lock.release()
            raise
        queue = JournalQueue(max_entries=queue_entries, max_bytes=queue_bytes)
        return cls(run_dir, lock, store, queue, space, commit_every_s=commit_every_s)

    @classmethod
    def open(
        cls,
        run_dir: Path,
        *,
        read: Callable[[Iterable[Row]], object] = lambda rows: None,
        commit_every_s: float = COMMIT_EVERY_S,
        reserve_bytes: int = RESERVE_BYTES,
        queue_entries: int = QUEUE_ENTRIES,
        queue_bytes: int = QUEUE_BYTES,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> "Journal":
        """Go on with a run that broke off, or was ended; what lies between is a gap in its coverage.

        `read` is given every row there is, to be read once, before one is added; what it raises leaves the journal as it is. The other
        arguments are those of `create`.

        Raises:
            OutputError: If there is no journal, or it cannot be written, or another process writes it.
        """
        lock = FolderLock(run_dir)
        try:
            store, _ = open_beside_reserve(run_dir)
            try:
                read(store.rows())
            except BaseException:
                store.close()
                raise
            space = Space(run_dir, reserve_bytes=reserve_bytes, monotonic=monotonic)
        except BaseException:
            lock.release()
            raise
        queue = JournalQueue(max_entries=queue_entries, max_bytes=queue_bytes)
        journal = cls(run_dir, lock, store, queue, space, commit_every_s=commit_every_s)
        journal.add(Resumed())
        return journal

    def add_observation(
        self, observation: Observation, pictures: Mapping[str, bytes] | None = None, *, replaces: Sequence[str] = ()
    ) -> "Future[None]":
        """Record a closed observation in one revision; returns at once.

        Args:
            observation: As it stands now. Recording the same again changes nothing.
            pictures: The files its `picture` names, by path; None if they lie in the run's folder already, or there are none.
            replaces: Ids of observations that have grown together into this one.

        Returns:
            Resolved once observation and pictures are on the disk for good. It fails with `OutputError` if the queue is full or the
            journal was closed before it could be written, with `ValueError` if something else is recorded under this id and revision.

        Raises:
            ValueError: If the pictures are not the observation's.
        """
        pictures = pictures or {}
        if pictures:
            check_paths(observation, pictures)
        missing: PictureMissing | None = None
        if not self._queue.has_room_for(sum(map(len, pictures.values()))):
            pictures, missing = {}, "overflow"
        entry = ObservationEntry(observation=observation, replaces=tuple(replaces), picture_missing=missing)
        return self._put(entry, f"{observation.observation_id}/{observation.revision}", pictures)

    def add(self, entry: Entry) -> "Future[None]":
        """Record anything but an observation; returns at once, see `add_observation`."""
        if isinstance(entry, ObservationEntry):
            raise TypeError("give observations to add_observation")
        return self._put(entry, f"{self._session}/{next(self._numbers)}", {})

    def add_event(self, level: str, name: str, text: str) -> "Future[None]":
        """Record something a reader of the run should know; `level` is info, warn or error."""
        if level not in ("info", "warn", "error"):
            raise ValueError(f"{level}: give info, warn or error")
        return self.add(Event(level=level, name=name, text=text))  # type: ignore[arg-type]  # checked above

    @property
    def health(self) -> Health:
        """How it goes, without waiting for anything."""
        return self._writer.health

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Write what waits, for at most so long, and let go of the folder; what could not be written is not acknowledged."""
        self._writer.finish(timeout_s)
        self._lock.release()

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _put(self, entry: Entry, entry_id: str, pictures: Mapping[str, bytes]) -> "Future[None]":
        item = Waiting(entry, entry_id, stamp_now(), pictures)
        if not self._queue.put(item):
            with self._refusing:
                closed = self._queue.closed
                item.done.set_exception(self._writer.refuse("the journal is closed" if closed else "the disk does not keep up"))
        return item.done
