"""Names of rows: what tells a record from its neighbours in a table, and what all of them share.

A setting that is the same for all stands once above the table. One that differs stands in every row, whichever it is: two films, code of
two days or a quick look beside a full measurement never look alike.
"""

from collections.abc import Sequence

from benchmarks.record import Measurement, Setting
from benchmarks.words import settings_words

ALWAYS = frozenset(
    {"size", "cameras", "batch", "session_threads", "mode", "observations", "data", "side", "stretch_s"}
)  # a row's own, even alone
FOLLOWS = frozenset({"kind", "workers", "runs_on", "provider", "precision", "reference", "images", "tuned_on"})  # from the rest, mostly
BUNDLE = "bundle"
OF_THE_RUN = frozenset({"kind", "quick", "runs_on", "input", "provider", "precision", "threads", "reference", "split"})  # said elsewhere


def row_names(records: Sequence[Measurement], *, with_name: bool = True) -> list[str]:
    """A name for each record, all different.

    Args:
        records: Of one table.
        with_name: False where the table's head says what the records are.
    """
    varying = _varying(records)
    names = [_name(record, varying - FOLLOWS, with_name=with_name) for record in records]
    for more in (varying - {"kind"}, varying):
        if len(set(names)) < len(names):
            names = [_name(record, more, with_name=with_name) for record in records]
    for tell in (lambda record: record.code, lambda record: f"measured {record.created_utc}"):
        if len(set(names)) < len(names):
            names = [f"{name}, {tell(record)}" if names.count(name) > 1 else name for name, record in zip(names, records, strict=True)]
    if len(set(names)) < len(names):
        names = [f"{name}, no. {i}" for i, name in enumerate(names, start=1)]
    return names


def shared_words(records: Sequence[Measurement]) -> str:
    """What all records that have a setting agree on, `film drive.mp4, camera fps 25`; empty where that is nothing."""
    varying = _varying(records)
    common = {key: value for record in records for key, value in record.settings.items() if key not in varying | ALWAYS | OF_THE_RUN}
    return settings_words(common)


def _varying(records: Sequence[Measurement]) -> frozenset[str]:
    """Settings of which two records state different values; and the bundle, where there are two."""
    seen: dict[str, Setting] = {}
    found = set()
    for record in records:
        for key, value in record.settings.items():
            if seen.setdefault(key, value) != value:
                found.add(key)
    if len({record.bundle.identity for record in records if record.bundle is not None}) > 1:
        found.add(BUNDLE)
    return frozenset(found)


def _name(record: Measurement, varying: frozenset[str], *, with_name: bool) -> str:
    own = settings_words({key: value for key, value in record.settings.items() if key in ALWAYS | varying})
    bundle = record.bundle.identity if record.bundle is not None and BUNDLE in varying else ""
    return ", ".join(part for part in (record.name if with_name or not own else "", own, bundle) if part)
