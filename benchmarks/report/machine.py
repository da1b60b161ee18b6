"""Which machine, which code, which bundle: what stands above all figures."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from benchmarks.fingerprint import Fingerprint
from benchmarks.record import Measurement
from benchmarks.report.section import Section, Table
from benchmarks.state import State, cores_of_others

NAMES = {
    "cpu_flags": "processor features (digest)",
    "cores": "cores used",
    "memory_mb": "memory, MB",
    "max_clock_mhz": "top clock, MHz",
}


def by_machine(records: Sequence[Measurement]) -> list[tuple[Fingerprint, list[Measurement]]]:
    """Records of one fingerprint together, never with others."""
    groups: defaultdict[Fingerprint, list[Measurement]] = defaultdict(list)
    for record in records:
        groups[record.fingerprint].append(record)
    return list(groups.items())


def by_subject(records: Sequence[Measurement]) -> list[tuple[str, list[Measurement]]]:
    """Records of verbs that run one graph, by what ran: bundle, precision, runtime and threads."""
    groups: defaultdict[str, list[Measurement]] = defaultdict(list)
    for record in records:
        if record.bundle is not None and "runs_on" in record.settings:
            threads = record.settings.get("threads")
            groups[f"{record.bundle.identity} {_runs_on(record)}, {f'{threads} threads' if threads else 'every core'}"].append(record)
    return list(groups.items())


def title_of(machine: Fingerprint) -> str:
    """A machine in a line."""
    parts = [
        machine.board or machine.cpu,
        machine.gpu,
        f"{machine.cores} core{'s' if machine.cores > 1 else ''}",
        f"JetPack {machine.jetpack}" if machine.jetpack else None,
    ]
    return ", ".join(part for part in parts if part)


def machine_section(machine: Fingerprint, records: Sequence[Measurement]) -> Section:
    """The fingerprint, and how the machine was while measuring."""
    rows = [(NAMES.get(name, name.replace("_", " ")), getattr(machine, name)) for name in machine.__struct_fields__]
    states = [state for record in records for state in (record.before, record.after)]
    rows.append(("load while measuring", _range([state.load for state in states])))
    rows.append(("cores that others used meanwhile", _range(_cores_of_others(records))))
    rows.append(("clock while measuring, MHz", _range([state.clock_mhz for state in states])))
    rows.append(("temperature while measuring, °C", _range([state.temperature_c for state in states])))
    rows.append(("throttled", _range([state.throttled for state in states])))
    rows.append(("clocks held down for heat, steps", _range([state.cooling_steps for state in states])))
    rows.append(("GPU clock while measuring, MHz", _range([state.gpu_clock_mhz for state in states])))
    rows.append(("GPU temperature while measuring, °C", _range([state.gpu_temperature_c for state in states])))
    rows.append(("GPU held down by", _held_down(states)))
    rows.append(("bundles", _listed(record.bundle.identity if record.bundle else None for record in records)))
    rows.append(("runs on", _listed(map(_runs_on, records))))
    rows.append(("code", _listed(record.code for record in records)))
    rows.append(("measured", f"{min(r.created_utc for r in records)} to {max(r.created_utc for r in records)}"))
    told = tuple((name, str(value)) for name, value in rows if value is not None)
    silent = ", ".join(name for name, value in rows if value is None)
    return Section("Conditions", (), (Table(("what", "value"), (*told, *((("not told, or not there", silent),) if silent else ()))),))


def _runs_on(record: Measurement) -> str | None:
    own = record.settings
    return f"{own.get('precision')} on {own['runs_on']}" if "runs_on" in own else None


def _held_down(states: Sequence[State]) -> str | None:
    """What held the GPU's clock down; None where nobody told."""
    told = [state.gpu_slowed_by for state in states if state.gpu_slowed_by is not None]
    return _listed(reason or None for reason in told) if told else None


def _cores_of_others(records: Sequence[Measurement]) -> list[float | None]:
    found = (cores_of_others(record.before, record.after) for record in records)
    return [None if cores is None else round(cores, 1) for cores in found]


def _range(values: Sequence[float | None]) -> str | None:
    told = [value for value in values if value is not None]
    if not told:
        return None
    return f"{min(told):g}" if min(told) == max(told) else f"{min(told):g} to {max(told):g}"


def _listed(values: Iterable[str | None]) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value is not None)) or "none"
