"""The process that is soaked: one live inspection with everything on, and nothing around it that grows.

python -m soak.soak_child PLAN.json
"""

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import tiny
from edge_sdk import Bundle, Inspector, LiveInspection, OdometerFeed
from edge_sdk.camera import LiveCamera, open_live
from live_scripts import picture
from soak.ages import Ages
from soak.plan import Begun, Ended, Plan

SPEED_M_S = {True: 0.25, False: 0.45}  # of an inspection with a camera; accelerated as fast as a counter is believed
ODOMETER_S = 0.05
PERIOD_S, IN_VIEW_S = 1.0, 0.5  # accelerated: from one thing in the pipe to the next, and how long it is in view
BURST_EVERY = 16  # accelerated: of so many frames one is not waited for, and gives way to the next
SCALE = 3  # of the accelerated pictures
DEPTH = 4096
NEVER = threading.Event()
COLOURS = (tiny.RED, tiny.GREEN, tiny.BLUE)


def main(path: str) -> None:
    plan = msgspec.json.decode(Path(path).read_bytes(), type=Plan)
    with ExitStack() as stack:
        camera = stack.enter_context(open_live(plan.url)) if plan.url else None
        inspector = stack.enter_context(Inspector(_bundle(plan), threads=plan.threads))
        if plan.leak_bytes:
            _leak(inspector, plan.leak_bytes)
        live = LiveInspection(inspector, out=Path(plan.out), source=camera, odometer=OdometerFeed(), metrics_port=0)
        run = Run(plan, live, camera)
        live.start()
        assert live.wait_ready(120) and live.metrics_port
        _say(Begun(live.metrics_port, inspector.bundle.identity, inspector.session.precision))
        seconds = run.drive()
        _say(run.end(seconds))
    sys.stdout.flush()
    os._exit(0)  # the callback that never returns is a thread of the robot's, and not ours to wait for


class Run:
    """A drive with its consumers."""

    def __init__(self, plan: Plan, live: LiveInspection, camera: LiveCamera | None) -> None:
        self._plan, self._live, self._camera = plan, live, camera
        self._ages, self._done = Ages(), threading.Semaphore(0)
        self._swaps: Counter[str] = Counter()
        self._looks = self._unbalanced = 0
        live.stream.on_result(self._heed, depth=DEPTH)
        if plan.bad_consumers:
            for add in (live.stream.on_result, live.on_observation, live.stream.on_event):
                add(_crash)  # type: ignore[operator]
                add(_hang)  # type: ignore[operator]

    def drive(self) -> float:
        """Drive on; returns the seconds it took."""
        began_s = time.monotonic()
        driver = threading.Thread(target=self._submit if self._camera is None else self._wait, daemon=True)
        driver.start()
        quiet_since_s = began_s
        while driver.is_alive():
            now_s = time.monotonic()
            self._live.odometer.push(SPEED_M_S[bool(self._plan.url)] * (now_s - began_s))
            self._check()
            if self._on_probation:
                quiet_since_s = now_s
            elif self._plan.reload_every_s and now_s - quiet_since_s >= self._plan.reload_every_s:
                self._swaps[self._live.swap(_bundle(self._plan)).outcome] += 1
            driver.join(ODOMETER_S)
        return time.monotonic() - began_s

    def end(self, seconds: float) -> Ended:
        """Stop and settle up."""
        began_s = time.monotonic()
        record = self._live.stop()
        stop_s = time.monotonic() - began_s
        counts, status, camera = self._live.stream.accounting, self._live.stream.status, self._camera
        for report in self._live.stream.swaps:
            self._swaps[report.outcome] += report.outcome in ("kept", "reverted")
        unread = camera.num_received - camera.frames_lost - counts.received if camera else 0
        dropped: dict[str, int] = {reason: num for reason, num in counts.dropped.items() if num}
        return Ended(
            seconds=round(seconds, 1), received=counts.received, processed=counts.processed, dropped=dropped,
            recorded=(record.accounting.received, record.accounting.processed, dict(record.accounting.dropped)),
            looks_at_accounting=self._looks, unbalanced=self._unbalanced + (counts.in_flight != 0), unread=unread,
            results_lost=status.results_lost, callback_errors=status.callback_errors, reconnects=camera.reconnects if camera else 0,
            observations=len(record.observations), gaps=len(record.coverage.gaps),
            pictures=sum(item.picture is not None for item in record.observations),
            defects=tuple(notice for notice in (*record.notices, *record.status_reasons) if "defect" in notice),
            swaps=dict(self._swaps), stop_s=round(stop_s, 3), ages_ms=self._ages.percentiles(),
        )  # fmt: skip

    @property
    def _on_probation(self) -> bool:
        swaps = self._live.stream.swaps
        return bool(swaps) and swaps[-1].outcome == "on_probation"

    def _wait(self) -> None:
        time.sleep(self._plan.seconds)

    def _submit(self) -> None:
        """Hand in frames, the next one when all before it are done with; in a burst without waiting, so that some give way."""
        plain, shown = _film(None), [_film(colour) for colour in COLOURS]
        began_s, on_their_way = time.monotonic(), 0
        for number in range(self._plan.frames):
            thing, at_s = divmod(time.monotonic() - began_s, PERIOD_S)
            self._live.submit((shown[int(thing) % 3] if at_s < IN_VIEW_S else plain)[number % len(plain)])
            early_s = began_s + self._plan.seconds * number / self._plan.frames - time.monotonic()
            if early_s > 0:
                time.sleep(early_s)
            on_their_way += 1
            while on_their_way and number % BURST_EVERY:
                self._done.acquire(timeout=1.0)  # not for ever: a result that was lost gives nothing back
                on_their_way -= 1

    def _heed(self, result: Any) -> None:
        if result.dropped is None:
            self._ages.add(result.age_ms)
        self._done.release(1 + sum(result.drops.values()))

    def _check(self) -> None:
        self._looks += 1
        self._unbalanced += not self._live.stream.accounting.balanced


def _film(colour: tuple[int, int, int] | None) -> list[NDArray[np.uint8]]:
    return [picture(i, colour).repeat(SCALE, 0).repeat(SCALE, 1) for i in range(64)]


def _bundle(plan: Plan) -> Bundle:
    return Bundle.open(Path(plan.bundle), trust=[Path(plan.key)]) if plan.bundle else Bundle.open()


def _leak(inspector: Inspector, num_bytes: int) -> None:
    kept: list[bytes] = []
    run: Callable[[Any], Any] = inspector.session.run

    def leaking(images_NHWC: Any) -> Any:
        kept.append(os.urandom(num_bytes))
        return run(images_NHWC)

    inspector.session.run = leaking  # type: ignore[method-assign]


def _crash(_: object) -> None:
    raise RuntimeError("a consumer with a defect")


def _hang(_: object) -> None:
    NEVER.wait()


def _say(what: Begun | Ended) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
