"""What one live camera did not see, and why: an empty list never means "no defects" over a stretch that was not seen.

A stretch was inspected when good pictures of it went through the network often enough: five looks a second, twenty a metre at the speed
of an inspection. Frames that gave way to newer ones are no gap as long as that holds, nor while the robot stands still.
"""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from edge_sdk.camera.quality import FROZEN_S
from edge_sdk.coverage import CoverageLog, Moment
from edge_sdk.live.result import LiveResult
from edge_sdk.live.slot import LiveDrop
from edge_sdk.odometer import Chainage
from edge_sdk.records import Coverage, Gap, GapReason

MIN_LOOKS_PER_S = 5
WINDOW_S = 1.0
MAX_PAUSE_S = 2 / MIN_LOOKS_PER_S  # between two looks, where frames were there to be looked at
STANDS_M = 0.05  # the way between two looks at the least useful rate: who has moved less has missed nothing
END_S = 1.0  # from the last look to the end of the run: a robot stops filming a moment before
REMEMBERED_S = FROZEN_S + 1.0
FLAGS: tuple[GapReason, ...] = (
    "corrupt", "black", "frozen", "over_exposed", "blurred", "water_on_lens", "off_axis", "unchecked",
)  # fmt: skip
REJECTED: dict[LiveDrop, GapReason] = {
    "paused": "paused", "bad_shape": "bad_shape", "unreadable": "unreadable", "abandoned": "inference_failed",
}  # fmt: skip
UNSEEN: dict[LiveDrop, GapReason] = {  # what the last frames of a run came to, the gravest first
    "abandoned": "inference_failed", "inference_failed": "inference_failed", "paused": "paused", "bad_shape": "bad_shape",
    "unreadable": "unreadable", "superseded": "too_few_looks", "stopped": "interrupted",
}  # fmt: skip


class _Look(NamedTuple):
    time_s: float
    place: Chainage


class LiveCoverage:
    """Gaps of one camera, from its results and from looks at the clock while it gives none.

    Args:
        begin: Where the camera was when the run began, or went on.
        num: The camera's number, or None where there is only one.
        begin_s: When that was; 0 unless the run goes on.
    """

    def __init__(self, begin: Chainage, num: int | None = None, *, begin_s: float = 0.0) -> None:
        self._log, self._num = CoverageLog(False), num
        self._log.note(begin_s, begin, None, frames=0)
        self._last = _Look(begin_s, begin)
        self._looks: deque[_Look] = deque()
        self._seq = -1

    @property
    def last_look_s(self) -> float:
        """When the newest result's frame was captured; before the first, when the run began."""
        return self._last.time_s

    @property
    def last_m(self) -> float | None:
        """Where the camera was when it was last accounted for, which the robot may have left since; None where that is not known."""
        return self._log.last_m

    @property
    def in_gap(self) -> GapReason | None:
        """Why nothing is inspected just now; None: it is."""
        return self._log.in_gap

    @property
    def num_gaps(self) -> int:
        """Gaps so far; only the newest may still grow."""
        return self._log.num_gaps

    def gaps(self, start: int = 0) -> tuple[Gap, ...]:
        """The gaps from number `start` on."""
        return tuple(_of_camera(gap, self._num) for gap in self._log.gaps(start))

    def record(self) -> Coverage:
        """Range, way and time so far, with the gaps."""
        return self._log.record()

    def extent(self) -> Coverage:
        """Range, way and time so far."""
        return self._log.extent()

    def add(self, result: LiveResult, *, expects_chainage: bool, no_frame_s: float) -> None:
        """Take in a result, processed or dropped.

        Args:
            result: The camera's next one.
            expects_chainage: Whether there is an odometer, so that a frame without a place is a gap.
            no_frame_s: A camera silent for longer was lost.
        """
        lost = max(result.seq - self._seq - 1 - sum(result.drops.values()), 0)  # results that this reader was too slow for
        self._seq = result.seq
        look = _Look(result.time_s, result.chainage)
        between = self._between(look, result.drops, lost, no_frame_s) if self._log.in_gap is None else None
        if between is not None:
            self._log.note(*look, between, frames=sum(result.drops.values()) + lost, join=True)
        reason = _reason(result, expects_chainage)
        since = self._still_since(look.time_s) if reason == "frozen" and self._log.in_gap != "frozen" else None
        self._log.note(*look, reason, since=since, join=True)
        self._remember(look)

    def idle(self, now_s: float, place: Chainage, reason: GapReason) -> None:
        """Time has passed without a result, for this reason."""
        if now_s > self._last.time_s and not (reason == "too_few_looks" and self._stands(place)):
            self._log.note(now_s, place, reason, frames=0, join=True)

    def end(self, now_s: float, place: Chainage, dropped: Mapping[LiveDrop, int]) -> None:
        """The run ends: a gap that is open reaches to here, and so does a way that nobody looked at.

        Args:
            now_s: When.
            place: Where the camera was.
            dropped: The camera's frames since the last result that came to nothing.
        """
        if self._log.in_gap is not None:
            self.idle(now_s, place, self._log.in_gap)
        elif not self._looks or (now_s - self._last.time_s > END_S and not self._stands(place)):
            self.idle(now_s, place, next((UNSEEN[drop] for drop in UNSEEN if dropped.get(drop)), "camera_lost"))

    def _between(self, look: _Look, drops: dict[LiveDrop, int], lost: int, no_frame_s: float) -> GapReason | None:
        """Why the stretch since the last look was not inspected; None if it was."""
        pause_s = look.time_s - self._last.time_s
        rejected = next((gap for drop, gap in REJECTED.items() if drops.get(drop)), None)
        if rejected is not None:
            return rejected if pause_s > MAX_PAUSE_S else None
        if not drops and not lost:  # every frame was looked at, however few the camera gives
            return "camera_lost" if pause_s > no_frame_s else None
        return "too_few_looks" if self._too_rare(look, pause_s) and not self._stands(look.place) else None

    def _too_rare(self, look: _Look, pause_s: float) -> bool:
        if pause_s > MAX_PAUSE_S:
            return True
        begun_s = self._looks[0].time_s if self._looks else look.time_s
        in_window = sum(other.time_s > look.time_s - WINDOW_S for other in self._looks) + 1
        return begun_s <= look.time_s - WINDOW_S and in_window < MIN_LOOKS_PER_S

    def _stands(self, place: Chainage) -> bool:
        before = self._last.place
        if place.value_m is None or before.value_m is None or place.segment != before.segment:
            return False
        return abs(place.value_m - before.value_m) < STANDS_M

    def _still_since(self, time_s: float) -> Moment | None:
        """A picture that is called frozen has stood still for a while: the last look before that; after a pause, before it may have."""
        found_s = self._last.time_s if time_s - self._last.time_s > MAX_PAUSE_S else time_s
        before = [look for look in self._looks if look.time_s <= found_s - FROZEN_S] or list(self._looks)[:1]
        return Moment(before[-1].time_s, before[-1].place.value_m) if before else None

    def _remember(self, look: _Look) -> None:
        self._last = look
        self._looks.append(look)
        while self._looks[0].time_s < look.time_s - REMEMBERED_S:
            self._looks.popleft()


def _reason(result: LiveResult, expects_chainage: bool) -> GapReason | None:
    if result.dropped is not None:
        return result.dropped
    flag = next((flag for flag in FLAGS if flag in result.quality), None)
    return flag or ("no_chainage" if expects_chainage and result.chainage.value_m is None else None)


def _of_camera(gap: Gap, num: int | None) -> Gap:
    return gap if num is None else msgspec.structs.replace(gap, camera=num)
