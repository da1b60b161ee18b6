"""JSON Schema of `report.json`, generated from the records; `inspection.schema.json` beside this file is its committed copy.

After a change of the records: `python -m edge_sdk.report.schema` writes the copy anew.
"""

from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from edge_sdk.records import Inspection

SCHEMA_FILE = "inspection.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def inspection_schema() -> dict[str, Any]:
    """The schema of an inspection record (draft 2020-12), strict about unknown keys as the records are."""
    return {"$schema": DIALECT, "title": "sewer-edge inspection", **msgspec.json.schema(Inspection)}


def json_from_schema() -> bytes:
    """The generated schema as the committed file has it."""
    return msgspec.json.format(msgspec.json.encode(inspection_schema()), indent=1) + b"\n"


def committed_schema() -> bytes:
    """The schema file shipped with the package."""
    return files(__package__).joinpath(SCHEMA_FILE).read_bytes()


if __name__ == "__main__":
    Path(__file__).with_name(SCHEMA_FILE).write_bytes(json_from_schema())
