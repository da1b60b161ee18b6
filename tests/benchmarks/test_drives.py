from benchmarks.drives import Truth, matches, score
from edge_sdk.records import Code, Observation, Score


def observation(code: str, from_m: float | None, to_m: float | None = None, *, above_m: float = 0.0) -> Observation:
    return Observation(
        observation_id=f"{code}{from_m}", revision=0, seq=0, class_=Code(coding_system="SEWER-ML", code=code, label=code),
        proposed_codes=(), kind="point" if to_m is None else "continuous", chainage_m=from_m, chainage_to_m=to_m,
        chainage_uncertainty_m=None if from_m is None else (0.0, above_m), chainage_quality="ok", time_s=0.0, time_to_s=0.0, frame_index=0,
        frame_name=None, score=Score(peak=0.9, threshold=0.5, frames_positive=1), review_priority=0.9, picture=None,
    )  # fmt: skip


def test_an_observation_is_right_within_its_uncertainty_and_half_a_metre() -> None:
    crack = Truth("RB", 3.0, 3.0)

    assert matches(crack, observation("RB", 2.6)) and not matches(crack, observation("RB", 2.4))
    assert matches(crack, observation("RB", 1.8, above_m=1.0)) and matches(crack, observation("RB", 2.0, 6.0))
    assert not matches(crack, observation("RO", 3.0)) and not matches(crack, observation("RB", None))


def test_counts_are_of_things_and_of_observations() -> None:
    truth = [Truth("RB", 3.0, 3.0), Truth("AF", 5.0, 7.0), Truth("RO", 9.0, 9.0)]
    seen = [observation("RB", 3.1), observation("RB", 3.3), observation("AF", 6.0), observation("FO", 9.0)]

    result = score(truth, seen)

    assert (result.there, result.found, result.proposed, result.right) == (3, 2, 4, 3)
    assert [round(offset, 2) for offset in result.offsets_m] == [0.1]
