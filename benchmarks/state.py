"""How a machine is at one instant: load, clocks, temperature, throttling. Taken before and after each measurement.

Two machines that are alike by their fingerprint give other numbers when one is hot or busy; the records say so.
"""

import os
import re
import shutil
import threading
import time
from pathlib import Path
from typing import TypedDict

import msgspec

from benchmarks.fingerprint import text_of
from benchmarks.neighbours import others_core_s
from edge_sdk.doctor.probe import output_of

ZONES = "/sys/class/thermal"
THROTTLES = "/sys/devices/system/cpu"
DEVFREQ = "/sys/class/devfreq"
GPU_DEVICE = re.compile(r"gpu|g[pvab]\d\d?b")
CLOCK_COOLER = re.compile(r"cpu|processor|devfreq|throttl|" + GPU_DEVICE.pattern, re.IGNORECASE)  # a fan or a screen slows nothing down
SMI_QUERY = "clocks.sm,temperature.gpu,clocks_throttle_reasons.active"
# nvidia-smi's bits of what slows a clock; being idle or set by the user is no reason to doubt a time (NVML, nvmlClocksThrottleReasons)
SLOWED_BY = {0x4: "power cap", 0x8: "hardware slowdown", 0x20: "heat", 0x40: "heat (hardware)", 0x80: "power brake"}
TOO_BUSY = 0.5  # load per core, where the machine does not tell what others used: our own work before is in it
OTHERS = 0.1  # of the cores: above that a time says more of the neighbours than of us
LEAST_S = 0.25  # the kernel counts hundredths of a second


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`load` is the mean number of runnable threads over the last minute, `threads` those of this process.

    `clock_mhz` is the mean over the cores, `temperature_c` the hottest zone (on a Jetson the GPU's is among them), `throttled` how often
    cores were slowed down since the machine started; one that does not count that may show by how many steps its clocks are held down for
    heat now, `cooling_steps`. `gpu_slowed_by` names what holds the GPU's clock down, empty where nothing does. `others_core_s` is the work
    of everybody else since the machine started, and `at_s` when that was read (any origin). None where the machine does not tell.
    """

    load: float
    threads: int
    clock_mhz: int | None
    temperature_c: float | None
    throttled: int | None
    gpu_clock_mhz: int | None = None
    gpu_temperature_c: float | None = None
    gpu_slowed_by: str | None = None
    cooling_steps: int | None = None
    others_core_s: float | None = None
    at_s: float | None = None


def state() -> State:
    """Now; some milliseconds of work and on a machine with nvidia-smi a process, so never in the middle of what is timed."""
    return msgspec.structs.replace(glance(), others_core_s=others_core_s(), at_s=time.monotonic(), **_gpu())


def glance() -> State:
    """The part of it that a few small files tell: for a look while something is timed."""
    throttled = _throttled(Path(THROTTLES))
    return State(
        load=round(os.getloadavg()[0], 2),
        threads=_threads(),
        clock_mhz=_clock_mhz(),
        temperature_c=_temperature_c(Path(ZONES)),
        throttled=throttled,
        cooling_steps=cooling_steps(Path(ZONES)) if throttled is None else None,
        gpu_clock_mhz=gpu_clock_mhz(Path(DEVFREQ)),
    )


def remarks_on(before: State, after: State, *, cores: int) -> tuple[str, ...]:
    """What makes a measurement between two states doubtful, a clause each."""
    remarks = [said] if (said := _busy(before, after, cores)) else []
    if before.throttled is not None and after.throttled is not None and after.throttled > before.throttled:
        remarks.append(f"the processor was throttled {after.throttled - before.throttled} times")
    if before.cooling_steps or after.cooling_steps:
        remarks.append(f"clocks were held down for heat: {before.cooling_steps} steps before, {after.cooling_steps} after")
    if after.gpu_slowed_by:
        remarks.append(f"the GPU's clock was held down in the end: {after.gpu_slowed_by}")
    return tuple(remarks)


def cores_of_others(before: State, after: State) -> float | None:
    """Cores that others kept busy between two states; None where the machine does not tell, or the time was too short to say."""
    if before.others_core_s is None or after.others_core_s is None or before.at_s is None or after.at_s is None:
        return None
    seconds = after.at_s - before.at_s
    return max(after.others_core_s - before.others_core_s, 0.0) / seconds if seconds >= LEAST_S else None


def _busy(before: State, after: State, cores: int) -> str | None:
    if before.others_core_s is None:
        busy = before.load > TOO_BUSY * cores
        return f"the machine was busy before it began (load {before.load:g} on {cores} cores)" if busy else None
    others = cores_of_others(before, after)
    return None if others is None or others <= OTHERS * cores else f"the machine was busy: others used {others:.1f} of its {cores} cores"


class GpuState(TypedDict, total=False):
    """The GPU's part of a state."""

    gpu_clock_mhz: int | None
    gpu_temperature_c: float | None
    gpu_slowed_by: str | None


def _gpu() -> GpuState:
    """By nvidia-smi where there is one; a Jetson shows its GPU's clock among the kernel's frequency devices."""
    if not shutil.which("nvidia-smi"):
        return {"gpu_clock_mhz": gpu_clock_mhz(Path(DEVFREQ))}
    said = gpu_state_from_smi(output_of("nvidia-smi", f"--query-gpu={SMI_QUERY}", "--format=csv,noheader,nounits", "-i", "0") or "")
    return said if said.get("gpu_clock_mhz") is not None else {**said, "gpu_clock_mhz": gpu_clock_mhz(Path(DEVFREQ))}


def gpu_state_from_smi(line: str) -> GpuState:
    """A line such as `1410, 41, 0x0000000000000004`; what it does not tell (`[N/A]`) is None."""
    words = [word.strip() for word in line.strip().split(",")]
    if len(words) != len(SMI_QUERY.split(",")):
        return {}
    clock, temperature, reasons = words
    return {
        "gpu_clock_mhz": int(clock) if clock.isdecimal() else None,
        "gpu_temperature_c": float(temperature) if temperature.isdecimal() else None,
        "gpu_slowed_by": _slowed_by(int(reasons, 16)) if reasons.startswith("0x") else None,
    }


def _slowed_by(bits: int) -> str:
    return ", ".join(name for bit, name in SLOWED_BY.items() if bits & bit)


def gpu_clock_mhz(devices: Path) -> int | None:
    """Of a Jetson's integrated GPU; its device is named after the chip (gv11b, ga10b) or `gpu`."""
    clocks = [text_of(str(path)).strip() for path in devices.glob("*/cur_freq") if GPU_DEVICE.search(path.parent.name)]
    return max((int(text) // 1_000_000 for text in clocks if text.isdigit()), default=None)


def _threads() -> int:
    try:
        return len(list(Path("/proc/self/task").iterdir()))
    except OSError:
        return threading.active_count()


def _clock_mhz() -> int | None:
    files = Path(THROTTLES).glob("cpu[0-9]*/cpufreq/scaling_cur_freq")
    clocks = [int(text) for text in (text_of(str(path)).strip() for path in files) if text.isdigit()]
    if clocks:
        return round(sum(clocks) / len(clocks) / 1000)
    seen = [float(line.partition(":")[2]) for line in text_of("/proc/cpuinfo").splitlines() if line.startswith("cpu MHz")]
    return round(sum(seen) / len(seen)) if seen else None


def _temperature_c(zones: Path) -> float | None:
    """The hottest zone; a zone that is switched off reads below -200 or fails."""
    found = []
    for path in zones.glob("thermal_zone*/temp"):
        text = text_of(str(path)).strip()
        if text.lstrip("-").isdigit() and -50_000 < int(text) < 200_000:
            found.append(int(text) / 1000)
    return max(found, default=None)


def _throttled(cpus: Path) -> int | None:
    """Throttling events of x86 cores."""
    counts = [text_of(str(path)).strip() for path in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    numbers = [int(text) for text in counts if text.isdigit()]
    return sum(numbers) if numbers else None


def cooling_steps(zones: Path) -> int | None:
    """Steps by which the kernel holds clocks down for heat just now, over all of a Jetson's cooling devices that do that."""
    coolers = [path for path in zones.glob("cooling_device*") if CLOCK_COOLER.search(text_of(str(path / "type")))]
    steps = [text_of(str(path / "cur_state")).strip() for path in coolers]
    numbers = [int(text) for text in steps if text.isdigit()]
    return sum(numbers) if numbers else None
