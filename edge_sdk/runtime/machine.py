"""Which machine this is, as far as a figure measured on it goes: processor, cores at hand, GPU driver, Jetson release."""

import hashlib
import platform
from pathlib import Path

from edge_sdk.cores import usable_cores

_PROCESSOR_KEYS = ("model name", "CPU implementer", "CPU part", "Hardware", "Model")
_FILES = ("/proc/driver/nvidia/version", "/etc/nv_tegra_release", "/proc/device-tree/model")


def fingerprint() -> str:
    """A digest that changes with the processor, the number of cores this process may use, the GPU driver and the Jetson release."""
    parts = [platform.machine(), str(usable_cores()), *_processor(), *map(_text, _FILES)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def is_x86() -> bool:
    """Whether the processor is of the x86 family (with its own flavour of int8)."""
    return platform.machine().lower() in {"x86_64", "amd64", "i686", "i386"}


def version_of(*distributions: str) -> str:
    """Versions of installed packages, read without importing them; those that are missing count as `none`."""
    from importlib import metadata  # with a mail parser in tow; asked for only where something was measured or tried

    installed = {item.metadata["Name"]: item.version for name in distributions for item in metadata.distributions(name=name)}
    return ", ".join(f"{name} {installed.get(name, 'none')}" for name in distributions)


def _processor() -> list[str]:
    return sorted({line for line in _text("/proc/cpuinfo").splitlines() if line.partition(":")[0].strip() in _PROCESSOR_KEYS})


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
