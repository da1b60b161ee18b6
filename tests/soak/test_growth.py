"""The check of a soak must catch a leak and must not cry wolf: drawn series, the negative control among them."""

import numpy as np
import pytest
from numpy.typing import NDArray

from soak.ages import Ages
from soak.growth import Growth, Limits, growth_of, without_outliers

LOOKS = 600
FRAMES = [25 * i for i in range(LOOKS)]  # ten minutes at 25 frames a second, a look a second
NOISE = np.random.default_rng(3).normal(0.0, 0.4, LOOKS)


def grown(extra_mb: NDArray[np.float64] | float) -> Growth:
    return growth_of(FRAMES, list(180.0 + NOISE + extra_mb))


def test_a_process_that_has_settled_does_not_grow() -> None:
    warming_up = 60.0 * (1 - np.exp(-np.arange(LOOKS) / 40))
    growth = grown(warming_up)

    assert growth.beyond(Limits()) == [] and growth.frames == pytest.approx(7500, abs=300)


def test_the_negative_control_is_caught_one_kilobyte_a_frame() -> None:
    leak = np.array(FRAMES) * 1.024e-3
    (short,) = grown(leak).beyond(Limits())
    long = growth_of([4 * frames for frames in FRAMES], list(180.0 + NOISE + 4 * leak)).beyond(Limits())

    assert "kB a frame" in short, "7.7 MB in the second half of 15,000 frames: below the limit of the rise, not of the slope"
    assert len(long) == 2 and "MB in the second half" in long[0], "30 MB in that of 60,000 frames"


@pytest.mark.parametrize("at", [0.55, 0.75, 0.9])
def test_a_step_is_a_rise_wherever_it_comes(at: float) -> None:
    step = np.where(np.arange(LOOKS) >= at * LOOKS, 30.0, 0.0)

    assert grown(step).rise_mb == pytest.approx(30.0, abs=3.0) and grown(step).beyond(Limits())


def test_memory_given_back_is_no_growth() -> None:
    assert grown(np.linspace(60.0, 0.0, LOOKS)).beyond(Limits()) == []


def test_what_is_held_for_a_moment_is_no_growth_and_what_is_held_for_long_is() -> None:
    moments, long = np.zeros(LOOKS), np.zeros(LOOKS)
    moments[310::25] = 80.0  # a dozen of 300 looks
    long[400:460] = 80.0

    assert grown(moments).beyond(Limits()) == []
    assert grown(long).rise_mb > 70


def test_what_came_in_the_first_half_is_not_counted() -> None:
    assert grown(np.where(np.arange(LOOKS) < 250, 0.0, 200.0)).beyond(Limits()) == []


def test_five_per_cent_are_left_out_and_order_stays() -> None:
    held = 100.0 + NOISE[:100]
    held[[7, 50, 93]] = 500.0
    kept = without_outliers(held)

    assert len(kept) == 95 and not {7, 50, 93} & set(kept.tolist()) and (np.diff(kept) > 0).all()


@pytest.mark.parametrize("num", [0, 19])
def test_too_few_looks_are_no_verdict(num: int) -> None:
    with pytest.raises(ValueError, match="a verdict needs 20"):
        growth_of(range(num), [100.0] * num)


def test_percentiles_are_those_of_the_values_to_one_per_cent() -> None:
    values, ages = np.random.default_rng(1).gamma(2.0, 15.0, 20_000), Ages()
    for value in values:
        ages.add(float(value))
    figures = ages.percentiles()

    for name, share in (("p50", 50), ("p99", 99), ("p99.9", 99.9)):
        assert figures[name] == pytest.approx(np.percentile(values, share), rel=0.015)
    assert figures["max"] == pytest.approx(values.max(), abs=1e-3) and figures["num"] == 20_000
    assert Ages().percentiles() == {"num": 0.0, "max": 0.0}
