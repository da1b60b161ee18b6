"""What is in view and no observation yet is named, and forgotten once the camera is well away from it."""

import numpy as np

from edge_sdk.camera import Frame
from edge_sdk.journal.sightings import Sightings
from edge_sdk.odometer import Chainage
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import TrackingPolicy
from tests.journal.cases import observation

THRESHOLDS = {"RB": 0.5, "RO": 0.8}


def result(seq: int, scores: tuple[float, float], *, known: bool = True) -> FrameResult:
    place = Chainage(seq * 0.02 if known else None, "ok" if known else "stale")
    return FrameResult(Frame(seq, seq / 10, 0, None), seq / 10, place, "cpu", 0, None, np.array(scores))


def test_a_class_counts_from_its_first_score_and_only_once_it_has_reached_its_threshold() -> None:
    sightings = Sightings(THRESHOLDS, TrackingPolicy())
    sightings.add(result(50, (0.4, 0.79)))
    assert sightings.in_view == ()

    sightings.add(result(51, (0.6, 0.1)))
    (seen,) = sightings.in_view
    assert (seen.code, seen.time_s, seen.chainage_m, seen.peak) == ("RB", 5.0, 1.0, 0.6)


def test_an_observation_takes_its_class_out_of_view_unless_the_last_frame_shows_it() -> None:
    sightings = Sightings(THRESHOLDS, TrackingPolicy())
    for scores in ((0.9, 0.0), (0.0, 0.0)):
        sightings.add(result(10, scores))
        sightings.closed(observation(1))
        assert len(sightings.in_view) == (scores[0] > 0)


def test_what_became_no_observation_is_forgotten_twice_the_gap_away() -> None:
    for known, long_enough in ((True, 31), (False, 41)):
        sightings = Sightings(THRESHOLDS, TrackingPolicy())
        sightings.add(result(0, (0.9, 0.0), known=known))
        sightings.add(result(long_enough - 2, (0.0, 0.0), known=known))
        assert sightings.in_view
        sightings.add(result(long_enough + 1, (0.0, 0.0), known=known))
        assert not sightings.in_view
