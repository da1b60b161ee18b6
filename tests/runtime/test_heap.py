"""What was freed goes back to the system."""

import ctypes
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

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
