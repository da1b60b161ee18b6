import subprocess
from pathlib import Path

import pytest
import yaml

from edge_sdk.contract.taxonomy import taxonomy


def test_order_is_the_one_of_the_label_files() -> None:
    assert " ".join(taxonomy().codes) == "RB OB PF DE FS IS RO IN AF BE FO GR PH PB OS OP OK"


def test_weights_sum_as_published() -> None:
    assert round(float(taxonomy().ciw.sum()), 4) == 6.7024


def test_digest_is_pinned() -> None:
    """A change of meaning, order or weight is a new contract: every bundle must then be packed again, and this line changed."""
    assert taxonomy().digest == "ab2c58122b34d94bba78ddf5f41a32c3ecd9f358d8ae38f8a835b0aadecbd62d"


def test_no_second_class_table_exists() -> None:
    """Meanings drift where they are written twice; only the YAML table may pair codes with words."""
    root = Path(__file__).parents[2]
    tracked = subprocess.run(
        ["git", "ls-files", "edge_sdk", "trainer", "deploy", "benchmarks"], cwd=root, capture_output=True, text=True, check=True
    )
    suspects = [name for name in tracked.stdout.split() if name.endswith((".py", ".yaml", ".json")) and not name.endswith("sewer_ml.yaml")]

    for name in suspects:
        text = (root / name).read_text(encoding="utf-8")
        assert "Displaced joint" not in text, f"{name} repeats a class meaning"


def test_the_table_reads_the_same_with_and_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = taxonomy()
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)

    assert taxonomy.__wrapped__() == usual and taxonomy.__wrapped__().digest == usual.digest
