"""How a machine is at one instant: load, clocks, temperature, throttling. Taken before and after each measurement.

Two machines that are alike by their fingerprint give other numbers when one is hot or busy; the records say so.
"""

import os
import threading
from pathlib import Path

import msgspec

from benchmarks.fingerprint import text_of

ZONES = "/sys/class/thermal"
THROTTLES = "/sys/devices/system/cpu"
TOO_BUSY = 0.5  # of the cores: above that a time says more of the neighbours than of us


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`load` is the mean number of runnable threads over the last minute, `threads` those of this process.

    `clock_mhz` is the mean over the cores, `temperature_c` the hottest zone, `throttled` how often cores were slowed down since the
    machine started; None where it does not tell.
    """

    load: float
    threads: int
    clock_mhz: int | None
    temperature_c: float | None
    throttled: int | None


def state() -> State:
    """Now."""
    return State(
        load=round(os.getloadavg()[0], 2),
        threads=_threads(),
        clock_mhz=_clock_mhz(),
        temperature_c=_temperature_c(Path(ZONES)),
        throttled=_throttled(Path(THROTTLES)),
    )


def remarks_on(before: State, after: State, *, cores: int) -> tuple[str, ...]:
    """What makes a measurement between two states doubtful, a clause each."""
    remarks = []
    if before.load > TOO_BUSY * cores:
        remarks.append(f"the machine was busy before it began (load {before.load:g} on {cores} cores)")
    if before.throttled is not None and after.throttled is not None and after.throttled > before.throttled:
        remarks.append(f"the processor was throttled {after.throttled - before.throttled} times")
    return tuple(remarks)


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
    """Throttling events of x86 cores, or the present state of a Jetson's cooling devices."""
    counts = [text_of(str(path)).strip() for path in cpus.glob("cpu[0-9]*/thermal_throttle/core_throttle_count")]
    counts += [text_of(str(path)).strip() for path in Path(ZONES).glob("cooling_device*/cur_state")] if not counts else []
    numbers = [int(text) for text in counts if text.isdigit()]
    return sum(numbers) if numbers else None
