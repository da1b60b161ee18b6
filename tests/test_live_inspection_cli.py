"""Live runs as a user and a service manager start, kill, stop and read them."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from camera.servers import MjpegServer
from edge_sdk.cli import main
from edge_sdk.journal.inspection import inspection_from_journal
from edge_sdk.records import inspection_from_json
from edge_sdk.supervision import read_status
from live_fakes import until

ROOT = Path(__file__).parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "OMP_NUM_THREADS": "1"}
COUNTING = """
import itertools, sys, time
for i in itertools.count():
    with open(sys.argv[1], "a") as file:
        print(i, 10 + i / 100, sep=",", file=file)
    time.sleep(0.05)
"""


@contextmanager
def process(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    child = subprocess.Popen(
        [sys.executable, *map(str, arguments)], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def test_what_was_acknowledged_before_a_kill_is_in_the_report(
    bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with process(ROOT / "tests" / "live_child.py", bundle_path, trust, tmp_path / "run") as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(2)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().split()

    code = main(["report", str(tmp_path / "run")])

    out, err = capfd.readouterr()
    inspection = inspection_from_json((tmp_path / "run" / "report.json").read_bytes())
    assert set(told) <= {item.observation_id for item in inspection.observations} and len(told) >= 2
    assert (code, inspection.status) == (1, "recovered") and inspection.coverage.gaps[-1].reason == "crashed"
    assert inspection.coverage.gaps[-1].from_m == pytest.approx(inspection.coverage.to_m or 0.0, abs=0.02)
    assert out.count("SEWER-ML RB") >= 2 and "Traceback" not in err
    for item in inspection.observations:
        assert item.picture is None or (tmp_path / "run" / item.picture.path).is_file()
    assert main(["status", str(tmp_path / "run")]) == 1, "whoever wrote the status is gone"


@pytest.mark.slow
def test_a_stream_over_http_is_stopped_restarted_and_stalled_and_ctrl_c_ends_the_run_well(
    bundle_path: Path, trust: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with MjpegServer(login="crawler:s3cret") as server, free_port() as port:
        url = server.url.replace("http://", "http://crawler:s3cret@")
        options = ["--bundle", bundle_path, "--trust", trust, "--out", out, "--metrics", str(port), "--status", "--json-logs"]
        with process("-m", "edge_sdk.cli", "run", url, *options) as child:
            until(lambda: frames_seen(out) > 20)
            text = fetched(port, "/metrics")
            assert "edge_sdk_frames_received_total" in text and "s3cret" not in text
            server.stop()
            until(lambda: camera(out).state == "offline")
            assert main(["status", str(out)]) == 1, "degraded: no camera"
            server.start()
            until(lambda: camera(out).state == "online" and camera(out).reconnects == 1)
            server.stall()
            until(lambda: camera(out).state == "offline")
            server.resume()
            until(lambda: camera(out).state == "online" and camera(out).reconnects == 2)
            seen = frames_seen(out)
            until(lambda: frames_seen(out) > seen)
            child.send_signal(signal.SIGINT)
            stdout, stderr = child.communicate(timeout=30)

    inspection = inspection_from_json((out / "report.json").read_bytes())
    assert (child.returncode, inspection.status) == (0, "complete"), stderr
    assert [gap.reason for gap in inspection.coverage.gaps].count("camera_lost") >= 2
    assert "s3cret" not in stdout + stderr + (out / "report.html").read_text() and "Traceback" not in stderr
    assert read_status(out).state == "FINALIZED"


def test_a_stream_over_http_is_inspected_for_a_while(
    bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    counter = tmp_path / "counter.csv"
    counter.write_text("time_s,distance_m\n0,7.0\n")
    with MjpegServer() as server:
        wheels = subprocess.Popen([sys.executable, "-c", COUNTING, str(counter)])
        options = ["--bundle", str(bundle_path), "--trust", str(trust), "--out", str(tmp_path / "run"), "--odometer", str(counter)]
        for seconds in ("3", "30"):  # a busy machine may need three to begin
            code = main(["run", server.url, *options, "--duration", seconds, "--threads", "1", "--overwrite"])
            inspection = inspection_from_journal(tmp_path / "run")
            if inspection.accounting.processed > 10:
                break
        wheels.kill()
        wheels.wait()

    err = capfd.readouterr().err
    assert code == 0 and inspection.status == "complete" and inspection.accounting.processed > 10, err
    assert inspection.basis == "distance" and inspection.coverage.from_m is not None and inspection.coverage.from_m >= 10
    assert inspection.source.name == server.url and "report.html" in err and main(["report", str(tmp_path / "run")]) == 0


def test_a_folder_in_use_and_wrong_input_are_one_line(
    bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    options = ["--bundle", str(bundle_path), "--trust", str(trust), "--out", str(tmp_path / "run"), "--duration", "1"]
    film, url = str(tmp_path / "film.mp4"), "http://user:pw1234@127.0.0.1:9/"
    from edge_sdk.journal.lock import FolderLock

    (tmp_path / "run").mkdir()
    lock = FolderLock(tmp_path / "run")
    for arguments, said in (
        ([url, *options, "--overwrite"], "another process is writing this run"),
        ([url, film, *options], "give one film or folder, or one to four cameras"),
        ([url] * 5 + options, "5 cameras; give 1 to 4"),
        (["rtsp://", *options], "no host"),
        ([url, *options, "--odometer", str(tmp_path / "absent.csv")], "absent.csv: No such file"),
    ):
        assert main(["run", *arguments]) == 1
        err = capfd.readouterr().err
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and said in errors[0] and "pw1234" not in err and "Traceback" not in err, err
    lock.release()


def camera(out: Path):
    return read_status(out).cameras[0]


def frames_seen(out: Path) -> int:
    return read_status(out).frames.processed if (out / "status.json").exists() else 0


@contextmanager
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    yield port


def fetched(port: int, path: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        text = b""
        while data := connection.recv(65536):
            text += data
    assert re.match(rb"HTTP/1\.\d 200", text)
    return text.decode()
