"""Soaks: a live inspection with everything on, for as long as a shift in the end, holds at its end what it held at its beginning.

python -m pytest tests/soak -m soak                         # three quarters of an hour: 10 minutes with a camera, 720,000 frames without
python -m pytest tests/soak -m soak --soak-minutes 480      # a night

Each process is looked at from outside. The figures are on stdout (`-s`), and as JSON with every look in the folder `--soak-out`.
"""

import itertools
import math
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from soak.footage import DriveServer
from soak.growth import Limits
from soak.plan import Ended, Plan
from soak.soaking import Soak, soaking

RECONNECT_S = 60.0
AWAY_S = 5.0
NIGHT_FRAMES = 720_000  # eight hours at 25 frames a second
CHANGE = Limits()  # of a change request
RELOADED = Limits(slope_kb_per_frame=math.inf)  # what an exchange leaves does not come by the frame; loading takes 100 MB for a while
NIGHT = Limits(rise_mb=50.0, slope_kb_per_frame=0.1)
CONTROL_FRAMES = 60_000
RELOAD_S = 4.0
CYCLE_S = 20.0  # from one exchange to the next on a busy machine: loading, fifty frames of probation, and the pause
pytestmark = pytest.mark.soak


def settled_up(ended: Ended) -> None:
    """Every frame is accounted for, all the time and in the record."""
    dropped = sum(ended.dropped.values())
    assert ended.received == ended.processed + dropped and ended.unbalanced == 0 and ended.looks_at_accounting > 100
    assert ended.recorded == (ended.received, ended.processed, ended.dropped)
    assert 0 <= ended.unread <= 4 and ended.defects == (), "three that waited at the camera, and one that was being read at the end"


def nothing_grew(soak: Soak, limits: Limits = CHANGE, *, within_s: float = 0.0) -> None:
    growth = soak.looks.growth(within_s)
    assert growth.beyond(limits) == [], growth
    early, late = soak.looks.early_and_late()
    assert early == late
    assert soak.scrapes_failed == 0 < soak.scrapes


def lose_and_find(soak: Soak, server: DriveServer, way: str) -> None:
    """Take the camera away, wait until the run says so, give it back, wait until frames come."""
    before = soak.status.cameras[0].reconnects
    with soak.disturbance():
        if way == "stalls":
            server.stall()
        elif way == "is switched off":
            server.stop()
        else:
            soak.capture(signal.SIGKILL if way == "its process dies" else signal.SIGSTOP)
        if way in ("stalls", "is switched off"):
            soak.look_until(lambda: soak.status.cameras[0].state == "offline", f"the camera to be lost that {way}")
            soak.look_for(AWAY_S)
            server.resume() if way == "stalls" else server.start()
        soak.look_until(lambda: soak.status.cameras[0].reconnects > before, f"the camera to come back that {way}")
        soak.look_until(lambda: soak.status.cameras[0].state == "online", "frames")


def test_a_shift_with_a_reconnect_each_minute_ends_as_it_began(tmp_path: Path, soak_out: Path, soak_s: Callable[[str], float]) -> None:
    """T-SOAK1, T-SOAK2: the shipped model and the shipped drive, over HTTP, through the real capture process."""
    seconds, ways = soak_s("steady"), itertools.cycle(("stalls", "is switched off", "its process dies", "its process hangs"))
    with DriveServer() as server:
        plan = Plan(out=str(tmp_path / "run"), url=server.url, seconds=seconds)
        with soaking(plan, tmp_path) as soak:
            soak.look_until(lambda: soak.looks and soak.status.cameras[0].state == "online", "the camera")
            while soak.seconds < seconds - RECONNECT_S:
                soak.look_for(RECONNECT_S - soak.seconds % RECONNECT_S)
                lose_and_find(soak, server, next(ways))
            ended = soak.finish()
    children = soak.looks.children_growth()
    soak.artefact(soak_out / "steady.json", ended, children_growth=children._asdict())

    settled_up(ended)
    nothing_grew(soak)
    assert children.rise_mb <= CHANGE.rise_mb, children
    begin, *later = soak.looks.counts()
    assert later and all(counts == begin for counts in later), (begin, later)
    assert ended.reconnects == len(later) and ended.observations > 0 and ended.gaps >= ended.reconnects


def test_a_model_exchanged_again_and_again_leaves_nothing_behind(tmp_path: Path, soak_out: Path, soak_s: Callable[[str], float]) -> None:
    """T-SOAK3: four seconds after the last exchange the next one, each time read anew from its file as a robot does that was sent one."""
    seconds = soak_s("reload")
    with DriveServer() as server:
        plan = Plan(out=str(tmp_path / "run"), url=server.url, seconds=seconds, reload_every_s=RELOAD_S, threads=2)
        with soaking(plan, tmp_path) as soak:
            models = [soak.begun.model]
            while soak.running and soak.seconds < 2 * seconds:
                soak.look()
                if soak.looks and (model := soak.status.model) != models[-1]:
                    models.append(model)
                    soak.stretch = len(models) - 1
            ended = soak.finish()
    soak.artefact(soak_out / "reload.json", ended, settled_growth=soak.looks.growth(CYCLE_S)._asdict())

    settled_up(ended)
    nothing_grew(soak, RELOADED, within_s=CYCLE_S)
    assert ended.swaps["kept"] > seconds / CYCLE_S and set(ended.swaps) <= {"on_probation", "kept"}
    _, first, *later = soak.looks.counts()[:-1]  # from the first exchange on there is a way back, which is held too
    assert later and all(counts == first for counts in later), (first, later)


def test_consumers_that_crash_and_that_never_return_cost_nothing(tmp_path: Path, soak_out: Path, soak_s: Callable[[str], float]) -> None:
    """T-SOAK4: callbacks for results, observations and events, one of each that raises every time and one that never returns."""
    seconds = soak_s("consumers")
    with DriveServer() as server:
        plan = Plan(out=str(tmp_path / "run"), url=server.url, seconds=seconds, bad_consumers=True)
        with soaking(plan, tmp_path) as soak:
            ended = soak.finish()
    soak.artefact(soak_out / "consumers.json", ended)

    settled_up(ended)
    nothing_grew(soak)
    assert ended.callback_errors > 0.9 * ended.processed and ended.results_lost > 0
    assert ended.ages_ms["num"] > 0.9 * ended.processed, "who reads at a good pace gets everything"
    assert ended.stop_s < 8.0


def test_a_nights_frames_as_fast_as_they_go(tmp_path: Path, soak_out: Path, tiny_plan: Callable[..., Plan]) -> None:
    with soaking(tiny_plan(frames=NIGHT_FRAMES), tmp_path, every_s=1.0) as soak:
        ended = soak.finish()
    soak.artefact(soak_out / "night.json", ended)

    settled_up(ended)
    nothing_grew(soak, NIGHT)
    assert ended.received == NIGHT_FRAMES and ended.processed > 0.9 * NIGHT_FRAMES and ended.observations > 100
    (counts,) = soak.looks.counts()
    assert counts["children"] == counts["memfds"] == counts["segments"] == 0


@pytest.mark.parametrize("leak_bytes", [0, 1024])
def test_a_leak_of_one_kilobyte_a_frame_is_caught_and_no_leak_is_not(
    tmp_path: Path, soak_out: Path, tiny_plan: Callable[..., Plan], leak_bytes: int
) -> None:
    """T-SOAK-NEG: the same process, the same check."""
    with soaking(tiny_plan(frames=CONTROL_FRAMES, leak_bytes=leak_bytes), tmp_path) as soak:
        ended = soak.finish()
    soak.artefact(soak_out / ("control.json" if leak_bytes else "clean.json"), ended)

    settled_up(ended)
    beyond = soak.looks.growth().beyond(CHANGE)
    assert len(beyond) == (2 if leak_bytes else 0), beyond
