"""Power as the board tells it: tegrastats on a Jetson, NVML (through nvidia-smi) on a GPU, RAPL on a processor that lets us read it.

Each names what it covers, since a Jetson's input rail and a GPU's board power are different things. None of them: not measured.
"""

import re
import shutil
import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import numpy as np

RAPL = Path("/sys/class/powercap/intel-rapl:0")
PERIOD_MS = 100
INPUT_RAILS = ("VDD_IN", "VIN_SYS_5V0", "VIN", "POM_5V_IN", "SYS5V")  # Orin and Nano; Thor; Xavier and older
NONE_TELLS = "this machine shows no power: no tegrastats, no NVIDIA GPU, and RAPL cannot be read (on a PC: as root)"


class Energy(NamedTuple):
    """Mean power in watts over the seconds measured, how many readings, and what it covers."""

    mean_w: float
    seconds: float
    readings: int
    covers: str

    @property
    def joules(self) -> float:
        """Energy."""
        return self.mean_w * self.seconds


class PowerMeter:
    """Reads power inside `with`; `energy` afterwards, None where nothing tells."""

    def __init__(self) -> None:
        self._source = power_source()
        self._watts: list[float] = []
        self._process: subprocess.Popen[str] | None = None
        self._thread: threading.Thread | None = None
        self._begin_s = self._begin_uj = 0.0
        self.energy: Energy | None = None

    def __enter__(self) -> "PowerMeter":
        self._begin_s, self._begin_uj = time.monotonic(), _rapl_uj() or 0.0
        if self._source in COMMANDS:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                COMMANDS[self._source], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            self._thread = threading.Thread(target=self._read, daemon=True)
            self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        seconds = time.monotonic() - self._begin_s
        if self._process is not None and self._thread is not None:
            self._process.terminate()
            self._process.wait(5)
            self._thread.join(5)
            if self._process.stdout is not None:
                self._process.stdout.close()
            if self._watts:
                self.energy = Energy(float(np.mean(self._watts)), seconds, len(self._watts), COVERS[self._source or ""])
        elif self._source == "rapl" and (now_uj := _rapl_uj()) is not None and now_uj > self._begin_uj:  # it wraps around
            self.energy = Energy((now_uj - self._begin_uj) / 1e6 / seconds, seconds, 2, COVERS["rapl"])

    def _read(self) -> None:
        assert self._process is not None and self._process.stdout is not None
        parse = watts_from_tegrastats if self._source == "tegrastats" else watts_from_nvidia_smi
        for line in self._process.stdout:
            if (watts := parse(line)) is not None:
                self._watts.append(watts)


COMMANDS: dict[str | None, list[str]] = {
    "tegrastats": ["tegrastats", "--interval", str(PERIOD_MS)],
    "nvidia-smi": ["nvidia-smi", "--query-gpu=power.draw", "--format=csv,noheader,nounits", "-i", "0", "-lms", str(PERIOD_MS)],
}
COVERS = {
    "tegrastats": "the board's input rail (tegrastats)",
    "nvidia-smi": "the GPU board alone (NVML)",
    "rapl": "the processor package alone (RAPL)",
}


def power_source() -> str | None:
    """What this machine tells its power by."""
    if shutil.which("tegrastats"):
        return "tegrastats"
    if shutil.which("nvidia-smi"):
        return "nvidia-smi"
    return "rapl" if _rapl_uj() is not None else None


def watts_from_tegrastats(line: str) -> float | None:
    """The input rail's present power of a line of tegrastats (`VDD_IN 4512mW/4480mW`, on older ones without units), in watts."""
    for rail in INPUT_RAILS:
        found = re.search(rf"\b{rail} (\d+)(?:mW)?/\d+", line)
        if found:
            return int(found[1]) / 1000
    return None


def watts_from_nvidia_smi(line: str) -> float | None:
    """The number nvidia-smi prints; None for `[N/A]`."""
    try:
        return float(line)
    except ValueError:
        return None


def _rapl_uj() -> float | None:
    try:
        return float((RAPL / "energy_uj").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
