"""T-SUP1: a real datagram socket hears READY, STATUS, RELOADING, STOPPING, and pings only where there is progress."""

import itertools
import os
import socket
import time
from pathlib import Path

import pytest

from edge_sdk.supervision.notify import Notifier
from edge_sdk.supervision.watchdog import Watchdog, watchdog_period_s


def test_words_arrive_one_datagram_each(manager) -> None:
    notifier = Notifier.from_environment({"NOTIFY_SOCKET": manager.address})

    assert notifier.enabled and notifier.ready("warmed up") and notifier.status("25 frames/s") and notifier.stopping()
    before_us = time.monotonic_ns() // 1000
    assert notifier.reloading()

    assert manager.all_heard()[:3] == ["READY=1\nSTATUS=warmed up", "STATUS=25 frames/s", "STOPPING=1"]
    notifier.reloading()
    word, stamp = manager.heard().split("\n")
    assert word == "RELOADING=1" and before_us <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    notifier.close()
    assert not notifier.ready()


def test_abstract_sockets_are_found(request: pytest.FixtureRequest) -> None:
    manager = type(request.getfixturevalue("manager"))(f"@sewer-edge-test-{os.getpid()}")
    notifier = Notifier(manager.address)
    assert notifier.watchdog() and manager.heard() == "WATCHDOG=1"
    notifier.close()
    manager.close()


def test_a_line_break_in_a_status_begins_no_other_field(manager) -> None:
    notifier = Notifier(manager.address)
    notifier.status("all well\nSTOPPING=1\r\x1b[2J" + "x" * 999)
    heard = manager.heard()
    assert "\n" not in heard and heard.startswith("STATUS=all well STOPPING=1") and len(heard) < 300
    assert not notifier.status("")
    notifier.close()


def test_without_a_service_manager_nothing_happens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert not Notifier.from_environment({}).ready()
    assert not caplog.records
    assert not Notifier("vsock:2:1234").enabled and "neither a path" in caplog.text
    gone = Notifier(str(tmp_path / "gone"))
    caplog.clear()
    assert not gone.ready() and not gone.watchdog()
    assert len(caplog.records) == 1
    gone.close()


def test_a_service_manager_that_does_not_read_holds_up_nobody(manager, tmp_path: Path) -> None:
    manager = type(manager)(str(tmp_path / "deaf"), reads=False)
    notifier = Notifier(manager.address)
    begin = time.monotonic()
    taken = [notifier.watchdog() for _ in range(5000)]
    assert time.monotonic() - begin < 60 and taken[0] and not taken[-1]
    manager.all_heard()
    assert notifier.watchdog()
    notifier.close()
    manager.close()


def test_pings_come_from_progress_alone_and_often_enough(manager, clock) -> None:
    notifier = Notifier(manager.address)
    watchdog = Watchdog(notifier, 30.0, monotonic=clock)
    pings_s = []
    for _ in range(600):  # a frame every 100 ms, a minute long
        watchdog.progress()
        pings_s += [clock.now_s] * len(manager.all_heard())
        clock.pass_s(0.1)
    gaps = [b - a for a, b in itertools.pairwise(pings_s)]
    assert len(pings_s) >= 4 and max(gaps) <= 15.0 and min(gaps) >= 7.0

    clock.pass_s(300)  # a hang: nobody calls, nothing is sent
    assert manager.all_heard() == [] and watchdog.idle_s == pytest.approx(300.1)
    notifier.close()


def test_every_named_loop_must_make_progress(manager, clock) -> None:
    notifier = Notifier(manager.address)
    watchdog = Watchdog(notifier, 4.0, loops=("inference", "journal"), monotonic=clock)
    for _ in range(10):
        clock.pass_s(1)
        watchdog.progress("inference")
    assert manager.all_heard() == [] and watchdog.idle_s == 10
    watchdog.progress("journal")
    assert manager.all_heard() == ["WATCHDOG=1"] and watchdog.idle_s == 0
    with pytest.raises(ValueError, match="no loop 'camera'"):
        watchdog.progress("camera")
    notifier.close()


def test_a_ping_that_was_not_taken_is_sent_again(tmp_path: Path, clock) -> None:
    notifier = Notifier(str(tmp_path / "late"))
    watchdog = Watchdog(notifier, 30.0, monotonic=clock)
    watchdog.progress()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "late"))
    watchdog.progress()
    assert listener.recv(64) == b"WATCHDOG=1"
    listener.close()
    notifier.close()


@pytest.mark.parametrize(
    ("environ", "period_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdogs_time_is_read_as_systemd_gives_it(environ: dict[str, str], period_s: float | None) -> None:
    assert watchdog_period_s(environ, pid=7) == period_s
