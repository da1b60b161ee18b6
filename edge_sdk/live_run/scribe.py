"""The scribe of a live run: encodes pictures in a thread of its own and hands everything to the journal in the order it came.

Neither inference nor the robot waits for it. Where it falls behind, pictures are left out before anything else; an observation is told
to the robot once the journal has acknowledged it, never before.
"""

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec

from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal import Journal
from edge_sdk.journal.entries import Entry, Event
from edge_sdk.live.result import LiveResult
from edge_sdk.live.worker import one_line
from edge_sdk.live_run.tracks import Found
from edge_sdk.pictures import encode_pictures
from edge_sdk.records import Observation, Picture
from edge_sdk.throughput import join_or_leave

logger = logging.getLogger(__name__)

MAX_LOOKS = 24  # frames that wait to become pictures: 150 MB at 1080p


class Scribe:
    """One thread between the ledger and the journal.

    Args:
        journal: Open; the caller closes it, after `finish`.
        run_dir: Where the journal puts the pictures.
        acknowledged: Told each observation that is on the disk for good; in the journal's thread, must return at once.
        pictures: Whether observations get pictures.
    """

    def __init__(self, journal: Journal, run_dir: Path, acknowledged: Callable[[Observation], object], *, pictures: bool = True) -> None:
        self._journal, self._run_dir, self._told, self._draws = journal, run_dir, acknowledged, pictures
        self._queue: queue.SimpleQueue[Found | Entry | None] = queue.SimpleQueue()
        self._pictures: dict[str, Picture] = {}
        self._looks_waiting = 0
        self._lock = threading.Lock()
        self._complained = False
        self.pictures_left_out = 0
        self.num_acknowledged = 0
        self.newest: Future[None] | None = None  # of the entry handed over last
        self._thread = threading.Thread(target=self._run, name="live-scribe", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def put(self, item: Found | Entry) -> None:
        """Take an observation or any other entry; returns at once."""
        if isinstance(item, Found) and item.look is not None:
            with self._lock:
                room = self._draws and self._looks_waiting < MAX_LOOKS
                self._looks_waiting += room
                self.pictures_left_out += self._draws and not room
            item = item if room else item._replace(look=None, before=None)
        self._queue.put(item)

    def finish(self, timeout_s: float) -> bool:
        """Hand over what waits; False if that took longer than `timeout_s` and the rest is left behind."""
        self._queue.put(None)
        return join_or_leave([self._thread], timeout_s=timeout_s)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            try:
                self.newest = self._record(item) if isinstance(item, Found) else self._journal.add(item)
            except Exception:  # one entry's defect must not end the record of the run
                logger.exception("an entry of a live run could not be recorded")
                self._journal.add(Event(level="error", name="lost", text="an entry could not be recorded, see the log", lost=1))
            del item  # or its frame would be held until the next one comes

    def _record(self, found: Found) -> "Future[None]":
        observation, files = found.observation, None
        if found.look is not None:
            picture, files = self._drawn(found.observation, found.look)
        else:
            picture = self._pictures.get(found.before or "")
        for name in (observation.observation_id, *found.replaces):
            self._pictures.pop(name, None)
        if picture is not None:
            self._pictures[observation.observation_id] = picture
            observation = msgspec.structs.replace(observation, picture=picture)
        written = self._journal.add_observation(observation, files, replaces=found.replaces)
        written.add_done_callback(lambda done: self._settled(done, observation))
        return written

    def _drawn(self, observation: Observation, look: LiveResult) -> tuple[Picture | None, dict[str, bytes] | None]:
        try:
            return self._encoded(observation, look)
        except Exception as error:
            self.pictures_left_out += 1
            logger.warning("no picture of %s: %s", observation.observation_id, one_line(error))
            return None, None
        finally:
            with self._lock:
                self._looks_waiting -= 1

    def _encoded(self, observation: Observation, look: LiveResult) -> tuple[Picture | None, dict[str, bytes] | None]:
        image_HWC, maps_Chw, code = look.frame.image_HWC, look.maps_Chw, observation.class_.code
        if image_HWC is None or maps_Chw is None:
            return None, None
        stem = f"{observation.seq + 1:04d}-{code}" + (f"-r{observation.revision}" if observation.revision else "")
        return encode_pictures(stem, image_HWC, maps_Chw[taxonomy().codes.index(code)], text=code)

    def _settled(self, done: "Future[None]", observation: Observation) -> None:
        """In the journal's thread: pass on what is on the disk, as it lies there."""
        error = done.exception()
        if error is not None:
            if not self._complained:
                logger.error("an observation was not recorded, and the next such ones without a word: %s", one_line(error))
            self._complained = True
            return
        self.num_acknowledged += 1
        if observation.picture is not None and not (self._run_dir / observation.picture.path).is_file():
            observation = msgspec.structs.replace(observation, picture=None)  # left out: the disk is full
        self._told(observation)
