"""From a track of camera positions to an observation in the pipe.

A positive frame at camera chainage c says that the thing lies between c - look_behind and c + look_ahead (the bundle's label rule). All
frames of a track together bound it: a point thing lies between `high - look_behind` and `low + look_ahead`. Where those cross, it must
extend over that length, and from `continuous_m` on it is reported as continuous.
"""

import uuid

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
    label_rule: LabelRule,
    thresholds: tuple[float, ...],
    policy: TrackingPolicy,
) -> Observation:
    """The observation a closed track stands for.

    Args:
        track: As the tracker closed it.
        before: Its previous revision, whose frame and picture stay where no stronger one came.
        picture: Its picture, already written.
        run_id: The run's id; ids of observations follow from it and the track's number.
        label_rule: Where a labelled thing may lie, from the bundle.
        thresholds: Per class, as used.
        policy: For the least length of a continuous observation.
    """
    classes = taxonomy()
    sewer_class, peak = classes.classes[track.class_index], round(track.peak, 4)
    look = track.best
    extent = _extent(track, label_rule, policy) if track.basis == "distance" else None
    long_stop = track.basis == "time" and track.time_to_s - track.time_s >= policy.continuous_s
    return Observation(
        observation_id=str(uuid.uuid5(uuid.UUID(run_id), str(track.track_id))),
        revision=track.revision,
        seq=track.track_id,
        class_=Code(coding_system=classes.coding_system, code=sewer_class.code, label=sewer_class.label),
        proposed_codes=_proposed(sewer_class, classes),
        kind="continuous" if long_stop or (extent and extent[1] is not None) else "point",
        chainage_m=extent[0] if extent else None,
        chainage_to_m=extent[1] if extent else None,
        chainage_uncertainty_m=extent[2] if extent else None,
        chainage_quality=look.chainage.quality if look else before.chainage_quality if before else "none",
        time_s=round(track.time_s, 3),
        time_to_s=round(track.time_to_s, 3),
        frame_index=look.frame.seq if look else before.frame_index if before else 0,
        frame_name=look.frame.name if look else before.frame_name if before else None,
        score=Score(peak=peak, threshold=thresholds[track.class_index], frames_positive=track.frames_positive),
        review_priority=round(sewer_class.ciw * peak, 4),
        picture=picture,
    )


def _extent(track: ClosedTrack[FrameResult], rule: LabelRule, policy: TrackingPolicy) -> tuple[float, float | None, tuple[float, float]]:
    """Chainage from, to (None for a point) and what either may be off by, in metres to the centimetre."""
    nearest, farthest = track.high - rule.look_behind_m, track.low + rule.look_ahead_m
    if nearest - farthest >= policy.continuous_m:
        return round(farthest, 2), round(nearest, 2), (-round(rule.look_ahead_m + rule.look_behind_m, 2), round(rule.look_ahead_m, 2))
    return round(nearest, 2), None, (0.0, round(max(farthest - nearest, 0.0), 2))


def _proposed(sewer_class: SewerClass, classes: Taxonomy) -> tuple[ProposedCode, ...]:
    ambiguous = len(sewer_class.proposed) > 1
    return tuple(
        ProposedCode(coding_system=classes.proposal_system, code=code, confidence=sewer_class.confidence, ambiguous=ambiguous)
        for code in sewer_class.proposed
    )
