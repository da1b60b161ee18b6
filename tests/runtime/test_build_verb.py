from pathlib import Path
from typing import Any

import pytest

from edge_sdk.bundle import Bundle
from edge_sdk.cli import _parser
from edge_sdk.runtime import engine_plan
from edge_sdk.runtime.engine import engine_from_onnx
from edge_sdk.runtime.tensorrt import session_from_onnx
from edge_sdk.verbs import build
from runtime.standin_machine import Machine


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Builds in this process instead of a child, which `test_engine_process` covers; the list holds what was asked for."""
    asked = list[Any]()

    def built(onnx: bytes, options: Any, *, timings: bytes, limits: Any, **rest: Any) -> Any:
        asked.append((options, limits))
        return engine_from_onnx(onnx, options, timings=timings)

    monkeypatch.setattr(engine_plan, "engine_in_child", built)
    return asked


def sewer_edge(*arguments: str | Path) -> int:
    """The verb as the command line runs it, errors included."""
    import argparse

    from edge_sdk.errors import EdgeSdkError

    parser = argparse.ArgumentParser()
    build.add_arguments(parser)
    try:
        return build.run(parser.parse_args(list(map(str, arguments))))
    except EdgeSdkError as error:
        print(f"error: {error}")
        return 1


def test_engines_are_built_tried_on_the_golden_frames_and_found_again(
    machine: Machine, bundle_path: Path, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine("8.6.0")
    arguments = (bundle_path, "--trust", trust, "--cache", tmp_path / "engines")

    assert sewer_edge(*arguments) == 0
    first = capsys.readouterr()
    assert sewer_edge(*arguments) == 0
    second = capsys.readouterr()

    assert "TensorRT 8.6.0" in first.out and "built in" in first.out and "passed" in first.out and "CUDA graph yes" in first.out
    assert "found in the cache" in second.out and len(second.out.splitlines()) == 1
    assert "this takes minutes" in first.err and not second.err


def test_options_reach_the_builder(machine: Machine, bundle_path: Path, trust: Path, tmp_path: Path, in_process: list[Any]) -> None:
    machine()
    options = ("--precision", "fp32", "--workspace-mb", "64", "--optimisation-level", "2", "--timeout-s", "77", "--force")
    assert sewer_edge(bundle_path, "--trust", trust, "--cache", tmp_path / "engines", *options) == 0
    ((asked, limits),) = in_process
    assert (asked.precision, asked.workspace_mb, asked.optimisation_level, limits.time_s) == ("fp32", 64, 2, 77)


def test_what_was_chosen_at_the_build_is_what_a_session_looks_for(
    machine: Machine, bundle_path: Path, trust: Path, in_process: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that is short of memory would else build a second engine, with the workspace that it has not."""
    machine()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert sewer_edge(bundle_path, "--trust", trust, "--workspace-mb", "64") == 0
    bundle = Bundle.open(bundle_path, trust=[trust])

    session_from_onnx(bundle.read("model.onnx"), precision="fp32").close()

    assert [options.workspace_mb for options, _ in in_process] == [64]
    assert sewer_edge(bundle_path, "--trust", trust) == 0  # the last choice counts
    session_from_onnx(bundle.read("model.onnx"), precision="fp32").close()
    assert [options.workspace_mb for options, _ in in_process] == [64, 1024]


@pytest.mark.parametrize(("settings", "words"), [({"gpu": {"num_devices": 0}}, "no CUDA device"), ({"shown_version": "10.2.0"}, "10.2.0")])
def test_no_gpu_or_no_good_tensorrt_is_one_line(
    machine: Machine, bundle_path: Path, trust: Path, settings: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(**settings)
    assert sewer_edge(bundle_path, "--trust", trust) == 1
    out = capsys.readouterr().out
    assert out.startswith("error: ") and words in out and len(out.splitlines()) == 1


def test_a_precision_the_bundle_lacks_is_one_line(
    machine: Machine, bundle_path: Path, trust: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine()
    assert sewer_edge(bundle_path, "--trust", trust, "--precision", "fp16") == 1
    assert "has no fp16 graph for TensorRT; it has fp32" in capsys.readouterr().out


def test_an_engine_that_cannot_be_built_is_one_line_and_exit_code_1(
    machine: Machine, bundle_path: Path, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(refuse="no implementation")
    assert sewer_edge(bundle_path, "--trust", trust, "--cache", tmp_path / "engines") == 1
    assert "error: fp32: TensorRT 10.16.1 builds no fp32 engine: Error Code 4: no implementation" in capsys.readouterr().err


def test_an_engine_that_cannot_be_kept_is_said_and_exit_code_1(
    machine: Machine, bundle_path: Path, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It would be built again at each start."""
    machine()
    (tmp_path / "file").write_bytes(b"")
    assert sewer_edge(bundle_path, "--trust", trust, "--cache", tmp_path / "file" / "engines") == 1
    captured = capsys.readouterr()
    assert "passed" in captured.out and "not kept" in captured.err


def test_an_engine_that_fails_the_golden_frames_is_exit_code_1(
    machine: Machine, trust: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import tiny

    machine()
    wrong = tiny.tiny_content(**{"model.onnx": tiny.tiny_graph(gain=3.0)})
    path = tiny.tiny_bundle(tmp_path / "wrong.bundle", content=wrong)
    assert sewer_edge(path, "--trust", trust, "--cache", tmp_path / "engines") == 1
    assert "FAILED" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [("--workspace-mb", "1"), ("--optimisation-level", "6"), ("--timeout-s", "0"), ("--workspace-mb", "x")]
)
def test_wrong_numbers_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        sewer_edge(*arguments)
    assert caught.value.code == 2


def test_the_verb_is_on_the_command_line() -> None:
    assert _parser().parse_args(["build", "--precision", "fp16"]).precision == ["fp16"]
