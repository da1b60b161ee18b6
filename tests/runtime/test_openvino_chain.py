"""OpenVINO in the chain: it goes first on an x86 processor, and onnxruntime takes over where it fails, in both modes, on the record."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tiny
from edge_sdk import open_source
from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import Outputs
from edge_sdk.contract.preprocess import prepare
from edge_sdk.errors import InferenceError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.inspector import Inspector, worker_sessions
from edge_sdk.records import Inspection
from edge_sdk.runtime import choose, measure
from edge_sdk.runtime.chain import ChainSession
from edge_sdk.runtime.choose import GraphChooser
from edge_sdk.runtime.links import LINKS, Link, links
from edge_sdk.runtime.onnx import CPU
from edge_sdk.runtime.openvino import OpenVinoSession
from runtime.scripted import START_RUNS, first_graph, link, since

pytestmark = pytest.mark.skipif(LINKS["openvino"].missing() is not None, reason="OpenVINO is optional, and for x86 processors")

FRAMES = np.stack([prepare(tiny.painted(tiny.RED), tiny.SPEC)])
BROKEN = RuntimeError("broken")
RunSession = Callable[[OpenVinoSession, np.ndarray], Outputs]


@pytest.fixture(autouse=True)
def no_gpu_and_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "tensorrt", None)


def story(session: ChainSession) -> list[tuple[str, str | None, str | None]]:
    """The tries on a CPU."""
    return [(item.provider, item.stage, item.reason) for item in session.attempts if item.provider in {"openvino", "cpu"}]


def film(path: Path, *, num: int = 60) -> Path:
    return tiny.write_film(path, [tiny.painted(tiny.RED)] * num, fps=10)


def failing_from(monkeypatch: pytest.MonkeyPatch, number: int, fail: RunSession) -> None:
    """Every run of OpenVINO from a given one on, over all its sessions, is another."""
    whole, runs = OpenVinoSession.run, iter(range(10**9))

    def run(self: OpenVinoSession, images_NHWC: np.ndarray) -> Outputs:
        return fail(self, images_NHWC) if next(runs) >= number else whole(self, images_NHWC)

    monkeypatch.setattr(OpenVinoSession, "run", run)


def refused(self: OpenVinoSession, images_NHWC: np.ndarray) -> Outputs:
    raise InferenceError("OpenVINO failed on a batch of shape (1, 64, 64, 3): could not execute a primitive")


def test_it_serves_where_it_is_and_is_named(bundle: Bundle) -> None:
    with Inspector(bundle, threads=1) as inspector:
        assert story(inspector.session) == [("openvino", None, None)]
        assert inspector.session.provider.startswith("OpenVINO 20") and inspector.on_cpu
        assert inspector.self_test.passed and inspector.self_test.num_frames == 4
    with Inspector(bundle, threads=1, require="cpu") as inspector:
        assert inspector.session.provider == CPU and inspector.on_cpu
    with Inspector(bundle, threads=1, require="openvino") as inspector:
        assert inspector.session.link is LINKS["openvino"]


@pytest.mark.parametrize("what", ["cannot be loaded", "gives other scores"])
def test_onnxruntime_takes_over_from_one_that_cannot_begin(what: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    if what == "cannot be loaded":
        monkeypatch.setitem(sys.modules, "openvino._pyopenvino", None)
        expected = ("openvino", "create", "create_failed")
    else:
        run = OpenVinoSession.run

        def other(self: OpenVinoSession, images_NHWC: np.ndarray) -> Outputs:
            outputs = run(self, images_NHWC)
            return Outputs(outputs.logits_NC + np.float32(1.0), outputs.maps_NChw)

        monkeypatch.setattr(OpenVinoSession, "run", other)
        expected = ("openvino", "self_test", "golden_mismatch")
    said: list[str] = []

    with Inspector(bundle, threads=1, say=said.append) as inspector:
        assert story(inspector.session) == [expected, ("cpu", None, None)]
        assert inspector.session.provider == CPU and inspector.self_test.passed
    assert any(line.startswith(f"openvino fp32 failed at {expected[1].replace('_', '-')}") for line in said)


def whole_inspection(bundle: Bundle, folder: Path, **options: Any) -> Inspection:
    return inspect_film(film(folder / "film.mp4"), bundle=bundle, out=folder / "out", film=False, **options)[0]


@pytest.mark.parametrize("mode", ["latency", "throughput"])
def test_onnxruntime_goes_on_with_a_film_on_which_it_fails(
    mode: str, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_from(monkeypatch, START_RUNS + 10, refused)

    inspection = whole_inspection(bundle, tmp_path, mode=mode)

    model, counts = inspection.model, inspection.accounting
    attempts = [(item.provider, item.stage, item.reason) for item in model.attempts if item.provider in {"openvino", "cpu"}]
    assert attempts == [("openvino", None, None), ("openvino", "run", "inference_failed"), ("cpu", None, None)]
    assert counts.received == 60 and 1 <= counts.dropped["inference_failed"] <= 40 and counts.processed == 60 - sum(counts.dropped.values())
    (change,) = model.provider_changes
    assert change.to == CPU and change.reason == "inference_failed"
    assert any("OpenVINO" in notice and "gave up" in notice for notice in inspection.notices)
    assert [item.class_.code for item in inspection.observations] == ["RB"]


def test_workers_of_one_made_for_quick_answers_go_on_as_well(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    providers: list[str] = []
    with Inspector(bundle, threads=2) as inspector, open_source(film(tmp_path / "film.mp4")) as source:
        failing_from(monkeypatch, 10, refused)
        list(inspector.run(source, mode="throughput", on_frame=lambda result: providers.append(result.provider)))

        assert providers[0].startswith("OpenVINO") and providers[-1] == CPU == inspector.session.provider
        assert inspector.session.run(FRAMES).logits_NC.shape == (1, 17)


def test_one_that_is_required_has_no_other_after_it_and_says_so_once(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_from(monkeypatch, START_RUNS + 10, refused)

    inspection = whole_inspection(bundle, tmp_path, mode="throughput", require="openvino")

    counts = inspection.accounting
    assert counts.dropped["inference_failed"] >= 40 and counts.processed + counts.dropped["inference_failed"] == 60
    assert [(item.provider, item.stage) for item in inspection.model.attempts] == [("openvino", None), ("openvino", "run")]


def test_workers_share_one_load_and_their_scores_are_onnxruntimes(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = film(tmp_path / "film.mp4", num=30)
    scores: dict[str, np.ndarray] = {}
    loads: list[int | None] = []
    whole = OpenVinoSession.__init__

    def noted(self: OpenVinoSession, model: Any, *, precision: str = "fp32", threads: int | None = None) -> None:
        loads.append(threads)
        whole(self, model, precision=precision, threads=threads)

    monkeypatch.setattr(OpenVinoSession, "__init__", noted)
    for require in ("openvino", "cpu"):
        found: list[np.ndarray] = []
        with Inspector(bundle, mode="throughput", require=require) as inspector, open_source(path) as source:
            list(inspector.run(source, on_frame=lambda result, found=found: found.append(result.scores_C)))
        scores[require] = np.array(found)

    assert loads == [1] and scores["cpu"].shape == (30, 17)
    np.testing.assert_allclose(scores["openvino"], scores["cpu"], atol=1e-5)


def test_workers_on_it_are_made_by_name_too(bundle: Bundle) -> None:
    new_session = worker_sessions(bundle, bundle.manifest.graphs[0], provider="openvino")
    workers = [new_session() for _ in range(3)]

    assert {worker.provider for worker in workers} == {workers[0].provider} and workers[0].provider.startswith("OpenVINO")
    for worker in workers:
        assert worker.run(FRAMES).logits_NC.shape == (1, 17)
        worker.close()


def test_a_gpu_that_is_lost_leaves_the_frames_to_it(bundle: Bundle) -> None:
    chain_links: tuple[Link, ...] = (link("cuda", script=since(START_RUNS, BROKEN)), *links()[2:])
    session = ChainSession(bundle, chain_links, first_graph(bundle), threads=1)
    for _ in range(4):
        with pytest.raises(Exception, match="broken"):
            session.run(FRAMES)

    assert session.run(FRAMES).logits_NC.shape == (1, 17) and session.provider.startswith("OpenVINO")


def test_it_takes_the_x86_form_of_int8_and_what_is_quickest_on_it(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose._int8_order(LINKS["openvino"]) == ("int8-x86", "int8-trt")

    keys: list[str] = []
    for installed in ("openvino 2026.4.1", "openvino 2027.0.0"):
        monkeypatch.setattr(measure, "version_of", lambda *names, installed=installed: installed if "openvino" in names else "")
        keys.append(measure._key(bundle, bundle.manifest.graphs, LINKS["openvino"], 1))
    assert keys[0] != keys[1] and keys[0] != measure._key(bundle, bundle.manifest.graphs, LINKS["cpu"], 1)
    assert GraphChooser(bundle, "auto", threads=1)(LINKS["openvino"]).graphs == bundle.manifest.graphs
