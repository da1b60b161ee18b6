"""The page of promises names tests that exist, and leaves no promise and no id of the plan out."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NUMBERED = {"RT": 8, "CAM": 8, "CLK": 2, "BE": 10, "LOG": 6, "COV": 2, "SUP": 3, "SOAK": 4}


def names_in(path: Path) -> set[str]:
    """Tests of a file: its functions, and its state machines, which are assigned."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    assigned = {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    return functions | assigned


def test_every_test_it_names_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE)

    assert len(named) > 80 and PAGE.count("::") == len(named)
    missing = [f"{file}::{name}" for file, name in named if name not in names_in(ROOT / "tests" / file)]
    assert missing == []


def test_every_id_has_its_row_and_every_promise_its_ids() -> None:
    ids = {f"T-{kind}{i}" for kind, num in NUMBERED.items() for i in range(1, num + 1)} | {"T-SOAK-NEG"}
    in_rows = {name for cell in re.findall(r"^\| (T-[^|]+) \|", PAGE, re.MULTILINE) for name in cell.strip().split(", ")}
    promises = dict(re.findall(r"^\| (P\d+) \|[^|]+\| ([^|]+) \|$", PAGE, re.MULTILINE))

    assert in_rows == ids
    assert set(promises) == {"P1", "P2", "P3", "P4", "P5", "P6", "P9", "P10"}
    assert {name for cell in promises.values() for name in cell.split(", ")} <= ids
