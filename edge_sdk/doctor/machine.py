"""The machine: GPU driver, Jetson release, power, clocks, memory, disk."""

import os
import platform
import re
import shutil
from pathlib import Path

from edge_sdk.cores import usable_cores
from edge_sdk.doctor.finding import Finding
from edge_sdk.doctor.probe import ask, output_of

DRIVER = "cuda driver"
GB = 1e9
MIN_MEMORY_GB, MIN_DISK_GB = 1.0, 2.0
JETPACKS = (  # first L4T release of each JetPack (JetPack archive; deployment notes, section e)
    ("39.2", "7.2"), ("38.4", "7.1"), ("38.2", "7.0"), ("36.4.3", "6.2"), ("36.4", "6.1"), ("36.3", "6.0"), ("35", "5"),
)  # fmt: skip

_DRIVER = """
import ctypes, json
cuda = ctypes.CDLL("libcuda.so.1")
code = cuda.cuInit(0)
if code:
    raise SystemExit(f"cuInit answers {code}: the driver does not reach a device")
version, count = ctypes.c_int(), ctypes.c_int()
cuda.cuDriverGetVersion(ctypes.byref(version))
cuda.cuDeviceGetCount(ctypes.byref(count))
devices = []
for index in range(count.value):
    name, major, minor = ctypes.create_string_buffer(96), ctypes.c_int(), ctypes.c_int()
    cuda.cuDeviceGetName(name, 96, index)
    cuda.cuDeviceGetAttribute(ctypes.byref(major), 75, index)  # compute capability, cuda.h
    cuda.cuDeviceGetAttribute(ctypes.byref(minor), 76, index)
    devices.append(f"{name.value.decode()} (compute {major.value}.{minor.value})")
print(json.dumps({"version": f"{version.value // 1000}.{version.value % 1000 // 10}", "devices": devices}))
"""


def machine_findings(folder: Path) -> list[Finding]:
    """What this machine is; `folder` is where results would be written."""
    jetson = _jetson()
    return [_processor(), jetson, _driver(is_jetson=jetson.state == "ok"), *_power(), _clocks(), _memory(), _disk(folder)]


def working_folder() -> Path:
    """Where this process works; its mere name where the folder has been deleted under it."""
    try:
        return Path.cwd()
    except OSError:
        return Path(os.environ.get("PWD", "."))


def _processor() -> Finding:
    names = re.findall(r"^model name\s*:\s*(.+)$", _text("/proc/cpuinfo"), re.MULTILINE) or [platform.machine()]
    model = _text("/proc/device-tree/model").strip("\0\n ")
    return Finding(
        "machine", "ok", f"{model or names[0]}, {platform.machine()}, {usable_cores()} cores at hand", "inference without a GPU", True
    )


def _jetson() -> Finding:
    release = l4t_release(_text("/etc/nv_tegra_release")) or _release_by_dpkg()
    purpose = "on a Jetson: which CUDA, TensorRT and OpenCV fit"
    if release is None:
        return Finding("jetpack", "absent", "no Jetson", purpose)
    jetpack = jetpack_of(release)
    return Finding("jetpack", "ok", f"L4T {release}, JetPack {jetpack or 'not known to this version'}", purpose)


def _release_by_dpkg() -> str | None:
    """From the package where the file is missing, as in containers: 36.4.3-2025..."""
    return (output_of("dpkg-query", "--show", "--showformat=${Version}", "nvidia-l4t-core") or "").partition("-")[0] or None


def l4t_release(text: str) -> str | None:
    """L4T's version from /etc/nv_tegra_release: `# R36 (release), REVISION: 4.3, ...` is 36.4.3."""
    found = re.search(r"R(\d+) \(release\), REVISION: ([\d.]+)", text)
    return ".".join(found.groups()) if found else None


def jetpack_of(release: str) -> str | None:
    """The JetPack an L4T release belongs to; None for one older or of a newer line than the table knows."""
    own = _numbers(release)
    known = ((first, jetpack) for first, jetpack in JETPACKS if _numbers(first)[0] == own[0] and _numbers(first) <= own)
    return next((jetpack for _, jetpack in known), None)


def _driver(*, is_jetson: bool) -> Finding:
    purpose = "for TensorRT and ONNX Runtime on CUDA"
    kernel = re.search(r"Kernel Module.*?\s(\d+\.\d+[.\d]*)", _text("/proc/driver/nvidia/version"))
    answer = ask(_DRIVER)
    if answer.value:
        driver = f", driver {kernel[1]}" if kernel else ""
        return Finding(DRIVER, "ok", f"CUDA {answer.value['version']}{driver}: {', '.join(answer.value['devices'])}", purpose)
    if not (is_jetson or kernel or Path("/dev/nvidia0").exists()):
        return Finding(DRIVER, "absent", "no NVIDIA device", purpose)
    remedy = "sudo apt install --reinstall nvidia-l4t-cuda" if is_jetson else "sudo ubuntu-drivers install  # then restart"
    return Finding(DRIVER, "broken", answer.trouble or "no answer", purpose, False, remedy)


def _power() -> list[Finding]:
    if shutil.which("nvpmodel") is None:
        return []
    said = output_of("nvpmodel", "-q") or ""
    mode = re.search(r"NV Power Mode:\s*(\S+)", said)
    remedy = None if mode else "sudo nvpmodel -q"
    return [
        Finding(
            "power mode",
            "ok" if mode else "broken",
            mode[1] if mode else "nvpmodel gives no answer",
            "sets the pace of everything",
            False,
            remedy,
        )
    ]


def _clocks() -> Finding:
    purpose, cores = "for steady latency", sorted(Path("/sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq"))
    if not cores:
        return Finding("clocks", "absent", "this machine does not show them", purpose)
    governors = sorted({_text(str(core / "scaling_governor")).strip() for core in cores} - {""})
    now, top = (max((_number(core / name) for core in cores), default=0) / 1e6 for name in ("scaling_cur_freq", "cpuinfo_max_freq"))
    remedy = "sudo jetson_clocks" if shutil.which("jetson_clocks") and governors != ["performance"] else None
    return Finding("clocks", "ok", f"governor {', '.join(governors) or 'unknown'}, {now:.2f} of {top:.2f} GHz", purpose, False, remedy)


def _memory() -> Finding:
    amounts = {key: int(kb) * 1024 / GB for key, kb in re.findall(r"^(\w+):\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)}
    free = amounts.get("MemAvailable", 0.0)
    found = f"{free:.1f} of {amounts.get('MemTotal', 0.0):.1f} GB free, swap {amounts.get('SwapTotal', 0.0):.1f} GB"
    purpose = "an engine build takes a few GB"
    if free < MIN_MEMORY_GB:
        return Finding("memory", "broken", found, purpose, False, "close other programs; for an engine build add swap")
    return Finding("memory", "ok", found, purpose)


def _disk(folder: Path) -> Finding:
    purpose = "pictures, films, the journal"
    try:
        free = shutil.disk_usage(folder).free / GB
    except OSError as error:
        return Finding("disk", "broken", f"{folder}: {error.strerror}", purpose, False, f"df -h {folder}")
    few = free < MIN_DISK_GB
    found, remedy = f"{free:.1f} GB free in {folder}", f"du -xh --max-depth=2 {folder} | sort -h"
    return Finding("disk", "broken" if few else "ok", found, purpose, False, remedy if few else None)


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", release))


def _number(path: Path) -> int:
    text = _text(str(path)).strip()
    return int(text) if text.isdigit() else 0


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
