"""From the results of one live camera to observations: its tracker, and how much a flagged picture may say.

A picture that stood still, was black or came damaged says nothing at all. One that is blurred, too bright or turned aside may show a
thing, but that it shows none is no evidence: such a frame speaks for the classes it shows and is silent about the others.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge_sdk.contract.manifest import LabelRule
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.journal.entries import Sighting
from edge_sdk.journal.sightings import Sightings
from edge_sdk.live.result import LiveResult, LiveSettings
from edge_sdk.observing import observation_from_track
from edge_sdk.records import Observation
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import ClosedTrack, Place, Tracker, TrackingPolicy

BLIND = frozenset({"frozen", "black", "corrupt"})
UNDECIDED = 0.9  # of the score that keeps a track alive: what a flagged frame leaves of a class it does not show


class Found(NamedTuple):
    """An observation in one revision, without its picture yet.

    `look` is the result to make the picture of; None: that of `before`, an earlier revision's id, stays. `replaces` have grown into it.
    """

    observation: Observation
    look: LiveResult | None
    before: str | None
    replaces: tuple[str, ...]


class CameraTracks:
    """Observations of one camera.

    Other thresholds hold from the next frame on, and what is open goes on under them. Another model or policy closes what is open and
    begins anew: scores of two models do not compare, and a track is made of metres and seconds of one policy.

    Args:
        run_id: The run's id, from which those of observations follow.
        camera: The camera's number; with several each counts its observations apart.
        num_cameras: How many there are.
        looks: Gives +1 if the camera looks towards rising chainage, else -1.
        rule: Gives the label rule of a model by its identity.
        first_seq: The first number that no observation of the run has yet.
    """

    def __init__(
        self,
        run_id: str,
        *,
        camera: int,
        num_cameras: int,
        looks: Callable[[], int],
        rule: Callable[[str], LabelRule],
        first_seq: int = 0,
    ) -> None:
        self._run_id, self._camera, self._num_cameras, self._looks, self._rule = run_id, camera, num_cameras, looks, rule
        self._tracker: Tracker[LiveResult] | None = None
        self._sightings: Sightings | None = None
        self._under: tuple[str, TrackingPolicy] | None = None
        self._thresholds: tuple[float, ...] = ()
        self._given_C: NDArray[np.float64] | None = None
        self._first = self._next = -(-first_seq // num_cameras)
        self._observations: dict[int, Observation] = {}

    @property
    def num_observations(self) -> int:
        """Observations closed so far, those that have grown together counted once."""
        return len(self._observations)

    @property
    def in_view(self) -> tuple[Sighting, ...]:
        """What is seen and no observation yet."""
        return self._sightings.in_view if self._sightings else ()

    def add(self, result: LiveResult) -> Iterator[Found]:
        """Take in a result; gives the observations that it closed."""
        if (result.model, result.settings.policy) != self._under:
            yield from self.finish()
            self._begin(result)
        elif result.settings.thresholds != self._thresholds:
            self._change_thresholds(result.settings.thresholds)
        assert self._tracker is not None and self._sightings is not None
        scores_C = None if result.scores_C is None else evidence(result.scores_C, result.quality, result.settings, self._given_C)
        if scores_C is None:
            return
        self._given_C = scores_C
        self._sightings.add(_as_seen(result, scores_C))
        place = Place(result.chainage.segment, result.chainage.value_m)
        for track in self._tracker.update(scores_C, place, result.time_s, result):
            found = self._found(track)
            self._sightings.closed(found.observation)
            yield found

    def finish(self) -> Iterator[Found]:
        """Close what is open."""
        if self._tracker is not None:
            for track in self._tracker.finish():
                yield self._found(track)
        self._sightings = None

    def _begin(self, result: LiveResult) -> None:
        policy, self._thresholds = result.settings.policy, result.settings.thresholds
        self._under = (result.model, policy)
        self._first, self._given_C = self._next, None
        self._tracker = Tracker(self._thresholds, policy)
        self._sightings = Sightings(_by_code(self._thresholds), policy)

    def _change_thresholds(self, thresholds: tuple[float, ...]) -> None:
        assert self._tracker is not None and self._sightings is not None
        self._thresholds = thresholds
        self._tracker.set_thresholds(thresholds)
        self._sightings.set_thresholds(_by_code(thresholds))

    def _found(self, track: ClosedTrack[LiveResult]) -> Found:
        assert self._under is not None
        model, policy = self._under
        self._next = max(self._next, self._first + track.track_id + 1)
        numbered: ClosedTrack[FrameResult] = replace(  # type: ignore[assignment]  # a ClosedTrack is only read
            track, track_id=self._number(track.track_id), absorbed=tuple(map(self._number, track.absorbed))
        )
        earlier = [self._observations.pop(i) for i in (numbered.track_id, *numbered.absorbed) if i in self._observations]
        before = max(earlier, key=lambda observation: observation.score.peak, default=None)
        observation = observation_from_track(
            numbered, before, None, run_id=self._run_id, looks=self._looks(), label_rule=self._rule(model), policy=policy
        )  # fmt: skip
        if self._num_cameras > 1:
            observation = msgspec.structs.replace(observation, camera=self._camera)
        self._observations[numbered.track_id] = observation
        replaces = tuple(item.observation_id for item in earlier if item.observation_id != observation.observation_id)
        return Found(observation, track.best, before.observation_id if before else None, replaces)

    def _number(self, track_id: int) -> int:
        """A number no other tracker of this run gives, in the order of 0, 1, 2 where there is one camera."""
        return (self._first + track_id) * self._num_cameras + self._camera


def evidence(
    scores_C: NDArray[np.float64], flags: Collection[str], settings: LiveSettings, given_C: NDArray[np.float64] | None
) -> NDArray[np.float64] | None:
    """What a frame's scores say to the tracker.

    Args:
        scores_C: As the model gave them, 0..1.
        flags: What is wrong with the picture.
        settings: Thresholds and policy.
        given_C: What the tracker was given last.

    Returns:
        The scores; of a flagged frame those that reach their threshold, the others as they were, but never enough to keep a track
        alive; None if it says nothing.
    """
    if not flags:
        return scores_C
    thresholds_C = np.asarray(settings.thresholds)
    shown_C = scores_C >= thresholds_C
    if BLIND & set(flags) or not shown_C.any():
        return None
    before_C = np.zeros_like(scores_C) if given_C is None else given_C
    return np.where(shown_C, scores_C, np.minimum(before_C, UNDECIDED * settings.policy.close_ratio * thresholds_C))


def _by_code(thresholds: tuple[float, ...]) -> dict[str, float]:
    return dict(zip(taxonomy().codes, thresholds, strict=True))


def _as_seen(result: LiveResult, scores_C: NDArray[np.float64]) -> LiveResult:
    return result if scores_C is result.scores_C else replace(result, scores_C=scores_C)
