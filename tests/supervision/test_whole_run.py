"""T-SUP1 and T-BE8 on whole live inspections with a real notification socket: what a service manager hears, and when it hears nothing.

Nothing is put in place of the parts between the network and the socket: the session alone is made slow, hung or lost.
"""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import edge_sdk.inspector
import tiny
from edge_sdk import Bundle, Inspector, LiveInspection
from edge_sdk.journal.entries import Event, entry_from_body
from edge_sdk.journal.inspection import rows_of
from edge_sdk.live.result import LiveSettings
from edge_sdk.records import Inspection
from edge_sdk.supervision import Limits, Notifier, read_status
from live_fakes import PATIENCE_S, until
from live_scripts import ScriptedSource, ready
from runtime.scripted import LOST, START_RUNS, link, since

PERIOD_S = 0.3  # WATCHDOG_USEC; the unit's is 30 s
STUCK_S = 0.2  # the default is 10 s: what lasts longer is a first inference of a minute at this scale


@pytest.fixture
def notifier(manager, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notifier]:
    """From the environment, as systemd sets it."""
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    monkeypatch.setenv("WATCHDOG_USEC", str(round(PERIOD_S * 1e6)))
    notifier = Notifier.from_environment()
    yield notifier
    notifier.close()


@pytest.fixture
def inspector(bundle_path: Path, trust: Path) -> Iterator[Inspector]:
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        yield inspector


class Gated:
    """Holds every run of a session while its gate is shut; knows whether one waits."""

    def __init__(self, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run, self.gate, self.waiting = session.run, threading.Event(), False
        self.gate.set()
        monkeypatch.setattr(session, "run", self._gated)

    def _gated(self, images_NHWC: Any) -> Any:
        self.waiting = not self.gate.is_set()
        self.gate.wait(120)
        self.waiting = False
        return self._run(images_NHWC)


def inspection(inspector: Inspector, out: Path, notifier: Notifier, **options: Any) -> tuple[LiveInspection, ScriptedSource]:
    source = ScriptedSource()
    settings = LiveSettings(stuck_s=STUCK_S)
    return LiveInspection(
        inspector, out=out, source=source, notifier=notifier, settings=settings, limits=Limits(stuck_s=STUCK_S), **options
    ), source  # fmt: skip


def pings(manager, seconds: float) -> int:
    manager.all_heard()
    time.sleep(seconds)
    return manager.all_heard().count("WATCHDOG=1")


def hears(manager, word: str) -> Callable[[], bool]:
    return lambda: any(line.split("\n")[0] == word for line in manager.all_heard())


def lacking(out: Path) -> set[str]:
    return {item.name for item in read_status(out).lacking}


def events(out: Path) -> list[str]:
    return [entry.name for entry in (entry_from_body(row.body) for row in rows_of(out)) if isinstance(entry, Event)]


def test_a_hung_network_ends_the_pings_and_a_lost_camera_does_not(
    inspector: Inspector, tmp_path: Path, manager, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-SUP1."""
    network = Gated(inspector.session, monkeypatch)
    live, source = inspection(inspector, tmp_path / "run", notifier)
    with live:
        until(hears(manager, "READY=1"))
        until(lambda: live.status.accounting.processed and pings(manager, 2 * PERIOD_S))

        source.lose()
        until(lambda: "camera_offline" in lacking(tmp_path / "run"))
        for _ in range(3):
            until(lambda: pings(manager, 2 * PERIOD_S))
        source.find()
        until(lambda: read_status(tmp_path / "run").state == "ACTIVE")

        network.gate.clear()
        until(lambda: network.waiting)
        until(lambda: "inference_stuck" in lacking(tmp_path / "run") and live.status.phase == "stuck")  # it was looked at since
        assert pings(manager, 6 * PERIOD_S) == 0, "the camera films on; that is no proof of progress"
        assert read_status(tmp_path / "run").state == "DEGRADED"
        network.gate.set()
        until(lambda: pings(manager, 2 * PERIOD_S))
        until(lambda: read_status(tmp_path / "run").state == "ACTIVE")
    assert hears(manager, "STOPPING=1")()
    assert "stuck" in events(tmp_path / "run") and read_status(tmp_path / "run").state == "FINALIZED"
    gaps = {gap.reason for gap in live.inspection.coverage.gaps}
    assert {"camera_lost", "inference_failed"} <= gaps


def test_a_slow_first_inference_is_neither_ready_nor_stuck(
    inspector: Inspector, tmp_path: Path, manager, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T-BE8: the warm-up lasts ten times as long as a run may that counts as stuck."""
    network = Gated(inspector.session, monkeypatch)
    network.gate.clear()
    live, _ = inspection(inspector, tmp_path / "run", notifier)
    with live:
        until(lambda: network.waiting)
        heard, began_s = [], time.monotonic()
        while (lasts_s := time.monotonic() - began_s) < 10 * STUCK_S or heard.count("WATCHDOG=1") < 3:
            heard += manager.all_heard()
            assert live.status.phase == "loading" and lasts_s < PATIENCE_S
            time.sleep(0.05)
        assert not [line for line in heard if line.startswith("READY")]
        assert "inference_stuck" not in lacking(tmp_path / "run") and read_status(tmp_path / "run").state == "INACTIVE"
        never_stuck(live)
        network.gate.set()
        until(hears(manager, "READY=1"))
        until(lambda: live.status.accounting.processed)
    assert "stuck" not in events(tmp_path / "run")


def never_stuck(live: LiveInspection, *, but_after_s: float = 600.0) -> None:
    """From here on: a machine that stands still for a moment is not a network that hangs."""
    live.stream.configure(msgspec.structs.replace(live.stream.settings, stuck_s=but_after_s))


def lost_to(make_slow: Any) -> tuple[Any, ...]:
    """A runtime that is lost after a few frames, and one that takes its time to start."""
    second = link("cpu")
    return link("cuda", script=since(START_RUNS + 5, LOST)), dataclasses.replace(second, create=make_slow(second.create))


def test_a_runtime_that_is_started_within_the_run_is_not_stuck_however_long_it_takes(
    bundle_path: Path, trust: Path, tmp_path: Path, manager, notifier: Notifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting, gate = threading.Event(), threading.Event()

    def make_slow(create: Any) -> Any:
        def slow(*arguments: Any, **options: Any) -> Any:
            starting.set()
            gate.wait(120)
            return create(*arguments, **options)

        return slow

    monkeypatch.setattr(edge_sdk.inspector, "links", lambda require=None: lost_to(make_slow))
    with Inspector(Bundle.open(bundle_path, trust=[trust]), threads=1) as inspector:
        live, _ = inspection(inspector, tmp_path / "run", notifier)
        with live:
            never_stuck(live)
            until(starting.is_set)
            never_stuck(live, but_after_s=STUCK_S)
            until(lambda: live.status.working_s > 3 * STUCK_S)
            status = live.status
            assert status.is_loading and status.phase != "stuck"
            until(lambda: pings(manager, 2 * PERIOD_S))
            until(lambda: "inference_stuck" not in lacking(tmp_path / "run"))
            never_stuck(live)
            gate.set()
            until(lambda: live.status.provider == "cpu" and not live.status.is_loading)
            seen = live.status.accounting.processed
            until(lambda: live.status.accounting.processed > seen)
    assert "stuck" not in events(tmp_path / "run")
    assert fell_back(live.inspection)


def fell_back(record: Inspection) -> bool:
    return [(change.from_, change.to) for change in record.model.provider_changes] == [("cuda", "cpu")]


def test_an_exchange_of_the_model_is_told_and_costs_no_ping(
    inspector: Inspector, tmp_path: Path, trust: Path, manager, notifier: Notifier
) -> None:
    other = Bundle.open(tiny.tiny_bundle(tmp_path / "new.bundle", version="2.0.0"), trust=[trust])
    live, _ = inspection(inspector, tmp_path / "run", notifier)
    with live:
        ready(live)
        until(hears(manager, "READY=1"))
        live.swap(other)
        heard = [line.split("\n")[0] for line in manager.all_heard()]
        assert [word for word in heard if word in ("RELOADING=1", "READY=1")] == ["RELOADING=1", "READY=1"]
        until(lambda: pings(manager, 2 * PERIOD_S))
