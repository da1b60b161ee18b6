"""The doctor: what this machine has, what it lacks, what that is needed for, and the command that mends it.

It comes where nothing else does: it imports nothing but the standard library before it has looked, and asks every library in a child
process, since a broken GPU library ends its process.

    findings = examine()
    healthy(findings)
"""

from collections.abc import Iterable
from pathlib import Path

from edge_sdk.doctor.finding import Finding
from edge_sdk.doctor.libraries import library_findings
from edge_sdk.doctor.machine import DRIVER, machine_findings, working_folder
from edge_sdk.doctor.model import model_findings

__all__ = ["Finding", "examine", "findings_table", "healthy"]

SIGNS = {"ok": "ok", "absent": "-", "broken": "BROKEN"}


def examine(folder: Path | None = None) -> list[Finding]:
    """Look at everything; takes a second or two.

    Args:
        folder: Where results would be written; None for the working directory.
    """
    machine = machine_findings(folder or working_folder())
    has_gpu = any(finding.name == DRIVER and finding.state != "absent" for finding in machine)
    return [*machine, *library_findings(has_gpu=has_gpu), *model_findings()]


def healthy(findings: Iterable[Finding]) -> bool:
    """Whether the SDK can run here."""
    return not any(finding.stops_us for finding in findings)


def findings_table(findings: list[Finding]) -> str:
    """Aligned lines: sign, name, what was found and, where it is amiss, what it is for; then the commands that mend, and the verdict."""
    width = max(len(finding.name) for finding in findings)
    lines = [f"{_sign(finding):7}  {finding.name:{width}}  {_said(finding)}" for finding in findings]
    mend = [f"         {finding.name:{width}}  {finding.remedy}" for finding in findings if finding.remedy]
    stops = [finding.name for finding in findings if finding.stops_us]
    verdict = f"sewer-edge cannot run here; mend first: {', '.join(stops)}" if stops else "sewer-edge can run here"
    return "\n".join([*lines, *(["", "To mend:", *mend] if mend else []), "", verdict])


def _sign(finding: Finding) -> str:
    return "MISSING" if finding.needed and finding.state == "absent" else SIGNS[finding.state]


def _said(finding: Finding) -> str:
    return finding.found if finding.state == "ok" else f"{finding.found} ({finding.purpose})"
