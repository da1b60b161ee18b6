"""The peers' table end to end with real runners on a tiny film, and its refusals."""

import json
import sys
from pathlib import Path

import msgspec
import pytest

import tiny
from benchmarks.errors import RecordError, UnlikeConditionsError
from benchmarks.peers.__main__ import main
from benchmarks.peers.catalogue import ENVIRONMENTS, Requirements
from benchmarks.peers.environment import MARK, make_environment
from benchmarks.peers.summary import summary_of
from benchmarks.peers.table import markdown
from benchmarks.record import Measurement, read_records
from edge_sdk.errors import InputError

NUM_FRAMES = 14
COLOURS = (tiny.RED, tiny.GREEN, tiny.BLUE, tiny.GREY)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    return tiny.write_film(path, [tiny.painted(COLOURS[i % 4]) for i in range(NUM_FRAMES)])


@pytest.fixture(scope="module")
def into(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The environment of the plain peers, which needs no more than the tests' own: its interpreter leads here."""
    folder = tmp_path_factory.mktemp("environments")
    python = folder / "onnxruntime" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    (folder / "onnxruntime" / MARK).write_text(json.dumps({"borrowed": False, "versions": {"onnxruntime": "0.0"}}))
    return folder


@pytest.fixture(scope="module")
def measured(film: Path, into: Path, bundle_path: Path, trust: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of one round of a peer and of ours, on a film and a camera."""
    out = tmp_path_factory.mktemp("records") / "peers.jsonl"
    assert main(run_arguments(["naive", "ours-latency", "ours-live"], film, into, bundle_path, trust, out)) == 0
    return out


def run_arguments(names: list[str], film: Path, into: Path, bundle: Path, trust: Path, out: Path) -> list[str]:
    how = ["--rounds", "1", "--frames", str(NUM_FRAMES), "--live-frames", str(NUM_FRAMES), "--film", str(film)]
    return ["run", *names, *how, "--into", str(into), "--bundle", str(bundle), "--trust", str(trust), "--out", str(out)]


def by_name(path: Path) -> dict[str, Measurement]:
    return {record.name: record for record in read_records([path])}


def test_every_way_is_run_on_film_and_camera_and_recorded(measured: Path) -> None:
    records = by_name(measured)

    assert set(records) == {"naive/file", "ours-latency/file", "naive/live", "ours-live/live"}
    for record in records.values():
        assert 0 < record.figures["start_up_s"] < 300
        assert 10 < record.figures["peak_rss_mb"] < 2000
        assert record.figures["core_ms"] > 0
        assert record.distribution is not None and record.distribution.percentiles["p50"] is not None


def test_a_camera_accounts_for_every_frame(measured: Path) -> None:
    for name in ("naive/live", "ours-live/live"):
        figures = by_name(measured)[name].figures

        assert figures["results"] + figures["dropped"] == NUM_FRAMES
        assert figures["results"] >= 1 and figures["repeated"] == 0


def test_peers_say_what_our_session_says_of_the_same_image(measured: Path) -> None:
    naive, ours = by_name(measured)["naive/file"], by_name(measured)["ours-latency/file"]

    assert naive.figures["max_dp"] < 1e-4 and not naive.failed
    assert ours.figures["max_dp"] < 1e-4 and ours.figures["flips"] == 0


def test_the_table_is_written_as_markdown_and_json(measured: Path) -> None:
    page = measured.with_suffix(".md").read_text()
    summary = json.loads(measured.with_suffix(".json").read_text())

    for part in ("OpenCV loop", "sewer-edge, LiveStream", "## Ours over theirs", "## Targets", "onnxruntime 0.0"):
        assert part in page
    assert {row["way"] for row in summary["rows"]} == {"naive", "ours-latency", "ours-live"}
    assert any(item["figure"] == "p50_ms" and item["verdict"] == "one round" for item in summary["comparisons"])


def test_report_joins_files_and_refuses_other_films(measured: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.jsonl"
    changed = [msgspec.structs.replace(r, settings={**r.settings, "film_sha256": "0"}) for r in read_records([measured])]
    other.write_bytes(b"\n".join(msgspec.json.encode(record) for record in changed))

    assert main(["report", str(measured)]) == 0
    capsys.readouterr()
    assert main(["report", str(measured), str(other)]) == 1

    said = capsys.readouterr()
    assert not said.out and said.err.count("\n") == 1 and "film sha256" in said.err.replace("_", " ")


@pytest.mark.parametrize("part", ["machine", "bundle", "frames"])
def test_unlike_conditions_are_refused_and_named(measured: Path, part: str) -> None:
    first = read_records([measured])[0]
    assert first.bundle is not None
    other = {
        "machine": msgspec.structs.replace(first, fingerprint=msgspec.structs.replace(first.fingerprint, cpu="another")),
        "bundle": msgspec.structs.replace(first, bundle=msgspec.structs.replace(first.bundle, identity="another")),
        "frames": msgspec.structs.replace(first, settings={**first.settings, "frames": 999}),
    }[part]

    with pytest.raises(UnlikeConditionsError, match=r"another|999"):
        summary_of([first, other])


def test_cores_taken_away_between_passes_are_said(measured: Path) -> None:
    records = read_records([measured])
    fewer = [msgspec.structs.replace(record, settings={**record.settings, "usable_cores": 97 + i}) for i, record in enumerate(records)]

    assert "Passes had 97 or 98 or 99 or 100 cores to use" in markdown(summary_of(fewer))


def test_records_of_another_verb_are_refused(measured: Path) -> None:
    first = read_records([measured])[0]

    with pytest.raises(RecordError, match="peers"):
        summary_of([msgspec.structs.replace(first, verb="latency")])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "darknet"], "darknet"),
        (["run", "openvino"], "python -m benchmarks.peers install openvino"),
        (["run", "ours-latency", "--film", "/no/such/film.mp4"], "/no/such/film.mp4"),
        (["run", "ours-latency", "--rounds", "0"], "--rounds"),
        (["install", "darknet"], "darknet"),
        (["report", "/no/such/records.jsonl"], "/no/such/records.jsonl"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--into", str(tmp_path)] if arguments[0] in ("run", "install") else []
    where += ["--out", str(tmp_path / "out.jsonl")] if arguments[0] == "run" else []

    assert main([*arguments, *where]) == 1

    err = capsys.readouterr().err
    assert err.count("\n") == 1 and said in err


def test_a_film_that_is_too_short_is_one_line(
    film: Path, into: Path, bundle_path: Path, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = run_arguments(["ours-latency"], film, into, bundle_path, trust, tmp_path / "out.jsonl")

    assert main([*arguments, "--frames", "500"]) == 1

    assert "500 are asked for" in capsys.readouterr().err


def test_a_precision_that_the_bundle_lacks_is_said(
    film: Path, into: Path, bundle_path: Path, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.jsonl"

    assert main([*run_arguments(["naive"], film, into, bundle_path, trust, out), "--precision", "int8-x86"]) == 1
    assert "has no int8-x86 graph (it carries: fp32)" in capsys.readouterr().err
    assert main([*run_arguments(["ours-int8"], film, into, bundle_path, trust, out), "--mode", "file"]) == 0
    assert [record.not_measured for record in read_records([out])] == [{"all figures": "the bundle has no int8-x86 graph"}]


def test_our_ways_on_openvino_run_where_it_is_installed_and_say_so_where_it_is_not(
    film: Path, into: Path, bundle_path: Path, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.jsonl"
    arguments = [*run_arguments(["ours-openvino", "naive"], film, into, bundle_path, trust, out), "--mode", "file", "--rounds", "1"]

    assert main(arguments) == 0
    ours = next(record for record in read_records([out]) if record.name == "ours-openvino/file")
    assert not ours.failed and ours.figures["fps"] > 0 and ours.figures["max_dp"] < 1e-3
    monkeypatch.setattr("edge_sdk.runtime.links.find_spec", lambda name: None)
    assert main(arguments) == 0

    ours = next(record for record in reversed(read_records([out])) if record.name == "ours-openvino/file")
    assert not ours.figures and "openvino" in ours.not_measured["all figures"]


def test_a_peer_that_breaks_is_not_measured_with_its_reason(film: Path, into: Path, bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    broken = into / "supervision" / "bin" / "python"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_text("#!/bin/sh\necho 'ImportError: no libGL' >&2\nexit 1\n")
    broken.chmod(0o755)
    (into / "supervision" / MARK).write_text(json.dumps({"borrowed": False, "versions": {}}))

    assert main([*run_arguments(["supervision"], film, into, bundle_path, trust, out), "--mode", "file", "--rounds", "3"]) == 0

    records = read_records([out])
    assert len(records) == 2  # of three rounds: given up
    assert all("ImportError: no libGL" in record.not_measured["all figures"] and not record.figures for record in records)
    assert "*not measured*: supervision: ImportError" in out.with_suffix(".md").read_text()


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_leaves_its_reason_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENTS, "onnxruntime", Requirements((str(tmp_path / "no-such-package.whl"),)))

    with pytest.raises(InputError, match="no-such-package"):
        make_environment("onnxruntime", tmp_path / "into")

    assert [path.name for path in (tmp_path / "into").iterdir()] == ["onnxruntime.failed.json"]
    assert main(["run", "naive", "--into", str(tmp_path / "into"), "--out", str(tmp_path / "out.jsonl")]) == 1
