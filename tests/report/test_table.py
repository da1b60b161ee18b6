import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_sdk.records import Inspection, ProposedCode
from edge_sdk.report.markup import printable
from edge_sdk.report.table import COLUMNS, csv_from_inspection, formula_safe
from report.hostile import HOSTILE, hostile_inspection, inspection, model, observation, picture

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))  # lone surrogates too: file names may hold them


def read(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def unescaped(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and formula_safe(cell[1:]) == cell else cell


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_table_reads_back_through_the_csv_module(delimiter: str) -> None:
    kept = observation(3, picture=picture("0004-RO"), chainage_m=-0.4, chainage_to_m=1.0, kind="continuous", remark='a; "b", c\nd')

    (row,) = read(csv_from_inspection(inspection(0, observations=(kept,)), delimiter=delimiter), delimiter)  # type: ignore[arg-type]

    assert row["observation_id"] == kept.observation_id
    assert (row["coding_system"], row["code"], row["label"], row["kind"]) == ("SEWER-ML", "RO", "Roots", "continuous")
    assert (row["chainage_m"], row["chainage_to_m"]) == ("-0.4", "1.0")
    assert (row["chainage_uncertainty_low_m"], row["chainage_uncertainty_high_m"]) == ("-0.3", "1.0")
    assert (row["proposed_coding_system"], row["proposed_code"]) == ("EN13508-2:2003+A1:2011", "BBA")
    assert row["picture"] == "pictures/0004-RO.jpg"
    assert row["not_assessed"] == "clock|quantification|characterisation|joint|severity"
    assert row["remark"] == kept.remark
    assert row["clock_from"] == row["severity"] == ""


def test_the_camera_stands_in_its_column_where_there_are_several() -> None:
    rows = read(csv_from_inspection(inspection(0, observations=(observation(0), observation(1, camera=0), observation(2, camera=3)))))

    assert [row["camera"] for row in rows] == ["", "0", "3"]


def test_code_stands_right_of_its_coding_system() -> None:
    names = list(COLUMNS)

    assert names[names.index("code") - 1] == "coding_system"
    assert names[names.index("proposed_code") - 1] == "proposed_coding_system"


def test_proposals_of_two_systems_keep_one_system_per_code() -> None:
    codes = tuple(ProposedCode(coding_system=s, code=c, confidence="low", ambiguous=True) for s, c in (("A", "X"), ("B", "Y")))

    (row,) = read(csv_from_inspection(inspection(0, observations=(observation(proposed_codes=codes),))))

    assert (row["proposed_coding_system"], row["proposed_code"], row["proposed_ambiguous"]) == ("A|B", "X|Y", "true")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "  =1", "\n@x", "\u00a0=1", "＝1"])
def test_text_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    (row,) = read(csv_from_inspection(inspection(0, observations=(observation(remark=text),))))

    assert row["remark"] == f"'{text}"


def test_rendered_origin_is_in_every_line() -> None:
    rows = read(csv_from_inspection(inspection(3, model=model(data_kind="rendered"))))

    assert {row["data_origin"] for row in rows} == {"trained on rendered images"}
    assert {row["bundle_sha256"] for row in rows} == {"9f" * 32}


def test_table_without_observations_is_its_header() -> None:
    text = csv_from_inspection(inspection(0))

    assert read(text) == []
    assert text.startswith("observation_id,coding_system,code,label,kind,chainage_m,")


def test_numbers_that_are_not_finite_leave_the_cell_empty() -> None:
    odd = observation(chainage_m=float("nan"), review_priority=float("inf"), time_s=-0.0)

    (row,) = read(csv_from_inspection(inspection(0, observations=(odd,))))

    assert (row["chainage_m"], row["review_priority"], row["time_s"]) == ("", "", "0.0")


def test_ten_thousand_observations_are_ten_thousand_lines() -> None:
    assert len(read(csv_from_inspection(inspection(10_000)))) == 10_000


def test_hostile_text_stays_in_its_cell() -> None:
    check_text_survives(hostile_inspection(), HOSTILE)


@given(ANY_TEXT)
@settings(deadline=None)
def test_any_text_stays_in_its_cell_and_runs_nothing(text: str) -> None:
    check_text_survives(hostile_inspection(text), text)


def check_text_survives(hostile: Inspection, text: str) -> None:
    written = csv_from_inspection(hostile)
    written.encode()
    (row,) = read(written)
    for name in ("code", "label", "remark", "picture", "bundle", "source"):
        assert unescaped(row[name]) == unescaped(printable(text)), name
        assert formula_safe(row[name]) == row[name], name
