"""From a track of camera positions to an observation in the pipe.

A positive frame at camera chainage c says that the thing lies between c - look_behind and c + look_ahead (the bundle's label rule; the
other way round where the counter falls along the drive). All frames of a track together bound it: a point thing lies between
`high - look_behind`, where it passed the camera, and `low + look_ahead`. Where those cross, it must extend over that length, and from
`continuous_m` on it is reported as continuous.
"""

import uuid
from typing import NamedTuple

from edge_sdk.contract.manifest import LabelRule
from edge_sdk.contract.taxonomy import SewerClass, Taxonomy, taxonomy
from edge_sdk.records import Code, Observation, Picture, ProposedCode, Score
from edge_sdk.stream import FrameResult
from edge_sdk.tracking import ClosedTrack, TrackingPolicy


def observation_from_track(
    track: ClosedTrack[FrameResult],
    before: Observation | None,
    picture: Picture | None,
    *,
    run_id: str,
    looks: int,
    label_rule: LabelRule,
    policy: TrackingPolicy,
) -> Observation:
    """The observation a closed track stands for.

    Args:
        track: As the tracker closed it.
        before: Its previous revision, or the strongest one it replaces: its frame and picture stay where no stronger one came.
        picture: Its picture, already written.
        run_id: The run's id; ids of observations follow from it and the track's number.
        looks: +1 if the camera looks towards rising chainage, -1 if towards falling.
        label_rule: Where a labelled thing may lie, from the bundle.
        policy: For the least length of a continuous observation.
    """
    classes = taxonomy()
    sewer_class, peak = classes.classes[track.class_index], round(track.peak, 4)
    look = track.best
    extent = None
    if track.basis == "distance":
        extent = extent_of(track.low, track.high, label_rule, looks=looks, continuous_m=policy.continuous_m)
    long_stop = track.basis == "time" and track.time_to_s - track.time_s >= policy.continuous_s
    return Observation(
        observation_id=str(uuid.uuid5(uuid.UUID(run_id), str(track.track_id))),
        revision=track.revision,
        seq=track.track_id,
        class_=Code(coding_system=classes.coding_system, code=sewer_class.code, label=sewer_class.label),
        proposed_codes=_proposed(sewer_class, classes),
        kind="continuous" if long_stop or (extent and extent.to_m is not None) else "point",
        chainage_m=extent.from_m if extent else None,
        chainage_to_m=extent.to_m if extent else None,
        chainage_uncertainty_m=extent.uncertainty_m if extent else None,
        chainage_quality=look.chainage.quality if look else before.chainage_quality if before else "none",
        time_s=round(track.time_s, 3),
        time_to_s=round(track.time_to_s, 3),
        frame_index=look.frame.seq if look else before.frame_index if before else 0,
        frame_name=look.frame.name if look else before.frame_name if before else None,
        score=Score(peak=peak, threshold=track.threshold, frames_positive=track.frames_positive),
        review_priority=round(sewer_class.ciw * peak, 4),
        picture=picture,
    )


class Extent(NamedTuple):
    """Chainage from and to (None for a point), and how far off the place may be to either side, in metres to the centimetre."""

    from_m: float
    to_m: float | None
    uncertainty_m: tuple[float, float]


def extent_of(low_m: float, high_m: float, rule: LabelRule, *, looks: int, continuous_m: float) -> Extent:
    """Bound a thing by the camera positions it was seen from.

    Args:
        low_m: Lowest chainage of the camera with the thing in view.
        high_m: Highest.
        rule: Where a labelled thing may lie.
        looks: +1 if the camera looks towards rising chainage, -1 if towards falling.
        continuous_m: Least length of a continuous observation.
    """
    if looks < 0:
        mirrored = extent_of(-high_m, -low_m, rule, looks=1, continuous_m=continuous_m)
        below, above = mirrored.uncertainty_m
        ends = sorted(-x + 0.0 for x in (mirrored.from_m, mirrored.to_m) if x is not None)
        return Extent(ends[0], ends[1] if len(ends) > 1 else None, (-above + 0.0, -below + 0.0))
    passed, farthest = round(high_m - rule.look_behind_m, 2), round(low_m + rule.look_ahead_m, 2)
    if passed - farthest >= continuous_m:
        slack = round(rule.look_ahead_m + rule.look_behind_m, 2)
        return Extent(farthest, passed, (-slack + 0.0, slack))
    return Extent(passed, None, (round(min(farthest - passed, 0.0), 2) + 0.0, round(max(farthest - passed, 0.0), 2)))


def _proposed(sewer_class: SewerClass, classes: Taxonomy) -> tuple[ProposedCode, ...]:
    ambiguous = len(sewer_class.proposed) > 1
    return tuple(
        ProposedCode(coding_system=classes.proposal_system, code=code, confidence=sewer_class.confidence, ambiguous=ambiguous)
        for code in sewer_class.proposed
    )
