"""T-SEC5: no listening socket unless asked for; then 127.0.0.1 alone, two pages, read-only, and no client holds it up."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from edge_sdk.errors import InputError
from edge_sdk.supervision.endpoint import MAX_CONNECTIONS, MetricsEndpoint
from live_fakes import keeps_within

ROOT = Path(__file__).parents[2]
CHILD = """
import os, sys, time
from pathlib import Path
from edge_sdk.supervision import Metrics, Notifier, Snapshot, Supervisor, Watchdog, configure_logging

def listening():
    inodes = {os.readlink(f"/proc/self/fd/{fd}")[8:-1] for fd in os.listdir("/proc/self/fd")
              if os.path.lexists(f"/proc/self/fd/{fd}") and os.readlink(f"/proc/self/fd/{fd}").startswith("socket:[")}
    found = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        path = Path(f"/proc/self/net/{kind}")
        for line in path.read_text().splitlines()[1:] if path.exists() else ():
            columns = line.split()
            if columns[9] in inodes and (columns[3] == "0A" or kind.startswith("udp")):
                found.append(f"{kind} {columns[1].split(':')[0]}")
    for line in Path("/proc/self/net/unix").read_text().splitlines()[1:]:
        columns = line.split()
        if columns[6] in inodes and (int(columns[3], 16) & 0x10000 or len(columns) > 7):
            found.append("unix " + " ".join(columns[7:]))
    return found

configure_logging(json=True)
look = lambda: Snapshot(phase="running", self_test_passed=True)
port = None if sys.argv[1] == "default" else 0
with Supervisor(look, run_dir=Path(sys.argv[2]), metrics_port=port, notifier=Notifier.from_environment()) as supervisor:
    while not (Path(sys.argv[2]) / "status.json").exists():
        time.sleep(0.01)
    print(*listening(), "http.server" in sys.modules, sep="\\n")
"""


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    endpoint = MetricsEndpoint(0, metrics=lambda: "edge_sdk_x 1\n", health=lambda: (True, "{}\n"))
    yield endpoint
    endpoint.close()


def answer(endpoint: MetricsEndpoint, method: str, path: str) -> tuple[int, str, str]:
    connection = HTTPConnection("127.0.0.1", endpoint.port, timeout=30)
    connection.request(method, path, body=b"{}" if method == "POST" else None)
    response = connection.getresponse()
    found = (response.status, response.read().decode(), response.getheader("Content-Type") or "")
    connection.close()
    return found


@pytest.mark.parametrize(("asked", "expected"), [("default", ["False"]), ("endpoint", ["tcp 0100007F", "True"])])
def test_only_the_asked_for_socket_listens(asked: str, expected: list[str], tmp_path: Path, manager) -> None:
    import os

    environ = {**os.environ, "NOTIFY_SOCKET": manager.address}
    child = [sys.executable, "-c", CHILD, asked, str(tmp_path)]
    done = subprocess.run(child, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=90, check=True)
    assert done.stdout.split("\n")[:-1] == expected
    assert all(isinstance(json.loads(line), dict) for line in done.stderr.splitlines()), done.stderr
    assert "READY=1" in manager.all_heard()


def test_two_pages_and_nothing_else(endpoint: MetricsEndpoint) -> None:
    assert answer(endpoint, "GET", "/metrics") == (200, "edge_sdk_x 1\n", "text/plain; version=0.0.4; charset=utf-8")
    assert answer(endpoint, "GET", "/healthz") == (200, "{}\n", "application/json")
    for path in ("/", "/metrics/", "/../metrics", "/healthz/x", "/status.json"):
        assert answer(endpoint, "GET", path)[0] == 404
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE"):
        assert answer(endpoint, method, "/metrics")[0] == 405
    assert answer(endpoint, "BREW", "/metrics")[0] == 501


def test_an_unwell_run_answers_503() -> None:
    endpoint = MetricsEndpoint(0, metrics=str, health=lambda: (False, '{"level":"STALE"}\n'))
    assert answer(endpoint, "GET", "/healthz")[:2] == (503, '{"level":"STALE"}\n')
    endpoint.close()


def test_dawdling_clients_are_cut_off_and_hold_up_nobody(endpoint: MetricsEndpoint) -> None:
    idlers = [socket.create_connection(("127.0.0.1", endpoint.port)) for _ in range(MAX_CONNECTIONS)]
    for idler in idlers:
        idler.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
    deadline = time.monotonic() + 30
    while True:  # turned away while all places are taken, served once the idlers are cut off
        try:
            assert answer(endpoint, "GET", "/metrics")[0] == 200
            break
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    for idler in idlers:
        idler.close()


def test_closing_does_not_wait_for_a_client() -> None:
    def closing_s() -> float:
        endpoint = MetricsEndpoint(0, metrics=str, health=lambda: (True, ""))
        idler = socket.create_connection(("127.0.0.1", endpoint.port))
        begin = time.monotonic()
        endpoint.close()
        took_s = time.monotonic() - begin
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", endpoint.port))
        idler.close()
        return took_s

    assert keeps_within(1.5, closing_s)


def test_a_port_that_cannot_be_had_is_one_line(endpoint: MetricsEndpoint) -> None:
    for port in (endpoint.port, 70_000):
        with pytest.raises(InputError, match=f"metrics port {port}: .*; choose another one"):
            MetricsEndpoint(port, metrics=str, health=lambda: (True, ""))
