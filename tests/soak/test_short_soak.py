"""Seconds of a soak, with wide limits: what keeps its pictures shows here already. The real ones are in `test_soak.py`."""

from collections.abc import Callable
from pathlib import Path

import pytest

from soak.growth import Limits
from soak.plan import Plan
from soak.soaking import soaking

FRAMES, SECONDS = 3000, 4.0  # at least, so that there are enough looks on a quick machine too
GROSS = Limits(rise_mb=30.0, slope_kb_per_frame=15.0)
PICTURE_BYTES = 50_000  # a small one


@pytest.mark.parametrize("leak_bytes", [0, PICTURE_BYTES])
def test_thousands_of_frames_are_not_kept_and_where_they_are_it_shows(
    tmp_path: Path, tiny_plan: Callable[..., Plan], leak_bytes: int
) -> None:
    with soaking(tiny_plan(frames=FRAMES, seconds=SECONDS, leak_bytes=leak_bytes), tmp_path, every_s=0.05) as soak:
        ended = soak.finish()

    assert ended.received == FRAMES == ended.processed + sum(ended.dropped.values()) and ended.unbalanced == 0
    assert bool(soak.looks.growth().beyond(GROSS)) == bool(leak_bytes), soak.looks.growth()
