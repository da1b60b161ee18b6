"""The one thread that writes a journal: pictures first, then one commit for all that waited, then the acknowledgements.

An entry is acknowledged after its commit and not otherwise. When a commit fails, nobody can say whether it is on the disk: the
connection is closed, the journal opened anew and the same entries written again, which is harmless because their ids are unique.
"""

import logging
import threading
import time
import uuid
from concurrent.futures import InvalidStateError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_sdk.errors import OutputError
from edge_sdk.journal.entries import Event, ObservationEntry, Stamp, body_from_entry, stamp_now
from edge_sdk.journal.pictures import entry_with_pictures
from edge_sdk.journal.queue import JournalQueue, Waiting
from edge_sdk.journal.salvage import LOG, open_store
from edge_sdk.journal.space import SLACK_BYTES, Space
from edge_sdk.journal.store import Store, StoreError

logger = logging.getLogger(__name__)

BACK_OFF_S = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # the first time at once: opening anew often is all it takes
MAINTAIN_EVERY_S = 2.0
CHECKPOINT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Health:
    """How the journal is. `warn`: pictures are left out, the reserve is gone, or entries were lost; `error`: nothing can be written now."""

    state: Literal["ok", "warn", "error"]
    reason: str
    waiting: int
    acknowledged: int
    lost: int
    pictures_missing: int


class JournalWriter(threading.Thread):
    """Owns the store from its start to its end.

    Args:
        run_dir: The run's folder.
        store: An open store.
        queue: What is to be written.
        space: The reserve.
        commit_every_s: Least time between two commits.
    """

    def __init__(self, run_dir: Path, store: Store, queue: JournalQueue, space: Space, *, commit_every_s: float) -> None:
        super().__init__(name="journal-writer", daemon=True)
        self._run_dir, self._queue, self._space, self._commit_every_s = run_dir, queue, space, commit_every_s
        self._store: Store | None = store
        self._failure = ""
        self._acknowledged = self._pictures_missing = 0
        self._lost = self._lost_told = 0
        self._next_commit = self._next_maintenance = 0.0
        self._deadline: float | None = None
        self._closing = threading.Event()

    @property
    def health(self) -> Health:
        """How it goes, without waiting for anything."""
        state: Literal["ok", "warn", "error"] = "error" if self._failure else "warn"
        reason = self._failure or self._warning()
        return Health(
            state=state if reason else "ok", reason=reason, waiting=len(self._queue), acknowledged=self._acknowledged, lost=self._lost,
            pictures_missing=self._pictures_missing,
        )  # fmt: skip

    def refuse(self, reason: str) -> OutputError:
        """Count an entry that found no room; returns the error for its caller."""
        if not self._lost:
            logger.error("the journal takes no more entries: %s", reason)
        self._lost += 1
        self._failure = self._failure or reason
        return OutputError(f"{self._run_dir}: not recorded: {reason}")

    def finish(self, timeout_s: float) -> None:
        """Write what waits, for at most so long, and end."""
        self._deadline = time.monotonic() + timeout_s
        self._closing.set()
        self._queue.close()
        self.join(timeout_s + 1.0)

    def run(self) -> None:
        """Take, write, acknowledge, until the queue is closed and empty."""
        while True:
            batch = self._queue.take(not_before=self._next_commit, idle_s=MAINTAIN_EVERY_S)
            self._next_commit = time.monotonic() + self._commit_every_s
            if batch:
                self._write_or_reject(batch)
                self._queue.settle(batch)
            elif self._queue.closed:
                break
            self._maintain()
        self._close_store()

    def _write_or_reject(self, batch: list[Waiting]) -> None:
        try:
            self._write(batch)
        except Exception as error:  # this thread must go on, or nothing is recorded any more
            logger.exception("the journal's writer met an error of its own")
            self._lost += len(batch)
            for item in batch:
                _reject(item, error)

    def _write(self, batch: list[Waiting]) -> None:
        ready = [(item, body) for item in batch if (body := self._body(item)) is not None]
        differing = self._commit([(item.entry_id, item.stamp, body) for item, body in ready])
        for item, _ in ready:
            if differing is None:
                _reject(item, OutputError(f"{self._run_dir}: not recorded: {self._failure}"))
            elif item.entry_id in differing:
                _reject(item, ValueError(f"{item.entry_id}: another observation is recorded under this id and revision"))
            else:
                self._acknowledged += 1
                with suppress(InvalidStateError):
                    item.done.set_result(None)

    def _body(self, item: Waiting) -> str | None:
        """The entry as text, its pictures on the disk; None where it can never be written, which its caller is told."""
        entry = item.entry
        try:
            if isinstance(entry, ObservationEntry):
                entry = entry_with_pictures(entry, item.pictures, self._run_dir, self._space)
                self._pictures_missing += entry.picture_missing is not None
            body = body_from_entry(entry)
        except Exception as error:  # whatever is wrong with one entry must not keep the others from the disk
            self._lost += 1
            _reject(item, error)
            return None
        self._space.add_written(2 * len(body))  # in the log, and in the database
        return body

    def _commit(self, entries: list[tuple[str, Stamp, str]]) -> list[str] | None:
        """Commit, however often it takes; None where the journal is being closed and time is up."""
        failures, lost = 0, self._lost
        entries = [*entries, *self._news(lost)]
        while True:
            try:
                differing = self._opened().append(entries)
            except OutputError as error:
                self._store = None
                self._failed(error, first=failures == 0)
                if not self._made_room(error) and not self._wait(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]):
                    return None
                failures += 1
                continue
            self._failure, self._lost_told = "", lost
            return differing

    def _opened(self) -> Store:
        """The store; where the last one broke, a new one."""
        if self._store is None:
            self._store, events = open_store(self._run_dir)
            for event in events:
                logger.error("%s", event.text)
        return self._store

    def _news(self, lost: int) -> list[tuple[str, Stamp, str]]:
        """What was lost since the last commit, for the record."""
        num = lost - self._lost_told
        if num == 0:
            return []
        event = Event(level="error", name="lost", text=f"{num} entries could not be recorded", lost=num)
        return [(f"{uuid.uuid4()}/lost", stamp_now(), body_from_entry(event))]

    def _failed(self, error: OutputError, *, first: bool) -> None:
        self._failure = str(error)
        if first:
            logger.error("the journal cannot be written and is opened anew: %s", error)

    def _made_room(self, error: OutputError) -> bool:
        """Give up the reserve where the disk is full; returns whether that is worth another try at once."""
        full = (isinstance(error, StoreError) and error.full) or self._space.free_bytes < SLACK_BYTES
        if full and self._space.release():
            logger.warning("the disk is full: the journal's reserve is given up, pictures are left out")
            return True
        return False

    def _wait(self, seconds: float) -> bool:
        """Wait before the next try; returns False when the time to close is up."""
        if self._deadline is None:
            self._closing.wait(seconds)
            return True
        time.sleep(min(seconds, 0.05))
        return time.monotonic() < self._deadline

    def _maintain(self) -> None:
        """Bring a long log into the database, and the reserve back."""
        if time.monotonic() < self._next_maintenance or self._store is None:
            return
        self._next_maintenance = time.monotonic() + MAINTAIN_EVERY_S
        if self._space.restore() and self._space.pictures_stopped:
            self._space.pictures_stopped = not self._space.pictures_fit
        try:
            if (self._run_dir / LOG).stat().st_size > CHECKPOINT_BYTES:
                self._store.checkpoint()
        except StoreError as error:
            self._store = None
            self._failed(error, first=True)
        except OSError:
            return  # no log yet

    def _close_store(self) -> None:
        if self._store is not None:
            with suppress(OutputError):  # what was acknowledged is in the log
                self._store.close()
        self._space.remove()

    def _warning(self) -> str:
        if not self._space.whole:
            return "the disk is full: pictures are left out"
        if self._space.pictures_stopped:
            return "the disk has less than an hour of recording left: pictures are left out"
        if self._lost:
            return f"{self._lost} entries could not be recorded"
        return f"{self._pictures_missing} observations have no picture" if self._pictures_missing else ""


def _reject(item: Waiting, error: Exception) -> None:
    with suppress(InvalidStateError):
        item.done.set_exception(error)
