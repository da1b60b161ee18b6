"""Which graph runs: the quickest of those that agree with the trained model, found out once per machine."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import tiny
from edge_sdk.bundle import Bundle
from edge_sdk.contract.golden import GoldenFrame, golden_from_json
from edge_sdk.contract.manifest import Graph, Parity
from edge_sdk.errors import BundleError, ContractError, InputError
from edge_sdk.inspector import Inspector
from edge_sdk.runtime import choose, measure
from edge_sdk.runtime.choose import PRECISIONS, GraphChooser
from edge_sdk.runtime.links import LINKS, links
from edge_sdk.runtime.remembered import cache_folder
from edge_sdk.verbs import bundle_options

HALF = (0.5,) * 17
FILES = {"fp32": "model.onnx", "fp16": "fp16.onnx", "int8-trt": "trt.onnx", "int8-x86": "x86.onnx"}
MakeBundle = Callable[..., Bundle]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sewer-edge"


def slow_graph() -> bytes:
    """The colour model with a convolution that takes a hundred times its time and adds nothing."""
    model = onnx.load_from_string(tiny.tiny_graph())
    graph = model.graph
    first, second = np.ones((256, 3, 3, 3), np.float32), np.ones((3, 256, 5, 5), np.float32)
    graph.initializer.extend([numpy_helper.from_array(value, name) for value, name in ((first, "w1"), (second, "w2"))])
    graph.initializer.append(numpy_helper.from_array(np.array(1e-12, np.float32), "tiny"))
    at = next(i for i, node in enumerate(graph.node) if node.op_type == "AveragePool")
    extra = [
        helper.make_node("Conv", ["nchw", "w1"], ["wide"], pads=[1, 1, 1, 1]),
        helper.make_node("Conv", ["wide", "w2"], ["narrow"], pads=[2, 2, 2, 2]),
        helper.make_node("Mul", ["narrow", "tiny"], ["nothing"]),
        helper.make_node("Add", ["nchw", "nothing"], ["sum"]),
    ]
    graph.node[at].input[0] = "sum"
    nodes = [*graph.node[:at], *extra, *graph.node[at:]]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    return model.SerializeToString()


SLOW, QUICK = slow_graph(), tiny.tiny_graph()
WRONG = tiny.tiny_graph(gain=3.0)


def parity(precision: str, *, passed: bool | None) -> Parity:
    return Parity(precision, "torch float32", 8, 0.0, 0.0, 0, passed=passed)  # type: ignore[arg-type]


@pytest.fixture
def make(tmp_path: Path, trust: Path) -> MakeBundle:
    """Bundles of several graphs, by precision; each gives the colour model's scores unless it is WRONG."""

    def build(models: dict[str, bytes], verdicts: dict[str, bool | None] | None = None, **changes: Any) -> Bundle:
        content = tiny.tiny_content()
        del content["model.onnx"]
        golden = golden_from_json(content["golden.json"])
        frames = tuple(GoldenFrame(frame.file, dict.fromkeys(models, frame.scores["fp32"])) for frame in golden.frames)
        content["golden.json"] = msgspec.json.encode(msgspec.structs.replace(golden, tolerance=dict.fromkeys(models, 0.01), frames=frames))
        content |= {FILES[name]: data for name, data in models.items()}
        entries = tuple(Graph(name, FILES[name], "float32", 1.0, HALF, "protocol-0.5") for name in models)  # type: ignore[arg-type]
        verdicts = dict.fromkeys(models, True) if verdicts is None else verdicts
        checked = tuple(parity(name, passed=passed) for name, passed in verdicts.items())
        path = tiny.tiny_bundle(tmp_path / "some.bundle", content=content, **{"graphs": entries, "parity": checked, **changes})
        return Bundle.open(path, trust=[trust])

    return build


def chosen(bundle: Bundle, link: str, precision: str = "auto", *, threads: int | None = 1) -> list[str]:
    return [graph.precision for graph in GraphChooser(bundle, precision, threads=threads)(LINKS[link]).graphs]


def never_start(*args: object, **kwargs: object) -> None:
    raise AssertionError("measured")


def test_auto_takes_the_quickest_on_this_machine_and_says_why(make: MakeBundle) -> None:
    said: list[str] = []

    with Inspector(make({"fp32": SLOW, "int8-x86": QUICK}), threads=1, require="cpu", say=said.append) as inspector:
        assert inspector.session.precision == inspector.graph.precision == "int8-x86"
        assert "the quickest, measured on this machine now: fp32" in inspector.session.precision_reason
    assert "done once" in said[0] and "runs as int8-x86 on CPUExecutionProvider" in said[-1]


def test_names_do_not_decide(make: MakeBundle) -> None:
    assert chosen(make({"fp32": QUICK, "int8-x86": SLOW}), "cpu") == ["fp32", "int8-x86"]


def test_what_was_measured_is_remembered_for_bundle_machine_and_threads(
    make: MakeBundle, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make({"fp32": SLOW, "int8-x86": QUICK})
    assert chosen(bundle, "cpu") == ["int8-x86", "fp32"]

    monkeypatch.setattr(measure, "start", never_start)
    assert chosen(bundle, "cpu") == ["int8-x86", "fp32"]
    with pytest.raises(AssertionError, match="measured"):
        chosen(bundle, "cpu", threads=2)
    monkeypatch.setattr(measure, "fingerprint", lambda: "another machine")
    with pytest.raises(AssertionError, match="measured"):
        chosen(bundle, "cpu")


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"KEY": {"fp32": "quick"}}', '{"KEY": {}}', '{"KEY": [1]}', "\x00\xff"])
def test_a_damaged_memory_costs_a_measurement_and_no_more(text: str, make: MakeBundle, cache: Path) -> None:
    bundle = make({"fp32": SLOW, "int8-x86": QUICK})
    chosen(bundle, "cpu")
    (key,) = json.loads((cache / "precision.json").read_text())
    (cache / "precision.json").write_text(text.replace("KEY", key))

    assert set(chosen(bundle, "cpu")) == {"fp32", "int8-x86"}


def test_a_home_that_takes_no_file_is_no_error(make: MakeBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    assert chosen(make({"fp32": SLOW, "int8-x86": QUICK}), "cpu") == ["int8-x86", "fp32"]


@pytest.mark.parametrize("verdict", [False, None], ids=["failed", "unknown"])
def test_auto_never_takes_a_graph_that_is_not_proven_to_agree(
    verdict: bool | None, make: MakeBundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = make({"fp32": SLOW, "int8-x86": QUICK}, {"fp32": True, "int8-x86": verdict})
    monkeypatch.setattr(measure, "start", never_start)

    assert all(chosen(bundle, link.name) == ["fp32"] for link in links())
    assert "int8-x86" in GraphChooser(bundle, "auto", threads=1)(LINKS["cpu"]).reason
    assert chosen(bundle, "cpu", "int8-x86") == ["int8-x86"], "asked for, it runs"


def test_auto_takes_no_graph_at_all_where_each_has_failed(make: MakeBundle) -> None:
    with pytest.raises(BundleError, match="no graph has passed"):
        Inspector(make({"fp32": SLOW, "int8-x86": QUICK}, {"fp32": False, "int8-x86": False}))


def test_auto_never_takes_a_graph_that_fails_its_golden_frames_here(make: MakeBundle, cache: Path) -> None:
    with Inspector(make({"fp32": SLOW, "int8-x86": WRONG}), threads=1, require="cpu") as inspector:
        assert inspector.session.precision == "fp32" and "int8-x86 failed here" in inspector.session.precision_reason
    assert not (cache / "precision.json").exists(), "what failed is tried again at the next start"


def test_a_bundle_with_one_graph_is_never_measured(bundle: Bundle, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "start", never_start)

    with Inspector(bundle, threads=1) as inspector:
        assert inspector.session.precision_reason == "the bundle's only graph"
    assert not cache.exists()


def test_on_gpus_fp16_goes_first_and_tensorrt_gets_no_unsigned_int8(make: MakeBundle) -> None:
    bundle = make(dict.fromkeys(FILES, QUICK))

    assert chosen(bundle, "tensorrt") == ["fp16", "fp32", "int8-trt"]
    assert chosen(bundle, "cuda") == ["fp16", "fp32", "int8-trt", "int8-x86"]
    assert chosen(bundle, "tensorrt", "int8-x86") == []


@pytest.mark.parametrize(("x86", "on_cpu"), [(True, ["int8-x86", "int8-trt"]), (False, ["int8-trt", "int8-x86"])])
def test_int8_is_the_flavour_of_the_machine(x86: bool, on_cpu: list[str], make: MakeBundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "is_x86", lambda: x86)
    bundle = make(dict.fromkeys(FILES, QUICK))

    assert chosen(bundle, "cpu", "int8") == on_cpu
    assert chosen(bundle, "tensorrt", "int8") == ["int8-trt"]


def test_what_the_bundle_does_not_carry_is_an_error(bundle: Bundle) -> None:
    for precision in ("fp16", "int8"):
        with pytest.raises(ContractError, match=f"no {precision} graph; it carries: fp32"):
            Inspector(bundle, precision=precision)
    with pytest.raises(InputError, match="choose one of auto"):
        Inspector(bundle, precision="fp8")


def test_thresholds_are_the_manifests_unless_tuned_ones_are_asked_for(make: MakeBundle) -> None:
    tuned = Graph("fp32", "model.onnx", "float32", 1.0, HALF, "protocol-0.5", tuned_thresholds=(0.25,) * 17)
    bundle = make({"fp32": QUICK}, graphs=(tuned,))

    with Inspector(bundle, threads=1) as frozen, Inspector(bundle, threads=1, thresholds="tuned") as other:
        assert (frozen.graph.thresholds, frozen.graph.threshold_origin) == (HALF, "protocol-0.5")
        assert (other.graph.thresholds, other.graph.threshold_origin) == ((0.25,) * 17, "tuned-on-validation")
    with pytest.raises(ContractError, match="no tuned thresholds for fp32"):
        Inspector(make({"fp32": QUICK}), thresholds="tuned")


def test_the_command_lines_words_are_the_ones_there_are() -> None:
    assert (PRECISIONS, tuple(LINKS)) == (bundle_options.PRECISIONS, bundle_options.PROVIDERS)


def test_a_runtime_that_refuses_the_first_graph_gets_the_next(make: MakeBundle) -> None:
    """The chain walks the chooser's list: what fails warm-up or golden frames there is not the end of the runtime."""
    from edge_sdk.runtime.chain import ChainSession

    bundle = make({"fp16": WRONG, "fp32": QUICK})
    gpu = replace(LINKS["cpu"], name="tensorrt", on_cpu=False)

    session = ChainSession(bundle, [gpu], GraphChooser(bundle, "auto", threads=1), threads=1)

    assert [(attempt.precision, attempt.reason) for attempt in session.attempts] == [("fp16", "golden_mismatch"), ("fp32", None)]


def test_a_relative_cache_folder_is_ignored_as_the_specification_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))

    assert cache_folder() == tmp_path / ".cache" / "sewer-edge"
