"""Prometheus' text format, version 0.0.4, as far as counters, gauges and histograms go (prometheus.io, exposition formats)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
NO_LABELS: Mapping[str, str] = {}


class Sample(NamedTuple):
    """One line: the family's name plus `suffix`, labels, value."""

    value: float
    labels: Mapping[str, str] = NO_LABELS
    suffix: str = ""


class Family(NamedTuple):
    """A metric with all its samples."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    samples: Sequence[Sample]


def text_from_families(families: Iterable[Family]) -> str:
    """What a scrape gets."""
    return "".join(map(_family, families))


def _family(family: Family) -> str:
    lines = [f"# HELP {family.name} {_escaped(family.help)}", f"# TYPE {family.name} {family.kind}"]
    lines += [f"{family.name}{sample.suffix}{_labels(sample.labels)} {_number(sample.value)}" for sample in family.samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs = (f"{name}=" + '"' + _escaped(value).replace('"', r"\"") + '"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    """Shortest form that reads back the same; the format has its own words for what is not finite."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
