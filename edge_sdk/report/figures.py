"""How numbers read on the page: fixed decimals, a real minus sign, and a dash where there is no finite value."""

import math
from datetime import datetime

NOTHING = "–"


def number(value: float | None, decimals: int = 2, *, sign: bool = False) -> str:
    """A number with fixed decimals and thousands set apart; `sign` writes the plus too."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = round(value, decimals) + 0.0  # the addition turns -0.0 into 0.0
    return f"{rounded:{'+' if sign else ''},.{decimals}f}".replace(",", "\u202f").replace("-", "\u2212")


def metres(value: float | None) -> str:
    """Metres to the centimetre, with the unit."""
    text = number(value)
    return text if text == NOTHING else f"{text}\u00a0m"


def metre_range(low: float | None, high: float | None) -> str:
    """`low` to `high` in metres; one figure where there is only one."""
    if low is None and high is None:
        return NOTHING
    if low is None or high is None:
        return metres(high if low is None else low)
    return f"{number(low)} to {metres(high)}"


def film_time(value_s: float) -> str:
    """Film time as m:ss.s, or h:mm:ss.s from an hour on."""
    if not math.isfinite(value_s):
        return NOTHING
    tenths = round(abs(value_s) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{chr(0x2212) if value_s < 0 and tenths else ''}{head}:{rest / 10:04.1f}"


def time_range(from_s: float, to_s: float) -> str:
    """Film time from and to; once where they are equal."""
    start, end = film_time(from_s), film_time(to_s)
    return start if start == end else f"{start} to {end}"


def percent(value: float | None) -> str:
    """A share of 1 as percent, one decimal."""
    text = number(None if value is None else value * 100, 1)
    return text if text == NOTHING else f"{text}\u00a0%"


def count(num: int, noun: str) -> str:
    """`1 frame`, `2 frames`, `12 345 frames`."""
    return f"{number(num, 0)} {noun}{'' if num == 1 else 's'}"


def utc_time(text: str) -> str:
    """An ISO time as `2026-03-14 09:30 UTC`; any other text as it is."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).strftime("%Y-%m-%d %H:%M %Z").strip()
    except ValueError:
        return text
