"""Class statistics: what frames are asked for, and what their labels come to beside Sewer-ML's counts."""

import numpy as np
import pytest

from edge_sdk.contract.taxonomy import taxonomy
from trainer.synth import SynthError
from trainer.synth.draw_fit import Counted, fit_draws, seen_share
from trainer.synth.profiles import PROFILES, SEWER_ML_COUNTS, check_profile, class_draws, draw_classes, draw_sets, target_shares
from trainer.synth.statistics import count_frames, statistics_table

# Binomial noise at three sigma, and beside it this much: of a share's own size, and flat
RELATIVE, FLAT = 0.25, 0.002


def assert_near_targets(profile: str, seen: np.ndarray) -> None:
    normal, shares = target_shares(profile)
    noise = 3 * np.sqrt(shares * (1 - shares) / len(seen))
    off = np.abs(seen.mean(axis=0) - shares) - RELATIVE * shares - FLAT - noise
    assert (off <= 0).all(), statistics_table(profile, seen)
    assert abs(1 - seen.any(axis=1).mean() - normal) < 0.03 + 3 * np.sqrt(0.25 / len(seen))


def test_targets_are_sewer_mls_shares() -> None:
    normal, shares = target_shares("natural")

    assert normal == pytest.approx(0.531, abs=0.001)
    assert shares[taxonomy().index("FS")] == pytest.approx(355_982 / 1_300_201)
    assert set(SEWER_ML_COUNTS) == set(taxonomy().codes)
    assert shares.sum() / (1 - normal) == pytest.approx(2.05, abs=0.01)


@pytest.mark.parametrize("profile", PROFILES)
def test_labels_of_rendered_frames_come_near_the_targets(profile: str) -> None:
    assert_near_targets(profile, count_frames(profile, 250, size=(48, 60)).seen)


@pytest.mark.slow
@pytest.mark.parametrize("profile", PROFILES)
def test_labels_of_many_rendered_frames_come_near_the_targets(profile: str) -> None:
    seen = count_frames(profile, 1500).seen

    assert_near_targets(profile, seen)
    wanted = target_shares(profile)[1].sum() / (1 - target_shares(profile)[0])
    assert seen.sum() / seen.any(axis=1).sum() == pytest.approx(wanted, rel=0.08)


def test_balanced_draws_are_even_and_half_of_them_normal() -> None:
    drawn = draw_sets(np.random.default_rng(1), 20_000, class_draws()["balanced"])

    assert drawn.any(axis=1).mean() == pytest.approx(0.5, abs=0.06)
    assert drawn.mean(axis=0).max() < 1.5 * drawn.mean(axis=0).min()


def test_what_cannot_be_in_one_pipe_is_never_drawn_together() -> None:
    drawn = draw_sets(np.random.default_rng(2), 20_000, class_draws()["balanced"])
    at = taxonomy().index

    for lining in ("OS", "OP"):
        for rigid in ("RB", "FS", "GR", "OK"):
            assert not (drawn[:, at(lining)] & drawn[:, at(rigid)]).any()


def test_partners_meet_more_often_than_by_chance() -> None:
    drawn = draw_sets(np.random.default_rng(3), 40_000, class_draws()["natural"])
    defect = drawn[drawn.any(axis=1)].astype(float)

    for one, other in (("RO", "RB"), ("IN", "RB"), ("PH", "IN")):
        a, b = defect[:, taxonomy().index(one)], defect[:, taxonomy().index(other)]
        assert (a * b).mean() > 1.15 * a.mean() * b.mean(), f"{one} with {other}"


def test_draws_do_not_depend_on_how_many_are_drawn_before() -> None:
    assert draw_classes(np.random.default_rng([9, 0]), "natural") == draw_classes(np.random.default_rng([9, 0]), "natural")


def test_fit_asks_more_for_what_is_seen_less() -> None:
    rng = np.random.default_rng(4)
    asked = draw_sets(rng, 8000, class_draws()["natural"])
    hard = taxonomy().index("RB")
    seen = asked.copy()
    seen[:, hard] &= rng.random(len(asked)) < 0.5

    draws = fit_draws("natural", Counted(asked, seen), seen_share([Counted(asked, seen)]))
    again = draw_sets(rng, 40_000, draws)
    again[:, hard] &= rng.random(len(again)) < 0.5

    np.testing.assert_allclose(again.mean(axis=0), target_shares("natural")[1], rtol=0.2, atol=0.002)
    assert 1 - again.any(axis=1).mean() == pytest.approx(target_shares("natural")[0], abs=0.02)


def test_table_names_every_class_and_its_ratio() -> None:
    seen = np.eye(17, dtype=bool)

    table = statistics_table("natural", seen)

    assert all(f"| {code} | 5.88 |" in table for code in taxonomy().codes)
    assert "| labels per defect frame | 1.00 | 2.05 | 0.49 |" in table


def test_unknown_profile_is_refused() -> None:
    with pytest.raises(SynthError, match="balanced, natural"):
        check_profile("even")
