"""A soak from outside: starts the process, makes its camera fail, looks at it, and settles up at its end."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from edge_sdk.errors import InputError
from edge_sdk.supervision.status_file import Status, read_status
from soak.holdings import children_of, held_by
from soak.looks import LAST_S, Look, Looks
from soak.plan import Begun, Ended, Plan

ROOT, TESTS = Path(__file__).parents[2], Path(__file__).parents[1]
START_S, END_S = 120.0, 60.0
SLOWEST_FPS = 20.0  # of the accelerated run on the busiest of machines
SETTLE_S = 4.0  # after a camera came back, or a model was exchanged: what was needed for that has gone
SCRAPE_S = 5.0
BACK_S = 90.0


class Soak:
    """One soaked process; made by `soaking`."""

    def __init__(self, plan: Plan, process: "subprocess.Popen[str]", folder: Path, every_s: float) -> None:
        self.plan, self.process, self._folder, self._every_s = plan, process, folder, every_s
        self.begun = msgspec.json.decode(self._line(START_S), type=Begun)
        self.looks = Looks()
        self._scrapes: list[tuple[float, bool]] = []
        self.stretch: int | None = 0
        self._began_s = time.monotonic()
        self._scraped_s = 0.0

    @property
    def seconds(self) -> float:
        """Since the model was warm."""
        return time.monotonic() - self._began_s

    @property
    def running(self) -> bool:
        """Whether the drive goes on."""
        return self.process.poll() is None

    @property
    def status(self) -> Status:
        """What the run says of itself to an operator."""
        return read_status(Path(self.plan.out))

    @property
    def scrapes(self) -> int:
        """How often the metrics were asked for."""
        return len(self._scrapes)

    @property
    def scrapes_failed(self) -> int:
        """How often they were not given; while a run stops nobody answers any more."""
        return sum(not good and at_s < self.looks[-1].at_s - LAST_S for at_s, good in self._scrapes)

    def look(self) -> None:
        """Take a look, and ask for the metrics now and then."""
        time.sleep(self._every_s)
        if time.monotonic() - self._scraped_s >= SCRAPE_S:
            self._scraped_s = time.monotonic()
            self._scrape()
        with suppress(InputError):  # not written yet
            held, frames = held_by(self.process.pid), self.status.frames.received
            if held.rss_mb and self.running:
                self.looks.append(Look(round(self.seconds, 2), frames, self.stretch, held))

    def look_for(self, seconds: float) -> None:
        """Look for some time, or until it has ended."""
        end_s = time.monotonic() + seconds
        while self.running and time.monotonic() < end_s:
            self.look()

    def look_until(self, condition: Callable[[], Any], what: str, patience_s: float = BACK_S) -> None:
        """Look until something holds; fail if it never does."""
        end_s = time.monotonic() + patience_s
        while not condition():
            assert time.monotonic() < end_s and self.running, f"waited {patience_s:g} s for {what}"
            self.look()

    @contextmanager
    def disturbance(self) -> Iterator[None]:
        """What is held meanwhile, and until it has settled, is not compared."""
        num = -1 if self.stretch is None else self.stretch
        self.stretch = None
        yield
        self.look_for(SETTLE_S)
        self.stretch = num + 1

    def capture(self, number: signal.Signals) -> None:
        """Send the capture process a signal."""
        for child in children_of(self.process.pid):
            os.kill(child, number)

    def finish(self) -> Ended:
        """Look until it has ended, and hear how."""
        end_s = time.monotonic() + 2 * self.plan.seconds + self.plan.frames / SLOWEST_FPS + END_S
        while self.running and time.monotonic() < end_s:
            self.look()
        ended = msgspec.json.decode(self._line(END_S), type=Ended)
        self.process.wait(END_S)
        return ended

    def artefact(self, path: Path, ended: Ended, **figures: Any) -> dict[str, Any]:
        """All figures as JSON, in a file and, without the looks, on stdout."""
        memory = [self.looks[i].held for i in (0, len(self.looks) // 2, -1)]  # begin, half, end
        report = {
            "name": path.stem,
            "plan": msgspec.to_builtins(self.plan),
            "begun": msgspec.to_builtins(self.begun),
            "ended": msgspec.to_builtins(ended),
            "looks": len(self.looks),
            "scrapes": self.scrapes,
            "scrapes_failed": self.scrapes_failed,
            "rss_mb": [round(held.rss_mb, 1) for held in memory],
            "children_mb": [round(held.children_mb, 1) for held in memory],
            "growth": self.looks.growth()._asdict(),
            "counts": self.looks.counts(),
            "early_and_late": self.looks.early_and_late(),
            **figures,
        }
        path.write_text(json.dumps({**report, "series": self.looks.rows()}))
        print(json.dumps(report))
        return report

    def _scrape(self) -> None:
        at_s, good = self.seconds, False
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{self.begun.metrics_port}/metrics", timeout=10) as answer:
            good = b"edge_sdk_frames_received_total" in answer.read()
        self._scrapes.append((at_s, good))

    def _line(self, patience_s: float) -> str:
        assert self.process.stdout is not None
        killer = threading.Timer(patience_s, self.process.kill)
        killer.start()
        line = self.process.stdout.readline()
        killer.cancel()
        assert line, f"the soaked process ended with {self.process.wait(END_S)}; its words are in {self._folder / 'stderr.txt'}"
        return line


@contextmanager
def soaking(plan: Plan, folder: Path, *, every_s: float = 0.5) -> Iterator[Soak]:
    """A process that is soaked; ended with this."""
    path = folder / "plan.json"
    path.write_bytes(msgspec.json.encode(plan))
    search = os.pathsep.join(filter(None, (str(ROOT), str(TESTS), os.environ.get("PYTHONPATH"))))
    with (folder / "stderr.txt").open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "soak.soak_child", str(path)], stdout=subprocess.PIPE, stderr=said, text=True, cwd=folder,
            env={**os.environ, "PYTHONPATH": search},
        )  # fmt: skip
    try:
        yield Soak(plan, process, folder, every_s)
    finally:
        process.kill()
        process.wait(END_S)
        process.stdout.close()  # type: ignore[union-attr]
