from pathlib import Path

import pytest

from edge_sdk.contract.manifest import LabelRule
from trainer.config import DataConfig
from trainer.data.provenance import provenance_of
from trainer.errors import DataError


def test_folder_states_its_provenance(data_root: Path) -> None:
    provenance = provenance_of(DataConfig(root=str(data_root)))

    assert (provenance.name, provenance.kind, provenance.licence) == ("random", "other", "none")
    assert provenance.label_rule == LabelRule(1.0, 0.3)


def test_recipe_wins_over_the_folder(data_root: Path) -> None:
    provenance = provenance_of(DataConfig(root=str(data_root), name="mine", look_ahead_m=3.0))

    assert provenance.name == "mine"
    assert provenance.label_rule == LabelRule(3.0, 0.3)


def test_rendered_and_sewer_ml_have_their_label_rules(tmp_path: Path) -> None:
    def rule(kind: str) -> LabelRule:
        return provenance_of(DataConfig(root=str(tmp_path), name="a", kind=kind, licence="b")).label_rule  # type: ignore[arg-type]

    assert rule("rendered") == LabelRule(2.0, 0.0)
    assert rule("sewer-ml") == LabelRule(1.0, 0.3)


@pytest.mark.parametrize("missing", ["name", "kind", "licence"])
def test_what_nobody_states_is_asked_for(tmp_path: Path, missing: str) -> None:
    stated = {"name": "a", "kind": "rendered", "licence": "b"}
    del stated[missing]

    with pytest.raises(DataError, match=f"'{missing}'"):
        provenance_of(DataConfig(root=str(tmp_path), **stated))  # type: ignore[arg-type]


def test_label_rule_of_other_data_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="look_ahead_m"):
        provenance_of(DataConfig(root=str(tmp_path), name="a", kind="other", licence="b"))


@pytest.mark.parametrize("text", ["nam: a\n", "kind: painted\n", "name: [\n", "- a\n"])
def test_unusable_dataset_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "DATASET.yaml").write_text(text)

    with pytest.raises(DataError, match=r"DATASET\.yaml"):
        provenance_of(DataConfig(root=str(tmp_path)))
