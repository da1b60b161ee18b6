"""Bundles with one precision and with several: only what was measured, is unchanged and passed goes in."""

import shutil
from pathlib import Path

import msgspec
import pytest

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import run_golden
from edge_sdk.contract.manifest import Calibration
from edge_sdk.runtime.choose import GraphChooser
from edge_sdk.runtime.links import LINKS
from edge_sdk.runtime.onnx import OnnxSession
from edge_sdk.terminal import bundle_table
from tests.trainer.export.painted_export import add_graph, colour_graph, painted_data, painted_export, perturbed, quantised
from trainer.cli import main
from trainer.errors import ExportError
from trainer.export.pack import pack
from trainer.export.parity import Bounds
from trainer.export.parity_record import json_from_parity, read_parity
from trainer.export.parity_run import measure_parity


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of three graphs, all measured and within the bounds."""
    home = tmp_path_factory.mktemp("made")
    folder = painted_export(home / "export", painted_data(home / "data"))
    add_graph(folder, "fp16", colour_graph())
    add_graph(folder, "int8-x86", quantised(colour_graph(), home))
    measure_parity(folder, threads=1, num_resamples=20)
    return folder


@pytest.fixture
def export(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "export"))


def packed(export: Path, out: Path, *precisions: str, say: object = None) -> Bundle:
    pack(export, out, key=None, precisions=precisions or None, say=say or (lambda _: None))  # type: ignore[arg-type]
    return Bundle.open(out, allow_unsigned=True)


def test_a_bundle_carries_every_graph_that_passed_and_each_passes_its_golden_frames(export: Path, tmp_path: Path) -> None:
    bundle = packed(export, tmp_path / "all.bundle")

    assert [graph.precision for graph in bundle.manifest.graphs] == ["fp32", "fp16", "int8-x86"]
    for graph in bundle.manifest.graphs:
        session = OnnxSession(bundle.read(graph.file), threads=1)
        report = run_golden(bundle.golden(), bundle.read, session.run, spec=tiny.SPEC, precision=graph.precision)
        session.close()
        assert report.passed and report.max_abs_dp < 1e-5 and report.num_frames == 4


def test_thresholds_parity_and_calibration_of_each_graph_are_those_measured(export: Path, tmp_path: Path) -> None:
    manifest = packed(export, tmp_path / "all.bundle").manifest
    record = read_parity(export)
    assert record is not None

    for graph in manifest.graphs:
        row = record.row(graph.precision)
        assert row is not None and graph.tuned_thresholds == row.tuned_thresholds
        assert graph.thresholds == (0.5,) * 17
    assert manifest.graph("int8-x86").calibration == Calibration("Val", 3, "c" * 64)
    assert manifest.graph("fp16").calibration is None
    int8, row = manifest.parity_of("int8-x86"), record.row("int8-x86")
    assert row is not None and int8 == row.parity and int8 is not None and int8.passed
    assert manifest.parity_of("int8-trt") is None
    # the fp16 here is the fp32 graph again: what is stated is what lies in the file
    assert [(graph.precision, graph.stored_as) for graph in manifest.graphs][1:] == [("fp16", "float32"), ("int8-x86", "int8")]


def test_card_and_table_state_every_graph(export: Path, tmp_path: Path) -> None:
    bundle = packed(export, tmp_path / "all.bundle")
    card, table = bundle.read(bundle.manifest.model_card).decode(), bundle_table(bundle)

    int8 = bundle.manifest.parity_of("int8-x86")
    assert int8 is not None and int8.delta_f2_ciw is not None
    assert "| int8-x86 | int8 | 0.0 | 3 images of Val (cccccccccccc) |" in card
    assert f"{100 * int8.delta_f2_ciw:+.2f}" in card and f"{100 * int8.delta_f2_ciw:+.2f} points" in table
    assert all(f"- {p} against" in card for p in ("fp32", "fp16", "int8-x86"))
    assert ": passed" in table


@pytest.mark.parametrize("precisions", [("fp32",), ("int8-x86", "fp32"), ("int8-x86",)])
def test_only_the_graphs_asked_for_go_in_fp32_first(export: Path, tmp_path: Path, precisions: tuple[str, ...]) -> None:
    bundle = packed(export, tmp_path / "some.bundle", *precisions)

    carried = [graph.precision for graph in bundle.manifest.graphs]
    assert carried == sorted(precisions) and [parity.precision for parity in bundle.manifest.parity][: len(carried)] == carried
    assert {name for frame in bundle.golden().frames for name in frame.scores} == set(bundle.golden().tolerance) == set(precisions)
    assert len([entry for entry in bundle.manifest.files if entry.name.endswith(".onnx")]) == len(precisions)


def test_an_export_that_was_never_compared_gives_an_fp32_bundle_with_the_parity_of_its_export(export: Path, tmp_path: Path) -> None:
    (export / "parity.json").unlink()
    said: list[str] = []

    manifest = packed(export, tmp_path / "one.bundle", say=said.append).manifest

    assert [graph.precision for graph in manifest.graphs] == ["fp32"]
    assert manifest.parity[0].passed is None and manifest.graphs[0].tuned_thresholds is None
    assert said == [f"{p} stays out: parity was not measured; run 'parity'" for p in ("fp16", "int8-x86")]


def test_a_graph_that_failed_the_gate_stays_out_and_is_refused_when_asked_for(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_graph(export, "int8-x86", perturbed((export / "model.int8-x86.onnx").read_bytes(), share=0.7))
    measure_parity(export, threads=1, num_resamples=20)
    said: list[str] = []

    manifest = packed(export, tmp_path / "good.bundle", say=said.append).manifest

    assert [graph.precision for graph in manifest.graphs] == ["fp32", "fp16"]
    assert "int8-x86 stays out: fails the parity gate: it loses" in said[0]
    out = tmp_path / "bad.bundle"
    assert main(["pack", str(export), "--unsigned", "--out", str(out), "--precision", "fp32", "int8-x86"]) == 1
    error = capsys.readouterr().err
    assert error.count("error:") == 1 and "int8-x86: fails the parity gate: it loses" in error
    assert not out.exists()


def test_a_comparison_of_a_few_images_is_a_trial_and_packs_nothing(export: Path, tmp_path: Path) -> None:
    said: list[str] = []
    record = measure_parity(export, threads=1, num_resamples=20, num=4)

    assert record.is_trial and record.broken == () and record.thresholds == (0.5,) * 17
    assert {row.parity.passed for row in record.rows if row.parity} == {None} and "| tried |" in (export / "parity.md").read_text()
    assert [graph.precision for graph in packed(export, tmp_path / "one.bundle", say=said.append).manifest.graphs] == ["fp32"]
    assert "int8-x86 stays out: parity was only tried, on 4 images; run 'parity' without --num" in said
    assert not measure_parity(export, threads=1, num_resamples=20, num=10_000).is_trial


def test_a_graph_that_failed_as_an_engine_stays_out_since_a_robot_with_tensorrt_would_take_it_first(export: Path, tmp_path: Path) -> None:
    record = read_parity(export)
    assert record is not None
    rows = [msgspec.structs.replace(row, broken=("fails: NaN",)) if row.name == "tensorrt fp16" else row for row in record.rows]
    (export / "parity.json").write_bytes(json_from_parity(msgspec.structs.replace(record, rows=tuple(rows))))
    said: list[str] = []

    manifest = packed(export, tmp_path / "good.bundle", say=said.append).manifest

    assert [graph.precision for graph in manifest.graphs] == ["fp32", "int8-x86"]
    assert "fp16 stays out: fails the parity gate as a TensorRT engine: it fails: NaN" in said[0]
    with pytest.raises(ExportError, match="as a TensorRT engine"):
        packed(export, tmp_path / "bad.bundle", "fp16")


@pytest.mark.skipif(LINKS["openvino"].missing() is not None, reason="OpenVINO is optional, and for x86 processors")
def test_what_was_measured_on_openvino_is_stated_and_what_failed_there_stays_out(export: Path, tmp_path: Path) -> None:
    record = read_parity(export)
    assert record is not None
    said: list[str] = []

    bundle = packed(export, tmp_path / "all.bundle")

    on_openvino = [parity for parity in bundle.manifest.parity if (parity.provider or "").startswith("OpenVINO ")]
    assert [parity.precision for parity in on_openvino] == ["fp32", "fp16", "int8-x86"] and len(bundle.manifest.parity) == 6
    assert f"int8-x86 on {on_openvino[0].provider} against" in bundle_table(bundle)
    assert GraphChooser(bundle, "int8-x86", threads=1)(LINKS["cpu"]).graphs, "two verdicts, both good"

    rows = [msgspec.structs.replace(row, broken=("fails: NaN",)) if row.name == "openvino int8-x86" else row for row in record.rows]
    (export / "parity.json").write_bytes(json_from_parity(msgspec.structs.replace(record, rows=tuple(rows))))
    manifest = packed(export, tmp_path / "good.bundle", say=said.append).manifest

    assert [graph.precision for graph in manifest.graphs] == ["fp32", "fp16"]
    assert "int8-x86 stays out: fails the parity gate on OpenVINO: it fails: NaN" in said[0]


def test_bounds_that_somebody_widened_are_said(export: Path, tmp_path: Path) -> None:
    measure_parity(export, threads=1, num_resamples=20, bounds=Bounds(0.5, 0.3))
    said: list[str] = []

    packed(export, tmp_path / "wide.bundle", say=said.append)

    assert said == ["parity was measured with wider bounds than the gate's own: 50 and 30 points of F2_CIW; the bundle states them"]


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        ("int4", "precision int4 is not known; there are fp32, fp16, int8-trt, int8-x86"),
        ("int8-trt", "int8-trt: has no graph"),
    ],
)
def test_unknown_and_missing_precisions_are_one_line(
    export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], precision: str, words: str
) -> None:
    assert main(["pack", str(export), "--unsigned", "--out", str(tmp_path / "b"), "--precision", precision]) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words in error
    assert not (tmp_path / "b").exists()


def test_graphs_and_records_that_do_not_belong_together_are_refused(export: Path, tmp_path: Path) -> None:
    other = colour_graph(gain=11.0)
    whole = (export / "model.fp16.onnx").read_bytes()

    (export / "model.fp16.onnx").write_bytes(other)
    with pytest.raises(ExportError, match="changed since parity was measured"):
        packed(export, tmp_path / "b", "fp16")

    (export / "model.fp16.onnx").write_bytes(whole)
    kept = (export / "quantisation.fp16.json").read_bytes()
    (export / "quantisation.fp16.json").unlink()
    with pytest.raises(ExportError, match=r"quantisation\.fp16\.json is missing"):
        packed(export, tmp_path / "b", "fp16")

    stated = msgspec.json.decode(kept) | {"source_sha256": "0" * 64}
    (export / "quantisation.fp16.json").write_bytes(msgspec.json.encode(stated))
    with pytest.raises(ExportError, match="is of other graphs than lie here"):
        packed(export, tmp_path / "b", "fp16")

    (export / "parity.json").write_text("{")
    with pytest.raises(ExportError, match=r"parity\.json: .*measure again"):
        packed(export, tmp_path / "b", "fp16")
    assert not (tmp_path / "b").exists()


def test_an_fp32_graph_that_is_not_what_was_exported_misses_its_golden_scores(export: Path, tmp_path: Path) -> None:
    (export / "parity.json").unlink()
    (export / "model.onnx").write_bytes(colour_graph(gain=6.0))

    with pytest.raises(ExportError, match=r"misses its golden scores by .* export again"):
        packed(export, tmp_path / "b", "fp32")
