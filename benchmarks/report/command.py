"""`report`: tables and one page from records; with a baseline, what became slower.

python -m benchmarks report RESULTS.jsonl... --out DIR [--baseline FILE] [--bundle B ...]
"""

import argparse
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from benchmarks.errors import BenchmarkError
from benchmarks.record import Measurement, read_records
from benchmarks.report import sections as parts
from benchmarks.report.baseline import compared
from benchmarks.report.machine import by_machine, by_subject, machine_section, title_of
from benchmarks.report.pareto import pareto
from benchmarks.report.render import markdown_from, page_from
from benchmarks.report.section import Section
from benchmarks.report.summary import summary
from edge_sdk.bundle import Bundle
from edge_sdk.errors import OutputError

TITLE = "Benchmarks"
MARKDOWN, PAGE = "benchmarks.md", "benchmarks.html"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which records, where to, against what."""
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULTS.jsonl")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help=f"folder for {MARKDOWN} and {PAGE}")
    parser.add_argument("--baseline", type=Path, metavar="FILE.jsonl", help="records of before: exit code 1 if something became slower")
    parser.add_argument("--bundle", type=Path, action="append", default=[], metavar="B", help="bundles for the Pareto drawing (shipped)")
    parser.add_argument("--trust", type=Path, action="append", default=[], metavar="KEY.pub", help="trust this public key too")


def run(arguments: argparse.Namespace) -> int:
    """Write both files; 1 if something became slower."""
    records = read_records(arguments.results)
    bundles = [Bundle.open(path, trust=arguments.trust, allow_unsigned=True) for path in arguments.bundle or [None]]
    found = sections_of(records, bundles)
    against = compared(records, read_records([arguments.baseline])) if arguments.baseline is not None else None
    write_report(arguments.out, [against.section, *found] if against is not None else found)
    for name in (MARKDOWN, PAGE):
        print(arguments.out / name)
    if against is not None:
        print(f"against the baseline: {against}")
        if against.slower:
            raise BenchmarkError(f"slower than the baseline: {'; '.join(against.slower)}")
    return 0


def sections_of(records: Sequence[Measurement], bundles: Sequence[Bundle]) -> list[Section]:
    """The sections machine by machine, and on each of them graph by graph: what ran differently never shares a table."""
    found: list[Section | None] = []
    for machine, on_it in by_machine(records):
        found.append(Section(title_of(machine), level=1))
        subjects = by_subject(on_it)
        if len(subjects) < 2:
            found.append(summary(on_it))
        found.append(machine_section(machine, on_it))
        for name, own in subjects:
            run = [summary(own) if len(subjects) > 1 else None, *_of_a_graph(own)]
            found += [_titled(section, name) for section in run] if len(subjects) > 1 else run
        found += [*_parities(on_it), pareto(bundles, on_it), *_of_the_machine(on_it)]
    return [section for section in found if section is not None]


def _of_a_graph(own: Sequence[Measurement]) -> list[Section | None]:
    memory_note = "MB of 10^6 bytes; growth is the slope of RSS over the second half of the frames."
    return [
        parts.latency(own), parts.throughput(own), parts.startup(own), parts.others(own, "memory", "Memory", memory_note),
        parts.others(own, "power", "Power"),
    ]  # fmt: skip


def _parities(own: Sequence[Measurement]) -> list[Section | None]:
    """A section for each bundle: each is held against its own reference."""
    by_bundle: dict[str, list[Measurement]] = {}
    for record in own:
        if record.verb == "parity":
            by_bundle.setdefault(record.bundle.identity if record.bundle else "no bundle", []).append(record)
    found = {name: parts.parity(records) for name, records in by_bundle.items()}
    return [_titled(section, name) if len(found) > 1 else section for name, section in found.items()]


def _of_the_machine(own: Sequence[Measurement]) -> list[Section | None]:
    growth_note = "An exponent of 1 is in proportion, below 1 better than that."
    return [
        parts.others(own, "growth", "Report against observations", growth_note), parts.others(own, "train", "Training"),
        parts.others(own, "peers", "Peers", "In turns with ours; ratios and losses: 'python -m benchmarks peers report'."),
        parts.others(own, "compare", "In turns"), parts.doubts(own), parts.not_measured(own),
    ]  # fmt: skip


def _titled(section: Section | None, name: str) -> Section | None:
    return section and section._replace(title=f"{section.title}: {name}")


def write_report(out: Path, found: Sequence[Section]) -> None:
    """Both files, each whole or not at all.

    Raises:
        OutputError: If one cannot be written.
    """
    for name, text in {MARKDOWN: markdown_from(TITLE, found), PAGE: page_from(TITLE, found)}.items():
        part = out / f".{name}.part"
        try:
            out.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(out / name)
        except OSError as error:
            with suppress(OSError):
                part.unlink(missing_ok=True)
            raise OutputError(f"{out / name}: {error.strerror}; choose another --out") from error
