"""Which machine and which libraries: what must be equal before two records may stand in one comparison.

Read from files and package records; a graphics library is never imported for its version. What this machine does not tell is None.
"""

import hashlib
import os
import platform
import re
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import cv2
import msgspec
import numpy as np

from edge_sdk.cores import usable_cores
from edge_sdk.doctor.machine import jetpack_of, l4t_release
from edge_sdk.doctor.probe import output_of

CUDA_FILES = ("/usr/local/cuda/version.json", "/usr/local/cuda/version.txt")


class Fingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A machine and its software; None where it does not tell or has none.

    `cpu_flags` is a digest of the processor's feature list, `cores` how many this process may use of the
    `machine_cores`, `governor` who sets the clocks (all of
    them, sorted), `power_mode` what nvpmodel says.
    """

    board: str | None
    architecture: str
    cpu: str
    cpu_flags: str
    cores: int
    machine_cores: int
    governor: str | None
    max_clock_mhz: int | None
    power_mode: str | None
    memory_mb: int
    gpu: str | None
    driver: str | None
    jetpack: str | None
    l4t: str | None
    tensorrt: str | None
    cuda: str | None
    onnxruntime: str | None
    openvino: str | None = None
    numpy: str
    opencv: str
    python: str
    kernel: str


@lru_cache(maxsize=1)
def fingerprint() -> Fingerprint:
    """Of this machine and this interpreter."""
    gpu, driver = _gpu()
    release = l4t_release(text_of("/etc/nv_tegra_release"))
    return Fingerprint(
        board=text_of("/proc/device-tree/model").strip("\0\n ") or None,
        architecture=platform.machine(),
        cpu=_cpu_line("model name") or platform.processor() or platform.machine(),
        cpu_flags=hashlib.sha256((_cpu_line("flags") or _cpu_line("Features") or "").encode()).hexdigest()[:12],
        cores=usable_cores(),
        machine_cores=os.cpu_count() or 1,
        governor=governor(),
        max_clock_mhz=_max_clock_mhz(),
        power_mode=power_mode(),
        memory_mb=_memory_mb(),
        gpu=gpu,
        driver=driver,
        jetpack=jetpack_of(release) if release else None,
        l4t=release,
        tensorrt=_version("tensorrt", "tensorrt_cu12", "tensorrt_cu13"),
        cuda=_cuda(),
        onnxruntime=_version("onnxruntime", "onnxruntime-gpu"),
        openvino=_version("openvino"),
        numpy=np.__version__,
        opencv=cv2.__version__,
        python=".".join(map(str, sys.version_info[:3])),
        kernel=platform.release(),
    )


def governor() -> str | None:
    """The clock governors of all cores, sorted; None where the machine does not show them."""
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
    return ", ".join(sorted({text_of(str(path)).strip() for path in files} - {""})) or None


def power_mode() -> str | None:
    """What nvpmodel says on a Jetson."""
    found = re.search(r"NV Power Mode:\s*(\S+)", output_of("nvpmodel", "-q") or "")
    return found[1] if found else None


def text_of(path: str) -> str:
    """A file's text, empty where there is none."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _cpu_line(key: str) -> str | None:
    found = re.search(rf"^{key}\s*:\s*(.+)$", text_of("/proc/cpuinfo"), re.MULTILINE)
    return " ".join(sorted(found[1].split())) if found and key != "model name" else found[1].strip() if found else None


def _max_clock_mhz() -> int | None:
    files = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq")
    return max((int(text) // 1000 for text in (text_of(str(path)).strip() for path in files) if text.isdigit()), default=None)


def _memory_mb() -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB", text_of("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) // 1024 if found else 0


def _gpu() -> tuple[str | None, str | None]:
    """Name and driver of the first GPU: nvidia-smi's where there is one; a Jetson's GPU is named by its board."""
    said = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    name, _, driver = (said or "").partition("\n")[0].partition(", ")
    return name or None, driver or None


def _cuda() -> str | None:
    for path in CUDA_FILES:
        found = re.search(r"(\d+\.\d+(?:\.\d+)?)", text_of(path))
        if found:
            return found[1]
    return _version("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu12")


def _version(*names: str) -> str | None:
    found = [f"{name} {item.version}" if len(names) > 1 else item.version for name in names for item in metadata.distributions(name=name)]
    return ", ".join(sorted(set(found))) or None
