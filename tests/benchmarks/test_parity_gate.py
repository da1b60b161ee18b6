"""The parity gate: a planted loss ends with exit code 1, on labels, on a bundle's own labelled frames, and on golden frames."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

import tiny
from benchmarks.__main__ import main
from benchmarks.parity_labelled import judged_on_few
from benchmarks.record import Measurement, read_records
from edge_sdk.contract.evaluation_frames import evaluation_files, picture_of
from edge_sdk.contract.golden import GoldenFrame, GoldenSet, golden_from_json
from edge_sdk.contract.manifest import Graph, Parity
from edge_sdk.contract.taxonomy import taxonomy
from edge_sdk.runtime.links import LINKS, Link
from tests.benchmarks.cases import png

COLOURS = ((tiny.RED, "RB"), (tiny.GREEN, "RO"), (tiny.BLUE, "IN"), (tiny.GREY, ""))
INT8 = "int8-x86"


def second_graph(*, gain: float) -> dict[str, bytes]:
    """The tiny bundle's files with a second graph of that gain (12 is the first one's), golden scores of both as of the first."""
    content = tiny.tiny_content()
    golden = golden_from_json(content["golden.json"])
    frames = tuple(GoldenFrame(f.file, {"fp32": f.scores["fp32"], INT8: f.scores["fp32"]}) for f in golden.frames)
    both = GoldenSet({"fp32": 0.01, INT8: 0.05}, frames)
    return {**content, "golden.json": msgspec.json.encode(both), "int8.onnx": tiny.tiny_graph(gain=gain)}


def graphs() -> tuple[Graph, Graph]:
    thresholds = (0.5,) * len(taxonomy())
    fp32 = Graph("fp32", "model.onnx", "float32", 1.0, thresholds, "protocol-0.5")
    return fp32, Graph(INT8, "int8.onnx", "int8", 1.0, thresholds, "protocol-0.5")


@pytest.fixture
def bundle_with(tmp_path: Path) -> Callable[..., Path]:
    def make(gain: float, **more: bytes) -> Path:
        content = {**second_graph(gain=gain), **{name.replace("_", "."): data for name, data in more.items()}}
        return tiny.tiny_bundle(tmp_path / f"gain-{gain}.bundle", content=content, graphs=graphs())

    return make


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Test and Val with each colour three times."""
    root = tmp_path / "data"
    for split in ("Test", "Val"):
        (root / split).mkdir(parents=True)
        with (root / f"SewerML_{split}.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["Filename", *taxonomy().codes])
            for i in range(12):
                colour, code = COLOURS[i % 4]
                image = tiny.painted(colour) + np.random.default_rng(i).integers(0, 4, (96, 128, 3), dtype=np.uint8)
                cv2.imwrite(str(root / split / f"{i}.png"), image[..., ::-1])
                rows.writerow([f"{i}.png", *(int(c == code) for c in taxonomy().codes)])
    return root


def parity(out: Path, bundle: Path, trust: Path, *more: str) -> tuple[int, tuple[Measurement, ...]]:
    given = ["--bundle", str(bundle), "--trust", str(trust), "--provider", "cpu", "--quick", "--out", str(out)]
    code = main(["parity", *given, *more])
    return code, read_records([out])


def test_a_planted_loss_fails_on_a_data_set(
    tmp_path: Path, trust: Path, data: Path, bundle_with: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, (fp32, int8) = parity(tmp_path / "r.jsonl", bundle_with(4.0), trust, "--data", str(data))

    (error,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("error: "))
    assert code == 1 and "int8-x86 on cpu: loses" in error and "F2_CIW at the frozen thresholds" in error
    assert fp32.failed == () and fp32.figures["delta_f2_ciw"] == 0 and int8.failed
    assert int8.figures["decision_flips"] == 9 and int8.figures["f2_ciw"] == 0 < fp32.figures["f2_ciw"]
    assert int8.figures["delta_f2_ciw_low"] <= int8.figures["delta_f2_ciw"] <= int8.figures["delta_f2_ciw_high"] < 0
    assert (fp32.figures["f2 RB"], fp32.figures["n RB"], int8.figures["f2 RB"]) == (1.0, 3.0, 0.0)


def test_the_same_graph_twice_passes(tmp_path: Path, trust: Path, data: Path, bundle_with: Callable[..., Path]) -> None:
    code, records = parity(tmp_path / "r.jsonl", bundle_with(12.0), trust, "--data", str(data), "--num", "8", "--split", "Val")

    assert code == 0 and [record.figures["max_abs_dp"] for record in records] == [0, 0]
    assert records[1].settings["images"] == 8 and records[1].settings["tuned_on"] == "Val"


def carried_frames(*pictures: bytes, times: int = 5) -> dict[str, bytes]:
    """The files of a bundle that carries each colour so often, or these bytes in place of its pictures."""
    prepared = [picture_of(tiny.painted(colour, height=64, width=64)) for colour, _ in COLOURS] * times
    classes = [(code,) if code else () for _, code in COLOURS] * times
    own = evaluation_files(pictures or prepared, classes[: len(pictures) or None], data_name="painted", split="Test", licence="none")
    return {name.replace(".", "_"): content for name, content in own.items()}


def test_a_planted_loss_fails_on_the_frames_a_bundle_carries(tmp_path: Path, trust: Path, bundle_with: Callable[..., Path]) -> None:
    code, (fp32, int8) = parity(tmp_path / "r.jsonl", bundle_with(4.0, **carried_frames()), trust, "--on", "evaluation")

    assert code == 1 and fp32.settings["data"] == "painted" and fp32.settings["images"] == 20 and fp32.figures["f1_normal"] == 1.0
    assert int8.figures["delta_f1_normal"] < 0 and len(int8.failed) == 1 and not fp32.failed
    assert int8.figures["delta_f2_ciw_high"] < 0 and (int8.figures["f2 RB"], fp32.figures["f2 RB"]) == (0.0, 1.0)


def test_golden_frames_are_run_beside_the_frames_a_bundle_carries(tmp_path: Path, trust: Path, bundle_with: Callable[..., Path]) -> None:
    code, records = parity(tmp_path / "r.jsonl", bundle_with(12.0, **carried_frames()), trust)

    assert code == 0 and [record.settings["data"] for record in records] == ["golden frames", "painted"] * 2
    assert all(record.figures["f2_ciw"] > 0.1 for record in records[1::2])


def test_on_few_frames_a_loss_that_may_be_chance_is_undecided_and_one_that_is_not_breaks_the_gate() -> None:
    def lost(points: float, low: float, high: float) -> Parity:
        return Parity(
            "fp16", "fp32", 400, 0.1, 0.01, 5, delta_f2_ciw=-points / 100, delta_f2_ciw_interval=(low / 100, high / 100),
            delta_f2_ciw_tuned=-0.02, bound=0.005, bound_tuned=0.003,
        )  # fmt: skip

    assert judged_on_few(lost(0.4, -0.9, -0.1)) == ((), {})
    failed, undecided = judged_on_few(lost(0.8, -1.8, 0.1))
    assert failed == () and "400 images cannot tell" in undecided["verdict"] and "loses 0.80 points" in undecided["verdict"]
    failed, undecided = judged_on_few(lost(2.0, -3.0, -0.9))
    assert undecided == {} and "loses 2.00 points of F2_CIW at the frozen thresholds (-3.00 to -0.90), 0.5 allowed" in failed[0]


def test_a_graph_that_computes_something_else_fails_on_golden_frames(
    tmp_path: Path, trust: Path, bundle_with: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    code, (fp32, int8) = parity(tmp_path / "r.jsonl", bundle_with(4.0), trust)

    assert code == 1 and "off the packed one" in capsys.readouterr().err
    assert not fp32.failed and len(int8.failed) == 2 and int8.figures["decision_flips"] == 3
    assert "no labels" in fp32.not_measured["f2_ciw"] and "f2_ciw" not in fp32.figures


def test_a_runtime_that_does_not_come_up_is_not_measured_unless_asked_for(
    tmp_path: Path, trust: Path, bundle_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LINKS, "tensorrt", Link("tensorrt", lambda: None, LINKS["tensorrt"].create))  # installed, as far as one can see
    for module in ("openvino", "tensorrt"):
        monkeypatch.setitem(sys.modules, module, None)
    given = ["parity", "--bundle", str(bundle_path), "--trust", str(trust), "--out", str(tmp_path / "r.jsonl")]

    assert main(given) == 0
    absent, cpu = read_records([tmp_path / "r.jsonl"])
    assert absent.name == "fp32 on tensorrt" and absent.not_measured["f2_ciw"] and absent.figures == {} and not cpu.failed
    assert main([*given, "--provider", "tensorrt"]) == 1
    assert capsys.readouterr().err == f"error: {absent.not_measured['f2_ciw']}\n"


def test_a_bundle_without_evaluation_frames_is_told_so(
    tmp_path: Path, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", "--bundle", str(bundle_path), "--trust", str(trust), "--on", "evaluation"]) == 1

    (error,) = capsys.readouterr().err.splitlines()
    assert "carries no labelled evaluation frames; give --data DIR" in error


def test_evaluation_frames_that_are_no_pictures_are_refused(
    trust: Path, bundle_with: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for picture in (b"no picture", png(tiny.RED)):  # the second one was not prepared
        bundle = bundle_with(12.0, **carried_frames(picture))

        assert main(["parity", "--bundle", str(bundle), "--trust", str(trust)]) == 1
        assert "evaluation frame 0 is no picture of 64x64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--provider", "npu"], "there is no runtime 'npu'; choose one of"),
        (["--precision", "fp16"], "has no fp16 graph"),
        (["--data", "none"], "no such folder"),
        (["--split", "test"], "choose one of Train, Val, Test"),
        (["--on", "data"], "--on data and --data DIR belong together"),
        (["--num", "0"], "--num must be at least 1"),
        (["--bound", "-1"], "between 0 and 100"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    given: list[str], words: str, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["parity", "--bundle", str(bundle_path), "--trust", str(trust), *given]) == 1

    (error,) = capsys.readouterr().err.splitlines()
    assert words in error
