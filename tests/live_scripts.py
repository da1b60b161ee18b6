"""Cameras of a few lines for tests of live inspections: pictures with texture and noise as real ones have, and a source on strings."""

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import tiny
from edge_sdk.camera import Frame
from edge_sdk.live_inspection import LiveInspection
from live_fakes import until

BOX = (16, 24, 64, 72)
TEXTURE = np.random.default_rng(7).integers(-30, 31, (96, 128, 1)).astype(np.int16)


def picture(number: int, colour: tuple[int, int, int] | None = None) -> NDArray[np.uint8]:
    """A sharp picture of which no two are alike; `colour` stands in its box."""
    plain = tiny.painted(colour, box=BOX) if colour else tiny.painted(tiny.GREY)
    noise = np.random.default_rng(number).integers(-12, 13, plain.shape[:2])[..., np.newaxis]
    return np.clip(plain.astype(np.int16) + TEXTURE + noise, 0, 255).astype(np.uint8)


def blurred(number: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.GaussianBlur(picture(number), (0, 0), 12) + np.uint8(number % 3), dtype=np.uint8)


class ScriptedSource:
    """A live source that gives what it is told: a picture each `period_s` while online, none while offline."""

    kind, fps, width, height = "live", 25.0, 128, 96

    def __init__(self, name: str = "rtsp://cam/1", period_s: float = 0.04) -> None:
        self.name, self._period_s = name, period_s
        self.state, self.reconnects, self.frames_lost = "online", 0, 0
        self.frozen = False
        self.colour: tuple[int, int, int] | None = None
        self._seq, self._due_s = 0, time.monotonic()

    def lose(self) -> None:
        self.state = "offline"

    def find(self) -> None:
        self.state, self.reconnects, self._due_s = "online", self.reconnects + 1, time.monotonic()

    def read(self, timeout_s: float) -> Frame | None:
        wait_s = self._due_s - time.monotonic()
        if self.state != "online" or wait_s > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(wait_s, 0.0))
        self._due_s = max(self._due_s + self._period_s, time.monotonic() - self._period_s)
        self._seq += 1
        return Frame(self._seq - 1, 0.0, time.monotonic_ns(), picture(0 if self.frozen else self._seq, self.colour))

    def events(self) -> tuple[()]:
        return ()

    def close(self) -> None:
        self.state = "closed"


class Drive:
    """A robot that owns its camera: hands frames in in real time, with the counter."""

    def __init__(self, live: LiveInspection, *, speed_m_s: float = 0.2, fps: float = 25.0) -> None:
        self._live, self._speed_m_s, self._fps = live, speed_m_s, fps
        self.at_m, self.number = 0.0, 0

    def go(self, seconds: float, colour: tuple[int, int, int] | None = None, **fields: Any) -> None:
        """Drive on, filming."""
        for _ in range(round(seconds * self._fps)):
            time.sleep(1 / self._fps)
            self.at_m += self._speed_m_s / self._fps
            self.number += 1
            self._live.submit(picture(self.number, colour), distance_m=self.at_m, **fields)
            until(lambda: self._live.stream.accounting.in_flight == 0)  # on a busy machine it drives slower instead of losing frames

    def blind(self, seconds: float) -> None:
        """Drive on without pictures."""
        for _ in range(round(seconds * self._fps)):
            time.sleep(1 / self._fps)
            self.at_m += self._speed_m_s / self._fps
            self._live.odometer.push(self.at_m)


def in_real_time(test: Callable[..., None]) -> Callable[..., None]:
    """For a test of times and places that a machine which stands still for a second spoils: it fails if it does so three times."""

    @functools.wraps(test)
    def tried(*, tmp_path: Path, **fixtures: Any) -> None:
        for number in (1, 2):
            (folder := tmp_path / f"try{number}").mkdir()
            try:
                test(tmp_path=folder, **fixtures)
            except Exception as error:
                print(f"try {number}: {error}")
            else:
                return
        test(tmp_path=tmp_path, **fixtures)

    return tried


def ready(live: LiveInspection) -> LiveInspection:
    assert live.wait_ready(30)
    return live


def observed(live: LiveInspection, num: int) -> None:
    until(lambda: live.status.observations >= num)
