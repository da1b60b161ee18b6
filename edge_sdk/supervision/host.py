"""The machine as far as it matters to a run that goes on: free disk, temperature, and which boot this is."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

THERMAL = Path("/sys/class/thermal")
HOT_TRIPS = ("passive", "hot", "critical")  # where the kernel begins to throttle, warns, and switches off (thermal/sysfs-api)
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
ABSOLUTE_ZERO_MC, MOLTEN_MC = -273_150, 300_000  # zones without a sensor answer with nonsense


class Host(NamedTuple):
    """`temperature_c` is the hottest zone's; `hot_zone` says which one is at its trip point, None if none is. None: not told here."""

    disk_free_bytes: int | None = None
    temperature_c: float | None = None
    hot_zone: str | None = None


def look_at_host(folder: Path | None, *, thermal: Path = THERMAL) -> Host:
    """Read the machine now; a few small files, no waiting.

    Args:
        folder: Where the run writes; None if it does not.
        thermal: The kernel's folder of thermal zones.
    """
    zones = list(_zones(thermal))
    hot = next((f"{name}: {degrees:.0f} °C, throttles from {trip:.0f} °C" for name, degrees, trip in zones if degrees >= trip), None)
    return Host(_free_bytes(folder), max((degrees for _, degrees, _ in zones), default=None), hot)


def boot_id() -> str:
    """The kernel's name of this boot, empty where it has none."""
    return _text(BOOT_ID)


def start_ticks(pid: int | str) -> int | None:
    """When a process began, in clock ticks since boot: with its number it names one process for good. None if there is none.

    Field 22 of /proc/<pid>/stat (proc(5)), counted behind the name, which may hold spaces and brackets.
    """
    with suppress(IndexError, ValueError):
        return int(_text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()[19])
    return None


def pid_namespace() -> str:
    """Where process numbers hold: a container has its own."""
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def _zones(thermal: Path) -> Iterator[tuple[str, float, float]]:
    """Name, °C, and the lowest trip point (infinite if it has none) of each zone that measures."""
    for zone in sorted(thermal.glob("thermal_zone*")):
        with suppress(ValueError):
            millidegrees = int(_text(zone / "temp"))
            if ABSOLUTE_ZERO_MC < millidegrees < MOLTEN_MC:
                yield _text(zone / "type") or zone.name, millidegrees / 1e3, min(_trips(zone), default=float("inf"))


def _trips(zone: Path) -> Iterator[float]:
    for kind in zone.glob("trip_point_*_type"):
        if _text(kind) in HOT_TRIPS:
            with suppress(ValueError):
                degrees = int(_text(kind.with_name(kind.name.replace("_type", "_temp")))) / 1e3
                if degrees > 0:  # a trip point that is switched off
                    yield degrees


def _free_bytes(folder: Path | None) -> int | None:
    if folder is None:
        return None
    with suppress(OSError):
        disk = os.statvfs(folder)
        return disk.f_bavail * disk.f_frsize
    return None


def _text(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8").strip()
    return ""
