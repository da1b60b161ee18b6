"""What on-screen text says: counters, dates, pipe names and phrases of several languages, and square signs beyond Latin."""

import numpy as np

_STREETS = ("NORD", "A12", "K104", "S-220", "BROND 7", "R31", "VEST", "D41", "MH 12", "W2-15", "Y503", "DN300")
_PHRASES: tuple[tuple[str, ...], ...] = (
    ("Haltung 1204-1205", "Datum", "Schacht 17", "Beton DN 300", "in Fliessrichtung", "Rohranfang", "Hauptstrasse", "Steinzeug"),
    ("Ledning 4-5", "Dato", "Brond 22", "Medstroms", "Modstroms", "Beton 250 mm", "Startbrond", "Regnvand"),
    ("MH-14 to MH-15", "Date", "Upstream", "Downstream", "VCP 8 in", "Start node", "Pipe ID 33", "O:Z_WIDE   Z: 1X", "P: 0.00PSI"),
    ("Troncon R4-R5", "Regard 12", "Sens aval", "Beton 400", "Eaux usees", "Debut", "Rue du Nord"),
)
_FINDINGS = ("Riss", "Wurzeln", "Anschluss", "revne", "rodder", "aflejring", "crack", "root", "lateral", "debris", "fissure", "racines")
_FINDING_SHARE = 0.03


def draw_texts(rng: np.random.Generator) -> list[str]:
    """Six lines, the chainage first where the screen shows one; nothing in them depends on the scene."""
    if rng.random() < 0.22:
        return _square_texts(rng)
    phrases = _PHRASES[int(rng.integers(len(_PHRASES)))]
    street = f"{_STREETS[int(rng.integers(len(_STREETS)))]} - {rng.integers(100, 999)}"
    chosen = [phrases[int(i)] for i in rng.choice(len(phrases), 2, replace=False)]
    if rng.random() < _FINDING_SHARE:
        chosen[0] = _FINDINGS[int(rng.integers(len(_FINDINGS)))]
    return [_chainage(rng), *(str(t) for t in rng.permutation([_day(rng), _clock(rng), street, *chosen]))]


def _square_texts(rng: np.random.Generator) -> list[str]:
    signs = ["".join(chr(0x4E00 + int(c)) for c in rng.integers(0, 0x5000, int(rng.integers(3, 9)))) for _ in range(4)]
    value = f"{rng.uniform(0, 80):.2f}m"
    return [f"{signs[0]}:{value}", f"{signs[1]}:{_day(rng)}", f"{signs[2]}:DN{rng.integers(2, 13) * 100}", signs[3], _clock(rng), signs[1]]


def _chainage(rng: np.random.Generator) -> str:
    form = ("{:.1f}m", "{:.2f}m", "{:.2f} m", "D:{:.1f}M", "{:07.2f}", "+{:.1f} ft")[int(rng.integers(6))]
    return form.format(rng.uniform(0, 80))


def _day(rng: np.random.Generator) -> str:
    day, month, year = int(rng.integers(1, 29)), int(rng.integers(1, 13)), int(rng.integers(1998, 2026))
    forms = (f"{day:02d}.{month:02d}.{year % 100:02d}", f"{year}-{month:02d}-{day:02d}", f"{day:02d}/{month:02d}/{year}")
    return forms[int(rng.integers(3))]


def _clock(rng: np.random.Generator) -> str:
    return f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}:{rng.integers(0, 60):02d}"
