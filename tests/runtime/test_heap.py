"""What was freed goes back to the system."""

import ctypes
import platform
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from edge_sdk.runtime import heap
from edge_sdk.runtime.heap import return_freed_memory

HOLDS = """
import re
from pathlib import Path
from edge_sdk.runtime.heap import return_freed_memory

def rss_mb():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e3

blocks = [bytes([i % 256]) * 60_000 for i in range(2000)]  # 120 MB, each below the size that is mapped on its own
last = bytes(60_000)  # above them: without it the heap would shrink by itself
del blocks
before = rss_mb()
return_freed_memory()
print(before, rss_mb(), len(last))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc" or not Path("/proc/self/status").exists(), reason="malloc_trim is glibc's")
def test_freed_memory_that_the_process_holds_is_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOLDS], check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=120
    )

    before_mb, after_mb = map(float, re.findall(r"[\d.]+", done.stdout)[:2])
    assert before_mb - after_mb > 60, done.stdout


def test_a_c_library_without_the_call_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())

    return_freed_memory()


def test_memory_is_given_back_while_something_runs_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    enough, before = threading.Semaphore(0), threading.active_count()
    monkeypatch.setattr(heap, "return_freed_memory", enough.release)

    with heap.returning_freed_memory():
        assert all(enough.acquire(timeout=60) for _ in range(3))

    assert threading.active_count() == before


def test_what_runs_meanwhile_may_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()

    with pytest.raises(ValueError, match="mine"), heap.returning_freed_memory():
        raise ValueError("mine")

    assert threading.active_count() == before


def test_where_there_is_no_thread_to_be_had_it_is_given_back_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str] = []
    monkeypatch.setattr(heap, "return_freed_memory", lambda: given.append("at the end"))

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with heap.returning_freed_memory():
        given.append("ran")

    assert given == ["ran", "at the end"]
