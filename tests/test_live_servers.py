"""`sewer-edge run` on the streams of real servers that freeze, die and come back, while our process goes on."""

import csv
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest

from camera.real_servers import LOGIN, FfmpegHttpServer, GstRtspServer, RealServer, has_ffmpeg, has_gst_rtsp_server
from edge_sdk.records import inspection_from_json
from edge_sdk.supervision import read_status
from edge_sdk.supervision.status_file import Status
from live_fakes import until

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SPEED_M_S, NO_FRAME_S, FROZEN_S = 0.2, 1.0, 4.0
SERVERS = [
    pytest.param(GstRtspServer, marks=pytest.mark.skipif(not has_gst_rtsp_server(), reason="needs gir1.2-gst-rtsp-server-1.0")),
    pytest.param(FfmpegHttpServer, marks=pytest.mark.skipif(not has_ffmpeg(), reason="needs ffmpeg")),
]


@contextmanager
def wheels(path: Path) -> Iterator[None]:
    """Another program that appends the counter's readings."""
    ended, begun_s = threading.Event(), time.monotonic()

    def count() -> None:
        while not ended.wait(0.05):
            driven_s = time.monotonic() - begun_s
            with path.open("a", encoding="utf-8") as file:
                csv.writer(file).writerow([f"{driven_s:.3f}", f"{10 + SPEED_M_S * driven_s:.4f}"])

    path.write_text("time_s,distance_m\n0,10.0\n", encoding="utf-8")
    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def running(url: str, *options: str | Path) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "edge_sdk.cli", "run", url, *map(str, options)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def status(out: Path) -> Status | None:
    return read_status(out) if (out / "status.json").exists() else None


def is_online(out: Path, reconnects: int) -> bool:
    known = status(out)
    return known is not None and (known.cameras[0].state, known.cameras[0].reconnects) == ("online", reconnects)


def is_offline(out: Path) -> bool:
    known = status(out)
    return known is not None and known.cameras[0].state == "offline"


def more_frames(out: Path, num: int) -> None:
    seen = read_status(out).frames.processed
    until(lambda: read_status(out).frames.processed >= seen + num)


def took_s(condition: object) -> float:
    begin_s = time.monotonic()
    until(condition)  # type: ignore[arg-type]
    return time.monotonic() - begin_s


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_freezes_dies_and_comes_back_leaves_gaps_and_one_run(
    kind: type[RealServer], bundle_path: Path, trust: Path, tmp_path: Path
) -> None:
    out, counter = tmp_path / "run", tmp_path / "counter.csv"
    options = ["--bundle", bundle_path, "--trust", trust, "--out", out, "--odometer", counter, "--no-frame", str(NO_FRAME_S)]
    options += ["--status", "--json-logs", "--threads", "1", "--metrics", str(port := free_port())]
    with wheels(counter), kind() as server, running(server.url, *options) as child:
        until(lambda: is_online(out, 0))
        more_frames(out, 25)

        server.freeze()
        frozen_s = took_s(lambda: is_offline(out))
        time.sleep(FROZEN_S)
        server.thaw()
        thawed_s = took_s(lambda: is_online(out, 1))
        more_frames(out, 25)

        server.kill()
        killed_s = took_s(lambda: is_offline(out))
        server.start()
        started_s = took_s(lambda: is_online(out, 2))
        more_frames(out, 25)

        assert child.poll() is None, "the same process all along"
        told = metrics(port) + status_text(out)
        assert "edge_sdk_camera_reconnects_total" in told and "online" in told
        child.send_signal(signal.SIGTERM)
        stdout, stderr = child.communicate(timeout=60)

    print(f"{kind.__name__}: noticed after {frozen_s:.1f} s (frozen), {killed_s:.1f} s (dead); back {thawed_s:.1f} s, {started_s:.1f} s")
    inspection = inspection_from_json((out / "report.json").read_bytes())
    assert (child.returncode, inspection.status) == (130, "interrupted"), stderr
    lost = [gap for gap in inspection.coverage.gaps if gap.reason == "camera_lost"]
    assert len(lost) >= 2 and any(gap.to_s - gap.from_s >= FROZEN_S for gap in lost), lost
    for gap in lost[-2:]:
        assert gap.from_m is not None and gap.to_m is not None and gap.to_m > gap.from_m
        assert gap.to_m - gap.from_m == pytest.approx(SPEED_M_S * (gap.to_s - gap.from_s), abs=0.15)
    assert inspection.accounting.received == inspection.accounting.processed + sum(inspection.accounting.dropped.values())
    assert any("came back: 2" in notice for notice in inspection.notices), inspection.notices
    assert "Traceback" not in stderr
    no_password(stdout + stderr + told, out)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def status_text(out: Path) -> str:
    command = [sys.executable, "-m", "edge_sdk.cli", "status", str(out)]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True).stdout


def metrics(port: int) -> str:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
        return str(page.read().decode())


def no_password(said: str, out: Path) -> None:
    """In nothing that was said or written, in no form in which it could be read."""
    secret = re.compile(rb"s3cret|czNjcmV0")
    assert not secret.search(said.encode())
    files = [path for path in out.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"journal.sqlite", "status.json", "report.html", "report.json"}
    assert LOGIN[1].startswith("s3cret")
    for path in files:
        assert not secret.search(path.read_bytes()), path
