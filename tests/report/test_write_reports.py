import json
from pathlib import Path

import jsonschema
import pytest

from edge_sdk.errors import OutputError
from edge_sdk.records import inspection_from_json
from edge_sdk.report import write_reports
from edge_sdk.report.schema import committed_schema, inspection_schema, json_from_schema
from report.hostile import HOSTILE, hostile_inspection, inspection, observation, picture


def test_committed_schema_is_the_generated_one() -> None:
    assert committed_schema() == json_from_schema(), "records changed: run python -m edge_sdk.report.schema"


def test_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(inspection_schema())


@pytest.mark.parametrize("num", [0, 1, 8])
def test_written_record_validates_and_reads_back(num: int, tmp_path: Path) -> None:
    run = inspection(num, observations=tuple(observation(i, picture=picture(str(i))) for i in range(num)))

    written = write_reports(run, tmp_path / "out")

    data = written["json"].read_bytes()
    jsonschema.Draft202012Validator(inspection_schema()).validate(json.loads(data))
    assert inspection_from_json(data) == run
    assert {name: path.name for name, path in written.items()} == {
        "json": "report.json", "csv": "observations.csv", "html": "report.html",
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["observations.csv", "report.html", "report.json"]


def test_schema_refuses_what_the_record_does_not_know() -> None:
    record = json.loads(json.dumps({"schema_version": 1, "grade": 4}))

    assert not jsonschema.Draft202012Validator(inspection_schema()).is_valid(record)


def test_hostile_record_reads_back(tmp_path: Path) -> None:
    run = hostile_inspection()

    written = write_reports(run, tmp_path)

    assert inspection_from_json(written["json"].read_bytes()) == run
    assert HOSTILE[:10] in written["csv"].read_text(encoding="utf-8")


def test_file_name_that_is_no_unicode_loses_no_inspection(tmp_path: Path) -> None:
    written = write_reports(hostile_inspection("film\udcff.mp4"), tmp_path)

    assert inspection_from_json(written["json"].read_bytes()).source.name == "film\ufffd.mp4"


def test_earlier_reports_are_replaced(tmp_path: Path) -> None:
    write_reports(inspection(8), tmp_path)
    written = write_reports(inspection(0), tmp_path)

    assert inspection_from_json(written["json"].read_bytes()).observations == ()


def test_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")

    with pytest.raises(OutputError, match=r"report\.json: .*check the folder") as caught:
        write_reports(inspection(), tmp_path / "out")
    assert "\n" not in str(caught.value)


def test_failed_replacement_leaves_the_old_file_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = write_reports(inspection(8), tmp_path)["json"].read_bytes()

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_reports(inspection(1), tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".part")]
