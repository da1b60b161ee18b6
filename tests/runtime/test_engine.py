from typing import Any

import onnx
import pytest

import tiny
from edge_sdk.errors import EngineError
from edge_sdk.runtime.engine import engine_from_onnx
from edge_sdk.runtime.engine_options import EngineOptions
from runtime.standin_machine import Machine
from runtime.standin_tensorrt import head_of

VERSIONS = ["8.6.0", "10.16.1", "11.4.0"]


def built(
    machine: Machine, version: str, options: EngineOptions | None = None, model: bytes | None = None, **faults: Any
) -> dict[str, Any]:
    machine(version, **faults)
    return head_of(engine_from_onnx(model or tiny.tiny_graph(), options or EngineOptions("fp32")).plan)


@pytest.mark.parametrize(("version", "flags"), [("8.6.0", 0b01), ("10.16.1", 0b11), ("11.4.0", 0b01)])
def test_networks_are_explicit_batch_where_that_exists_and_strongly_typed_where_that_exists(
    machine: Machine, version: str, flags: int
) -> None:
    """Bit 0 means explicit batch on 8.6 and strongly typed on 11."""
    assert built(machine, version)["network_flags"] == flags


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8-trt"])
def test_precision_flags_are_set_on_weakly_typed_networks_alone(machine: Machine, version: str, precision: str) -> None:
    weak = {"fp32": [], "fp16": ["FP16", "PREFER_PRECISION_CONSTRAINTS"], "int8-trt": ["INT8"]}[precision]
    assert built(machine, version, EngineOptions(precision))["builder_flags"] == (weak if version == "8.6.0" else [])


def test_layers_that_the_graph_keeps_in_float32_are_held_there_on_a_weakly_typed_network(machine: Machine) -> None:
    assert built(machine, "8.6.0", EngineOptions("fp16"))["held"] == [True, False]


@pytest.mark.parametrize("version", VERSIONS)
def test_fp32_is_fp32_unless_tf32_is_asked_for(machine: Machine, version: str) -> None:
    assert "TF32" not in built(machine, version)["builder_flags"]


def test_tf32_can_be_asked_for(machine: Machine) -> None:
    assert built(machine, "10.16.1", EngineOptions("fp32", tf32=True))["builder_flags"] == ["TF32"]


@pytest.mark.parametrize("version", VERSIONS)
def test_workspace_level_and_profile_are_what_the_options_say(machine: Machine, version: str) -> None:
    head = built(machine, version, EngineOptions("fp32", opt_batch=2, max_batch=4, workspace_mb=256, optimisation_level=5))

    assert (head["workspace"], head["level"]) == (256 << 20, 5)
    assert head["profile"] == [[1, 64, 64, 3], [2, 64, 64, 3], [4, 64, 64, 3]]


def test_a_graph_with_a_fixed_batch_needs_no_profile(machine: Machine) -> None:
    model = onnx.load_from_string(tiny.tiny_graph())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    assert built(machine, "11.4.0", model=model.SerializeToString())["profile"] is None


@pytest.mark.parametrize(("version", "mask"), [("8.6.0", 0b11000), ("10.16.1", 0b11000), ("11.4.0", 0b11)])
def test_tactic_sources_that_a_version_does_not_have_are_not_named_to_it(machine: Machine, version: str, mask: int) -> None:
    """On 11 the bits of cuBLAS and cuBLASLt belong to others."""
    assert built(machine, version, EngineOptions("fp32", disabled_tactics=("CUBLAS", "CUBLAS_LT", "CUDNN")))["tactics"] == mask


def test_tactic_sources_are_left_alone_by_default(machine: Machine) -> None:
    assert built(machine, "8.6.0")["tactics"] == 0b11111


def test_timings_of_an_earlier_build_are_used(machine: Machine) -> None:
    machine("10.16.1")
    first = engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp32"))
    second = engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp32"), timings=first.timings)
    assert (head_of(first.plan)["timings"], head_of(second.plan)["timings"]) == ("", "timing 10.16.1")


@pytest.mark.parametrize("timings", [b"timing 8.6.0", b"garbage"])
def test_timings_that_do_not_fit_are_left_out(machine: Machine, timings: bytes) -> None:
    machine("10.16.1")
    assert head_of(engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp32"), timings=timings).plan)["timings"] == ""


def test_a_parser_error_is_one_line_with_the_first_error(machine: Machine) -> None:
    machine(parse=["In node 3 (Gelu): UNSUPPORTED_NODE:\n no importer", "In node 9: another"])
    with pytest.raises(
        EngineError, match=r"cannot read the graph: In node 3 \(Gelu\): UNSUPPORTED_NODE: no importer \(2 errors\)"
    ) as caught:
        engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp16"))
    assert caught.value.reason == "parse" and "\n" not in str(caught.value)


def test_a_builder_that_returns_nothing_is_our_error_with_what_tensorrt_logged_first(machine: Machine) -> None:
    machine(refuse="Could not find any implementation")
    with pytest.raises(EngineError, match=r"no fp16 engine: Error Code 4: Could not find any implementation second line;") as caught:
        engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp16"))
    assert caught.value.reason == "build"


def test_a_graph_with_other_inputs_is_refused(machine: Machine) -> None:
    model = onnx.load_from_string(tiny.tiny_graph())
    model.graph.input[0].name = model.graph.node[0].input[0] = "pixels"
    machine()
    with pytest.raises(EngineError, match=r"inputs are .*pixels.*needs 'image'"):
        engine_from_onnx(model.SerializeToString(), EngineOptions("fp32"))


@pytest.mark.parametrize("version", ["10.1.0", "10.2.0", "10.2.0.19"])
def test_versions_that_build_wrong_engines_are_refused(machine: Machine, version: str) -> None:
    machine("10.16.1", shown_version=version)
    with pytest.raises(EngineError, match="known to build wrong engines") as caught:
        engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp32"))
    assert caught.value.reason == "bad_version"


def test_no_builder_is_made_without_a_device(machine: Machine) -> None:
    """The real one may end the process; the stand-in raises WouldCrash."""
    machine(gpu={"num_devices": 0})
    with pytest.raises(EngineError, match="no CUDA device"):
        engine_from_onnx(tiny.tiny_graph(), EngineOptions("fp32"))


def test_cuda_memory_is_given_back_after_a_build(machine: Machine) -> None:
    from runtime.standin_cuda import gpu

    built(machine, "10.16.1")
    assert gpu.calls == ["detach"]


@pytest.mark.parametrize(
    "options",
    [{"precision": "int8-x86"}, {"precision": "bf16"}, {"precision": "fp32", "opt_batch": 9}, {"precision": "fp32", "min_batch": 2}],
)
def test_options_that_make_no_engine_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"precision|batches"):
        EngineOptions(**options)
