"""The status file and `sewer-edge status`: what is alive, what was left behind, and nothing half-written."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec
import pytest

from edge_sdk.cli import main
from edge_sdk.supervision.degradation import Degradation
from edge_sdk.supervision.host import Host
from edge_sdk.supervision.snapshot import CameraSnapshot, JournalSnapshot, Snapshot
from edge_sdk.supervision.status_file import FILE, Status, judge, read_status, write_status
from edge_sdk.supervision.status_text import status_text
from edge_sdk.supervision.status_writer import StatusWriter

ROOT = Path(__file__).parents[2]
CHILD = """
import sys, time
from pathlib import Path
from edge_sdk.supervision import CameraSnapshot, Snapshot, Supervisor
look = lambda: Snapshot(phase="running", self_test_passed=True, cameras=(CameraSnapshot("rtsp://a:secret@h/", "online", 5.0),))
with Supervisor(look, run_dir=Path(sys.argv[1])):
    sys.stdin.read()
"""


@pytest.fixture
def status(running: Snapshot) -> Status:
    writer = StatusWriter(None)
    return writer.status(running, Host(5 << 30, 61.0), state="ACTIVE", level="OK", lacking=(), result_age_s=0.05, progress_age_s=0.01)


def test_a_status_reads_back_and_no_credential_is_in_it(status: Status, tmp_path: Path) -> None:
    write_status(tmp_path, status)
    assert read_status(tmp_path) == status
    text = (tmp_path / FILE).read_text()
    assert "secret" not in text and "10.0.0.2" in text and [path.name for path in tmp_path.iterdir()] == [FILE]


def test_a_reader_never_sees_half_a_status(status: Status, tmp_path: Path) -> None:
    write_status(tmp_path, status)
    done = threading.Event()
    long = msgspec.structs.replace(status, model="m" * 200_000)

    def write() -> None:
        while not done.is_set():
            write_status(tmp_path, long)
            write_status(tmp_path, status)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        seen = {len(read_status(tmp_path).model) for _ in range(300)}
    finally:
        done.set()
        writer.join()
    assert seen <= {len(status.model), 200_000}


def test_verdicts(status: Status) -> None:
    def verdict(seconds_ago: float = 0.0, **change: object):
        process = msgspec.structs.replace(status.process, **{k: v for k, v in change.items() if hasattr(status.process, k)})
        rest = {k: v for k, v in change.items() if not hasattr(status.process, k)}
        written = msgspec.structs.replace(status, process=process, monotonic_s=time.monotonic() - seconds_ago, **rest)
        found = judge(written)
        return found, status_text(written, found).splitlines()[0]

    found, line = verdict()
    assert found.healthy and "ACTIVE (OK)" in line
    found, line = verdict(level="WARN", state="DEGRADED")
    assert not found.healthy and not found.stale and "DEGRADED (WARN)" in line
    found, line = verdict(5.0)
    assert (found.stale, found.gone, found.healthy) == (True, False, False) and "STALE" in line
    found, line = verdict(start_ticks=(status.process.start_ticks or 0) + 1)  # the number was given to another process
    assert found.gone and not found.healthy and "GONE" in line
    found, line = verdict(pid=2**22 + 7)
    assert found.gone
    found, line = verdict(pid=2**22 + 7, pid_namespace="pid:[1]")  # in a container, seen from outside
    assert found.healthy
    found, line = verdict(boot_id="another")
    assert (found.gone, found.stale, found.age_s) == (True, True, None) and "earlier boot" in line
    found, line = verdict(state="FINALIZED")
    assert found.ended and not found.healthy and "ended" in line


def test_the_text_says_everything_and_nothing_that_moves_the_cursor(running: Snapshot) -> None:
    cameras = (CameraSnapshot("x\x1b[2J\nstate  ACTIVE", "offline", None, 3, 0, ("black",)),)
    snapshot = Snapshot(
        phase="running", self_test_passed=True, cameras=cameras, journal=JournalSnapshot("warn", "no room", 4, 5_000_000),
        chainage_m=12.345, accounting=running.accounting, model="tiny 1", observations=6,
    )  # fmt: skip
    lacking = [Degradation("camera_offline", "WARN", "camera 0 of 1 gives no frames", time.monotonic() - 200)]
    status = StatusWriter(None).status(
        snapshot, Host(2 << 30, 88.0), state="DEGRADED", level="WARN", lacking=lacking, result_age_s=None, progress_age_s=0.1
    )
    text = status_text(status, judge(status))

    assert "\x1b" not in text and sum(line.startswith("state") for line in text.splitlines()) == 1
    for words in (
        "camera_offline for 3 min",
        "12.35 m",
        "no room, 4 waiting, 5.0 MB",
        "2 superseded",
        "none yet",
        "88 °C",
        "6 observations",
    ):
        assert words in text, text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "not a status file"),
        (b'{"schema_version": 1}', "not a status file"),
        (b"[" * 100_000, "not a status file"),
        (b"\xff\xfe", "not a status file"),
        (b" " * ((1 << 20) + 1), "larger than 1 MiB"),
    ],
)
def test_what_is_no_status_is_one_line(content: bytes | None, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    assert main(["status", str(tmp_path)]) == 1
    out, err = capfd.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1 and words in err


def test_the_verb_follows_a_process_through_its_life_and_death(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE)
    try:
        while not (tmp_path / FILE).exists():
            assert child.poll() is None
            time.sleep(0.02)
        codes = []
        for _ in range(600):  # a machine as busy as ours may let three seconds go by
            codes.append(main(["status"]))
            if codes[-1] == 0:
                break
            time.sleep(0.1)
        assert codes[-1] == 0
        out, _ = capfd.readouterr()
        assert f"ACTIVE (OK), process {child.pid}" in out and "secret" not in out
        assert main(["status", "--json"]) in (0, 1)
        told = json.loads(capfd.readouterr().out)
        assert told["status"]["process"]["pid"] == child.pid and not told["verdict"]["gone"]
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert main(["status", str(tmp_path)]) == 1
    assert "GONE" in capfd.readouterr().out


def test_a_folder_that_cannot_be_written_is_said_once(status: Status, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = StatusWriter(tmp_path / "absent")
    writer.write(status)
    writer.write(status)
    assert [record.levelname for record in caplog.records] == ["WARNING"] and "cannot be written" in caplog.text
    (tmp_path / "absent").mkdir()
    writer.write(status)
    assert read_status(tmp_path / "absent") == status
