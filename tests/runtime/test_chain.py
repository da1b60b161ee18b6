"""The chain holds its order, records every reason, and never lets a broken runtime speak."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

import tiny
from edge_sdk import open_source
from edge_sdk.bundle import Bundle
from edge_sdk.contract.preprocess import prepare
from edge_sdk.errors import ContractError, CorruptBundleError, InferenceError, InputError, RuntimeUnavailableError
from edge_sdk.inspect_film import inspect_film
from edge_sdk.inspector import Inspector
from edge_sdk.records import inspection_from_json
from edge_sdk.runtime import engine_plan
from edge_sdk.runtime.chain import MAX_FAILURES_IN_A_ROW, ChainSession
from edge_sdk.runtime.engine import engine_from_onnx
from edge_sdk.runtime.failure import LinkFailure, reason_of
from edge_sdk.runtime.links import LINKS, Link, links
from edge_sdk.runtime.machine import is_x86
from edge_sdk.runtime.onnx import CPU
from runtime.scripted import LOST, NAN, OOM, START_RUNS, at, first_graph, link, since
from runtime.standin_machine import Machine

FRAMES = np.stack([prepare(tiny.painted(tiny.RED), tiny.SPEC)])
BROKEN = RuntimeError("broken")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sewer-edge"


def chain(bundle: Bundle, *chain_links: Link) -> ChainSession:
    return ChainSession(bundle, chain_links, first_graph(bundle), threads=1)


def story(session: ChainSession) -> list[tuple[str, str | None, str | None]]:
    return [(attempt.provider, attempt.stage, attempt.reason) for attempt in session.attempts]


def answers(session: ChainSession) -> bool:
    """Whether the next frame gets the tiny model's own scores."""
    return bool(np.allclose(session.run(FRAMES).logits_NC, EXPECTED, atol=1e-4))


EXPECTED = LINKS["cpu"].create(tiny.tiny_graph, precision="fp32", threads=1, say=print).run(FRAMES).logits_NC

FAULTS = {
    "import": ({"missing": LinkFailure("import", "not_installed", "there is no Python module")}, ("import", "not_installed")),
    "create": ({"create": [BROKEN]}, ("create", "create_failed")),
    "create without memory, twice": ({"create": [OOM, OOM]}, ("create", "out_of_memory")),
    "warm-up raises": ({"script": at(0, what=BROKEN)}, ("warm_up", "inference_failed")),
    "warm-up gives NaN": ({"script": at(0, what=NAN)}, ("warm_up", "bad_outputs")),
    "golden frame raises": ({"script": at(3, what=InferenceError("lost"))}, ("self_test", "inference_failed")),
    "golden frame gives NaN": ({"script": at(3, what=NAN)}, ("self_test", "bad_outputs")),
    "golden frames differ": ({"model": tiny.tiny_graph(gain=3.0)}, ("self_test", "golden_mismatch")),
}


@pytest.mark.parametrize("tensorrt", FAULTS)
@pytest.mark.parametrize("cuda", FAULTS)
def test_each_link_failing_at_each_stage_gives_the_next_one_in_order_with_its_reason(tensorrt: str, cuda: str, bundle: Bundle) -> None:
    (first, first_why), (second, second_why) = FAULTS[tensorrt], FAULTS[cuda]

    session = chain(bundle, link("tensorrt", **first), link("cuda", **second), LINKS["cpu"])

    assert story(session) == [("tensorrt", *first_why), ("cuda", *second_why), ("cpu", None, None)]
    assert session.provider == CPU and answers(session)


def test_the_first_that_holds_serves_and_the_rest_is_not_touched(bundle: Bundle) -> None:
    log: list[str] = []

    session = chain(bundle, link("tensorrt", log=log), link("cuda", log=log), LINKS["cpu"])

    assert (session.provider, story(session), log) == ("tensorrt", [("tensorrt", None, None)], ["create tensorrt"])


def test_out_of_memory_at_creation_is_tried_once_more(bundle: Bundle) -> None:
    session = chain(bundle, link("cuda", create=[OOM]), LINKS["cpu"])

    assert (session.provider, story(session)) == ("cuda", [("cuda", None, None)])


def test_out_of_memory_at_a_run_is_tried_once_more_after_freeing_and_costs_no_frame(bundle: Bundle) -> None:
    log: list[str] = []
    session = chain(bundle, link("cuda", script=at(START_RUNS + 1, what=OOM), log=log), LINKS["cpu"])
    session.run(FRAMES)

    assert answers(session) and session.provider == "cuda"
    assert log == ["create cuda", "close cuda", "create cuda"]


def test_out_of_memory_again_gives_the_next_link(bundle: Bundle) -> None:
    restart = START_RUNS + 1 + START_RUNS
    session = chain(bundle, link("cuda", script=at(START_RUNS, restart + 3, what=OOM)), LINKS["cpu"])
    for _ in range(3):
        assert answers(session)

    with pytest.raises(InferenceError, match="out of memory"):
        session.run(FRAMES)

    assert session.provider == CPU and answers(session)
    assert story(session) == [("cuda", None, None), ("cuda", "run", "out_of_memory"), ("cpu", None, None)]


def test_out_of_memory_that_lasts_is_one_dropped_frame(bundle: Bundle) -> None:
    session = chain(bundle, link("cuda", script=since(START_RUNS, OOM)), LINKS["cpu"])

    with pytest.raises(InferenceError, match="out of memory"):
        session.run(FRAMES)

    assert session.provider == CPU and answers(session)
    assert story(session)[1:] == [("cuda", "run", "out_of_memory"), ("cpu", None, None)]


@pytest.mark.parametrize("fault", [BROKEN, InferenceError("broken"), NAN], ids=["vendor's error", "ours", "NaN"])
def test_failures_in_a_row_give_the_next_link_and_a_burst_does_not(fault: Exception | str, bundle: Bundle) -> None:
    burst = range(START_RUNS, START_RUNS + MAX_FAILURES_IN_A_ROW)
    session = chain(bundle, link("tensorrt", script=lambda run: fault if run in burst or run > burst[-1] + 1 else None), LINKS["cpu"])

    for _ in burst:
        with pytest.raises(InferenceError):
            session.run(FRAMES)
    assert answers(session) and session.provider == "tensorrt"
    for _ in range(MAX_FAILURES_IN_A_ROW + 1):
        with pytest.raises(InferenceError):
            session.run(FRAMES)

    assert session.provider == CPU and answers(session)
    assert [step[:2] for step in story(session)] == [("tensorrt", None), ("tensorrt", "run"), ("cpu", None)]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(LOST, "cuda_context_lost"), (InferenceError("TensorRT 10.3 failed: no answer in 30 s"), "hung")],
    ids=["lost", "hung"],
)
def test_a_lost_gpu_is_given_up_at_once_with_every_runtime_that_needs_it(fault: Exception, reason: str, bundle: Bundle) -> None:
    log: list[str] = []
    cuda = replace(link("cuda", log=log), trial_s=1.0)
    session = chain(bundle, link("tensorrt", script=since(START_RUNS, fault), log=log), cuda, LINKS["cpu"])

    with pytest.raises(InferenceError):
        session.run(FRAMES)

    assert session.provider == CPU and answers(session)
    assert story(session)[1:] == [("tensorrt", "run", reason), ("cuda", "create", reason), ("cpu", None, None)]
    assert log == ["create tensorrt"], "nothing of a lost GPU is freed or made"


def test_what_ran_is_still_known_after_closing(bundle: Bundle) -> None:
    session = chain(bundle, link("tensorrt", script=at(START_RUNS, what=LOST)), LINKS["cpu"])
    with pytest.raises(InferenceError):
        session.run(FRAMES)
    session.close()

    assert (session.provider, session.threads, session.precision) == (CPU, 1, "fp32")
    with pytest.raises(InferenceError, match="no runtime is left"):
        session.run(FRAMES)


def test_the_real_tensorrt_link_on_a_stand_in_gpu(machine: Machine, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the vendor's library is real; building in this process, since a child would not see the stand-in."""
    machine("10.16.1")
    monkeypatch.setattr(
        engine_plan, "engine_in_child", lambda onnx, options, *, timings, **rest: engine_from_onnx(onnx, options, timings=timings)
    )

    session = chain(bundle, replace(LINKS["tensorrt"], trial_s=None), LINKS["cpu"])

    assert session.provider == "TensorRT 10.16.1" and answers(session) and story(session) == [("tensorrt", None, None)]
    session.close()


def test_there_is_no_climbing_back(bundle: Bundle) -> None:
    session = chain(bundle, link("tensorrt", script=at(START_RUNS, what=LOST)), link("cpu"))
    with pytest.raises(InferenceError):
        session.run(FRAMES)

    assert all(answers(session) and session.provider == "cpu" for _ in range(20))


def test_the_last_link_stays_and_comes_back_when_its_trouble_ends(bundle: Bundle) -> None:
    session = chain(bundle, link("cpu", script=lambda run: BROKEN if START_RUNS <= run < START_RUNS + 9 else None))

    for _ in range(9):
        with pytest.raises(InferenceError):
            session.run(FRAMES)

    assert answers(session) and session.provider == "cpu"
    assert story(session) == [("cpu", None, None), ("cpu", "run", "inference_failed")], "said once"


def test_the_last_link_that_finds_no_memory_to_start_again_does_so_later(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    session = chain(bundle, link("cpu", script=at(START_RUNS, what=OOM), create=[None, OOM, OOM, OOM, OOM]))

    for words in ("out of memory", "no runtime is left"):
        with pytest.raises(InferenceError, match=words):
            session.run(FRAMES)
    monkeypatch.setattr("edge_sdk.runtime.chain.REST_S", 0.0)
    session._rests_until_s = 0.0
    with pytest.raises(InferenceError, match="no runtime is left"):
        session.run(FRAMES)

    assert answers(session) and session.provider == "cpu"


def test_when_every_link_has_failed_each_frame_is_our_error(bundle: Bundle) -> None:
    session = chain(bundle, link("cuda", script=since(START_RUNS, LOST)), link("cpu", create=[BROKEN]))

    for words in ("illegal memory access", "no runtime is left", "no runtime is left"):
        with pytest.raises(InferenceError, match=words):
            session.run(FRAMES)
    assert session.provider == "none"


def test_no_link_at_all_says_what_each_one_said_in_one_line(bundle: Bundle) -> None:
    with pytest.raises(RuntimeUnavailableError, match=r"cuda fp32 failed at create.*cpu failed at import.*doctor") as caught:
        chain(bundle, link("cuda", create=[RuntimeError("two\nlines")]), link("cpu", missing=LinkFailure("import", "not_installed", "no")))
    assert "\n" not in str(caught.value)


def test_a_graph_of_another_contract_is_not_blamed_on_the_runtime(bundle: Bundle) -> None:
    with pytest.raises(ContractError):
        chain(bundle, link("tensorrt", create=[ContractError("another class list")]), LINKS["cpu"])


def altered(path: Path) -> None:
    content, inside = path.read_bytes(), tiny.tiny_content()["model.onnx"]
    path.write_bytes(content.replace(inside, inside[:-1] + bytes([inside[-1] ^ 1])))  # in place: the same inode


def test_a_bundle_altered_on_the_disk_never_begins(tmp_path: Path, trust: Path) -> None:
    bundle = Bundle.open(path := tiny.tiny_bundle(tmp_path / "own.bundle"), trust=[trust])
    altered(path)

    with pytest.raises(CorruptBundleError, match="not what was signed"):
        chain(bundle, link("tensorrt"), LINKS["cpu"])


def test_a_bundle_altered_during_a_run_costs_frames_and_not_the_run(tmp_path: Path, trust: Path) -> None:
    bundle = Bundle.open(path := tiny.tiny_bundle(tmp_path / "own.bundle"), trust=[trust])
    session = chain(bundle, link("tensorrt", script=at(START_RUNS + 1, what=LOST)), LINKS["cpu"])
    altered(path)
    assert answers(session)

    for words in ("illegal memory access", "no runtime is left"):
        with pytest.raises(InferenceError, match=words):
            session.run(FRAMES)

    assert story(session)[1:] == [("tensorrt", "run", "cuda_context_lost"), ("cpu", "create", "bundle_altered")]


def test_on_a_machine_without_a_gpu_the_real_chain_comes_to_the_cpu(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])

    with Inspector(bundle, threads=1) as inspector:
        assert story(inspector.session) == [
            ("tensorrt", "import", "not_installed"),
            ("cuda", "import", "provider_missing"),
            ("openvino", "import", "not_installed" if is_x86() else "provider_missing"),
            ("cpu", None, None),
        ]


@pytest.mark.parametrize("provider", ["tensorrt", "cuda"])
def test_a_required_runtime_that_is_missing_is_an_error(provider: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setattr(ort, "get_available_providers", lambda: [CPU])

    with pytest.raises(RuntimeUnavailableError, match=f"{provider} failed at import"):
        Inspector(bundle, require=provider)  # type: ignore[arg-type]


def test_a_required_runtime_has_no_other_after_it(bundle: Bundle) -> None:
    assert [item.name for item in links("cpu")] == ["cpu"]
    assert [item.name for item in links()] == ["tensorrt", "cuda", "openvino", "cpu"]
    with pytest.raises(InputError, match="no runtime 'gpu'"):
        links("gpu")  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:Specified provider")
def test_onnxruntime_that_silently_takes_the_cpu_is_a_failure_of_the_cuda_link(bundle: Bundle) -> None:
    """The real library: asked for CUDA, this build warns and makes a CPU session."""
    session = chain(bundle, replace(LINKS["cuda"], missing=lambda: None, trial_s=None), LINKS["cpu"])

    assert story(session) == [("cuda", "create", "silent_cpu"), ("cpu", None, None)]


@pytest.mark.parametrize(("parts", "reason"), [(["shared"], "provider_missing"), (["shared", "cuda"], None), ([], None)])
def test_a_build_without_cuda_is_told_by_its_files_before_it_is_loaded(
    parts: list[str], reason: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnxruntime" / "capi").mkdir(parents=True)
    for part in parts:
        (tmp_path / "onnxruntime" / "capi" / f"libonnxruntime_providers_{part}.so").write_bytes(b"")
    (tmp_path / "onnxruntime" / "__init__.py").write_text("def get_available_providers(): return ['CUDAExecutionProvider']")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "onnxruntime")

    failure = LINKS["cuda"].missing()

    assert (failure.reason if failure else None) == reason and ("onnxruntime" in sys.modules) == (reason is None)


def with_cuda_in_the_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CUDAExecutionProvider", CPU])


def stub_onnxruntime(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child process imports as onnxruntime; this process has the real one already."""
    (folder / "onnxruntime").mkdir(parents=True)
    (folder / "onnxruntime" / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))


@pytest.mark.parametrize(("code", "words"), [("abort()", "SIGABRT"), ("kill(os.getpid(), 11)", "SIGSEGV"), ("_exit(3)", "exit code 3")])
def test_a_loader_that_crashes_takes_a_child_with_it_and_the_next_link_serves(
    code: str, words: str, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_cuda_in_the_build(monkeypatch)
    stub_onnxruntime(tmp_path / "stub", f"import os; print('libcuda: last words', flush=True); os.{code}", monkeypatch)

    session = chain(bundle, LINKS["cuda"], LINKS["cpu"])

    assert story(session) == [("cuda", "create", "loader_crashed"), ("cpu", None, None)]
    assert words in session.attempts[0].detail and "last words" in session.attempts[0].detail and answers(session)


def test_a_loader_that_hangs_is_killed(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_cuda_in_the_build(monkeypatch)
    stub_onnxruntime(tmp_path / "stub", "import time; time.sleep(1000)", monkeypatch)

    session = chain(bundle, replace(LINKS["cuda"], trial_s=1.0), LINKS["cpu"])

    assert story(session) == [("cuda", "create", "loader_timed_out"), ("cpu", None, None)]


def test_a_childs_own_reason_is_the_links(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real library in the child: it cannot have CUDA here."""
    with_cuda_in_the_build(monkeypatch)

    session = chain(bundle, LINKS["cuda"], LINKS["cpu"])

    assert story(session) == [("cuda", "create", "silent_cpu"), ("cpu", None, None)]


def test_a_trial_that_passed_is_not_repeated_on_this_machine(bundle: Bundle, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = replace(LINKS["cpu"], trial_s=60.0)
    assert chain(bundle, tried).provider == CPU and (cache / "trials.json").is_file()

    monkeypatch.setattr(sys, "executable", "/nonexistent")
    assert chain(bundle, tried).provider == CPU

    (cache / "trials.json").write_text('{"nonsense": [')
    with pytest.raises(RuntimeUnavailableError, match="cannot be started"):
        chain(bundle, tried)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[E:onnxruntime] CUDA failure 700: an illegal memory access was encountered ; GPU=0", "cuda_context_lost"),
        ("BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 1048576", "out_of_memory"),
        ("1: [defaultAllocator.cpp::allocate] Error Code 1: Cuda Runtime (out of memory)", "out_of_memory"),
        ("cuMemAlloc failed: CUDA_ERROR_OUT_OF_MEMORY", "out_of_memory"),
        ("OpenVINO failed on a batch of shape (2, 160, 160, 3): std::bad_alloc", "out_of_memory"),
        ("[CPU] MulAdd node with name 'M' Check 'ptr' failed: Failed to allocate 19660800 bytes of memory", "out_of_memory"),
        ("cudaErrorLaunchFailure: unspecified launch failure", "cuda_context_lost"),
        ("the model returned NaN or infinity; its result is discarded", "bad_outputs"),
        ("something else", "otherwise"),
    ],
)
def test_reasons_are_read_from_the_runtimes_words(text: str, code: str) -> None:
    assert reason_of(text, otherwise="otherwise") == code


def test_a_whole_inspection_over_a_runtime_that_turns_to_nan(bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Red all along; from the 20th frame on TensorRT gives NaN: four frames are lost, the CPU goes on, and the record says so."""

    def failing(require: None) -> tuple[Link, ...]:
        return link("tensorrt", script=since(START_RUNS + 20, NAN)), link("cuda", create=[BROKEN]), LINKS["cpu"]

    monkeypatch.setattr("edge_sdk.inspector.links", failing)
    film = tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED)] * 60, fps=10)
    providers = []

    inspection, written = inspect_film(film, bundle=bundle, out=tmp_path / "out", film=False)
    with Inspector(bundle) as inspector, open_source(film) as source:
        assert list(inspector.run(source, on_frame=lambda result: providers.append(result.provider)))

    counts, model = inspection.accounting, inspection.model
    assert counts.dropped == {"inference_failed": 4} and counts.processed == 56
    (crack,) = inspection.observations
    assert crack.class_.code == "RB" and 0 < crack.score.peak <= 1 and crack.score.frames_positive <= 56
    assert model.provider == CPU == providers[-1]
    (change,) = model.provider_changes
    assert (change.frame_index, change.from_, change.to, change.reason) == (23, "tensorrt", CPU, "bad_outputs")
    assert [(a.provider, a.stage) for a in model.attempts] == [("tensorrt", None), ("tensorrt", "run"), ("cuda", "create"), ("cpu", None)]
    assert any("From frame 23 on" in notice for notice in inspection.notices)
    assert inspection_from_json(written["json"].read_bytes()) == inspection
    assert "bad_outputs" in written["html"].read_text(encoding="utf-8")
