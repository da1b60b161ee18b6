import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

import tiny
from edge_sdk.runtime import engine_options, engine_plan
from edge_sdk.runtime.cuda import CudaDevice
from edge_sdk.runtime.engine import engine_from_onnx
from edge_sdk.runtime.engine_cache import EngineCache
from edge_sdk.runtime.engine_options import DeviceFacts, EngineOptions, device_facts, engine_key, timing_key
from edge_sdk.runtime.engine_plan import Plan, plan_for
from runtime.standin_machine import Machine
from runtime.standin_tensorrt import head_of

FP32 = EngineOptions("fp32")
FACTS = DeviceFacts("10.3.0", "12.6", "Orin", "8.7", "12.6 540.4.0", "# R36 (release), REVISION: 4.3", "aarch64")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Builds in this process instead of a child, which `test_engine_process` covers; the list counts them."""
    counted = list[str]()

    def build(onnx_bytes: bytes, options: EngineOptions, *, timings: bytes, **rest: Any) -> Any:
        counted.append(options.precision)
        return engine_from_onnx(onnx_bytes, options, timings=timings)

    monkeypatch.setattr(engine_plan, "engine_in_child", build)
    return counted


def plan(tmp_path: Path, options: EngineOptions = FP32, model: bytes | None = None, **more: Any) -> Plan:
    return plan_for(model or tiny.tiny_graph(), options, cache=EngineCache(tmp_path / "engines"), **more)


def test_an_engine_is_built_once(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    first, second = plan(tmp_path), plan(tmp_path)
    assert (first.origin, second.origin, first.data == second.data, first.kept) == ("built", "cache", True, True)
    assert len(builds) == 1 and first.build_s > 0


def test_force_builds_anew(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    plan(tmp_path)
    assert plan(tmp_path, force=True).origin == "built" and len(builds) == 2


@pytest.mark.parametrize("field", DeviceFacts.__struct_fields__)
def test_the_key_changes_with_every_fact_of_the_device(field: str) -> None:
    other = msgspec.structs.replace(FACTS, **{field: getattr(FACTS, field) + "x"})
    assert engine_key("0" * 64, FACTS, FP32) != engine_key("0" * 64, other, FP32)
    assert timing_key(FACTS) != timing_key(other)


OTHER_OPTIONS = {
    "precision": "fp16",
    "min_batch": 2,
    "opt_batch": 3,
    "max_batch": 9,
    "workspace_mb": 512,
    "optimisation_level": 3,
    "tf32": True,
    "disabled_tactics": ("CUDNN",),
}


@pytest.mark.parametrize("field", EngineOptions.__struct_fields__)
def test_the_key_changes_with_every_option(field: str) -> None:
    base = EngineOptions("fp32", opt_batch=2)
    assert engine_key("0" * 64, FACTS, base) != engine_key("0" * 64, FACTS, msgspec.structs.replace(base, **{field: OTHER_OPTIONS[field]}))


def test_the_key_changes_with_the_graph_and_is_the_same_for_the_same() -> None:
    assert engine_key("0" * 64, FACTS, FP32) != engine_key("1" * 64, FACTS, FP32)
    assert engine_key("0" * 64, FACTS, FP32) == engine_key("0" * 64, msgspec.structs.replace(FACTS), EngineOptions("fp32"))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "8.6.0"},
        {"gpu": {"name": "another GPU"}},
        {"gpu": {"capability": (9, 0)}},
        {"gpu": {"driver": 12070}},
        {"gpu": {"runtime": 12080}},
        {"l4t": "# R36 (release), REVISION: 5.0"},
        {"kernel": "NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.5.0  Release Build"},
        {"model": tiny.tiny_graph(gain=11.0)},
        {"options": EngineOptions("fp16")},
        {"options": EngineOptions("fp32", workspace_mb=99)},
    ],
    ids=lambda change: str(next(iter(change))),
)
def test_every_change_of_device_graph_or_options_is_a_miss(
    machine: Machine, builds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    """The whole path: what the libraries and the system say, through the key, to a build."""
    release, kernel = tmp_path / "release", tmp_path / "kernel"
    monkeypatch.setattr(engine_options, "TEGRA_RELEASE", release)
    monkeypatch.setattr(engine_options, "KERNEL_DRIVER", kernel)
    release.write_text("# R36 (release), REVISION: 4.3\nmore")
    kernel.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build\n")
    machine("10.16.1")
    plan(tmp_path)
    assert plan(tmp_path).origin == "cache"

    release.write_text(change.get("l4t", "# R36 (release), REVISION: 4.3"))
    kernel.write_text(change.get("kernel", kernel.read_text()))
    if "version" in change or "gpu" in change:
        import sys

        for name in [name for name in sys.modules if name.split(".")[0] in ("tensorrt", "pycuda", "cuda")]:
            del sys.modules[name]
        machine(change.get("version", "10.16.1"), gpu=change.get("gpu"))
    assert plan(tmp_path, change.get("options", FP32), change.get("model")).origin == "built"
    assert len(builds) == 2


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: 11\n", "12.6 535.129.03"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for aarch64  540.4.0  Release Build  (x)\n", "12.6 540.4.0"),
        ("", "12.6"),
    ],
)
def test_the_kernel_driver_is_part_of_the_facts(text: str, driver: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "version").write_text(text)
    monkeypatch.setattr(engine_options, "KERNEL_DRIVER", tmp_path / "version")
    assert device_facts("10.3.0", CudaDevice("Orin", "8.7", 8192, "12.6", "12.2")).driver == driver


def test_two_builders_at_once_build_once(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine(cuda=("cuda.bindings",))
    found, start = list[Plan](), threading.Barrier(3)

    def come() -> None:
        start.wait()
        found.append(plan(tmp_path))

    threads = [threading.Thread(target=come) for _ in range(3)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    assert sorted(p.origin for p in found) == ["built", "cache", "cache"] and len(builds) == 1


def test_the_second_engine_is_built_with_the_firsts_timings(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    plan(tmp_path)
    assert head_of(plan(tmp_path, EngineOptions("fp16")).data)["timings"] == "timing 10.16.1"


def test_altered_timings_never_reach_the_builder(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    plan(tmp_path)
    for path in (tmp_path / "engines").glob("*.bin"):
        path.write_bytes(path.read_bytes().replace(b"timing 10.16.1", b"timing 10.16.2"))
    assert head_of(plan(tmp_path, EngineOptions("fp16")).data)["timings"] == ""


def test_an_engine_without_a_cache_is_used_from_memory(machine: Machine, builds: list[str]) -> None:
    machine()
    found = plan_for(tiny.tiny_graph(), FP32, cache=EngineCache(None))
    assert found.origin == "built" and not found.kept


def test_the_sidecar_says_what_the_engine_is(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    name = plan(tmp_path).key[:40]
    about = msgspec.json.decode((tmp_path / "engines" / f"{name}.json").read_bytes())["about"]
    assert about["gpu"] == "Stand-in Orin" and about["tensorrt"] == "10.16.1" and about["precision"] == "fp32" and about["kind"] == "engine"


def test_chosen_options_that_were_altered_are_not_used(machine: Machine, builds: list[str], tmp_path: Path) -> None:
    machine()
    mine = EngineOptions("fp32", workspace_mb=64)
    assert plan(tmp_path, mine, chosen=True).key == plan(tmp_path).key
    for path in (tmp_path / "engines").glob("*.bin"):
        if b'"workspace_mb"' in (data := path.read_bytes()):
            path.write_bytes(data.replace(b":64", b":99"))

    assert plan(tmp_path).key != plan(tmp_path, mine).key and len(builds) == 2
