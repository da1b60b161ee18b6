"""The observations as CSV: a code never without its coding system beside it, and no cell a spreadsheet would run as a formula.

UTF-8, decimal points, one line per observation. Text gets a leading apostrophe where a spreadsheet would take it for a formula; numbers
stay numbers, negative chainages too. Lists stand in one cell, set apart by `|`; what is unknown or not assessed is an empty cell.
Source for the rule on formulas: OWASP, "CSV Injection".
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterable
from typing import Literal

from edge_sdk.records import Inspection, Observation
from edge_sdk.report.markup import printable
from edge_sdk.report.wording import TRAINED_ON

Cell = str | int | float | bool | None

_FORMULA = re.compile(r"[\t\r]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")  # with the full-width forms that some spreadsheets take as well


def csv_from_inspection(inspection: Inspection, *, delimiter: Literal[",", ";"] = ",") -> str:
    """The table with its header line, lines ended by CR LF (RFC 4180).

    Args:
        inspection: The record.
        delimiter: `;` suits spreadsheets of countries with a decimal comma; the decimal point stays.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    origin = [_written(cell(inspection)) for cell in ORIGIN.values()]
    writer.writerow([*COLUMNS, *ORIGIN])
    for item in inspection.observations:
        writer.writerow([*(_written(cell(item)) for cell in COLUMNS.values()), *origin])
    return text.getvalue()


def formula_safe(text: str) -> str:
    """The text, with an apostrophe before it if a spreadsheet would run it."""
    return f"'{text}" if _FORMULA.match(text) else text


def _written(value: Cell) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, float):
        fixed = f"{round(value, 4) + 0.0:.4f}".rstrip("0")  # the addition turns -0.0 into 0.0
        return f"{fixed}0" if fixed.endswith(".") else fixed
    return formula_safe(printable(value)) if isinstance(value, str) else str(value).lower()


def _listed(parts: Iterable[str]) -> str:
    return "|".join(parts)


def _uncertainty(item: Observation, end: Literal[0, 1]) -> float | None:
    return None if item.chainage_uncertainty_m is None else item.chainage_uncertainty_m[end]


def _proposal_systems(item: Observation) -> str:
    """Once if all proposals are of one system, as it is the rule; otherwise one per code."""
    systems = [code.coding_system for code in item.proposed_codes]
    return _listed(systems[:1] if len(set(systems)) == 1 else systems)


COLUMNS: dict[str, Callable[[Observation], Cell]] = {
    "observation_id": lambda item: item.observation_id,
    "coding_system": lambda item: item.class_.coding_system,
    "code": lambda item: item.class_.code,
    "label": lambda item: item.class_.label,
    "kind": lambda item: item.kind,
    "chainage_m": lambda item: item.chainage_m,
    "chainage_to_m": lambda item: item.chainage_to_m,
    "chainage_uncertainty_low_m": lambda item: _uncertainty(item, 0),
    "chainage_uncertainty_high_m": lambda item: _uncertainty(item, 1),
    "chainage_quality": lambda item: item.chainage_quality,
    "time_s": lambda item: item.time_s,
    "time_to_s": lambda item: item.time_to_s,
    "frame_index": lambda item: item.frame_index,
    "frame_name": lambda item: item.frame_name,
    "score": lambda item: item.score.peak,
    "threshold": lambda item: item.score.threshold,
    "frames_positive": lambda item: item.score.frames_positive,
    "review_priority": lambda item: item.review_priority,
    "proposed_coding_system": _proposal_systems,
    "proposed_code": lambda item: _listed(code.code for code in item.proposed_codes),
    "proposed_confidence": lambda item: _listed(code.confidence for code in item.proposed_codes),
    "proposed_ambiguous": lambda item: any(code.ambiguous for code in item.proposed_codes),
    "picture": lambda item: item.picture.path if item.picture else None,
    "picture_with_heat": lambda item: item.picture.heatmap_path if item.picture else None,
    "clock_from": lambda item: item.clock_from,
    "clock_to": lambda item: item.clock_to,
    "quantification_1": lambda item: item.quantification_1,
    "quantification_2": lambda item: item.quantification_2,
    "characterisation_1": lambda item: item.characterisation_1,
    "characterisation_2": lambda item: item.characterisation_2,
    "at_joint": lambda item: item.at_joint,
    "severity": lambda item: item.severity,
    "not_assessed": lambda item: _listed(item.not_assessed),
    "review_status": lambda item: item.review_status,
    "remark": lambda item: item.remark,
    "seq": lambda item: item.seq,
    "revision": lambda item: item.revision,
    "camera": lambda item: item.camera,  # empty where there is only one
}

# The same in every line, so that a line cut out of the table still says where it comes from
ORIGIN: dict[str, Callable[[Inspection], Cell]] = {
    "run_id": lambda run: run.run_id,
    "source": lambda run: run.source.name,
    "inspection_status": lambda run: run.status,
    "bundle": lambda run: run.model.bundle,
    "bundle_version": lambda run: run.model.version,
    "bundle_sha256": lambda run: run.model.sha256,
    "provider": lambda run: run.model.provider,
    "precision": lambda run: run.model.precision,
    "data_origin": lambda run: TRAINED_ON[run.model.data_kind],
    "data_name": lambda run: run.model.trained_on,
    "data_licence": lambda run: run.model.data_licence,
}
