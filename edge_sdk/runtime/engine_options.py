"""What an engine is built from besides the graph: the builder's options and the device. Together they are the cache's key.

Whatever changes the plan, or whether it may be loaded here, is in one of the two records; a field added to them changes every key.
"""

import hashlib
import platform
import re
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from edge_sdk.runtime.cuda import CudaDevice

ENGINE_PRECISIONS = ("fp32", "fp16", "int8-trt")  # int8-x86 has unsigned activations, which TensorRT refuses
TEGRA_RELEASE = Path("/etc/nv_tegra_release")
KERNEL_DRIVER = Path("/proc/driver/nvidia/version")

Batch = Annotated[int, Meta(ge=1, le=256)]


class EngineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to build.

    `precision` is the graph's; it only sets flags where the network cannot be strongly typed (TensorRT 8.5, 8.6).
    `min_batch`, `opt_batch`, `max_batch` are the optimisation profile; kernels are chosen for `opt_batch`, 1 for live film.
    `workspace_mb` is the scratch memory a kernel may ask for: lower it where a build runs out of memory (a 4 GB Orin).
    `optimisation_level` 0..5: higher builds longer; None is TensorRT's own default.
    `tf32` lets float32 layers compute with 10-bit mantissas: quicker, and no longer what fp32 promises.
    `disabled_tactics` names `TacticSource` members, such as CUDNN, that are not asked for kernels.
    """

    precision: str
    min_batch: Batch = 1
    opt_batch: Batch = 1
    max_batch: Batch = 8
    workspace_mb: Annotated[int, Meta(ge=16)] = 1024
    optimisation_level: Annotated[int, Meta(ge=0, le=5)] | None = None
    tf32: bool = False
    disabled_tactics: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.precision not in ENGINE_PRECISIONS:
            raise ValueError(f"precision {self.precision}: TensorRT takes {', '.join(ENGINE_PRECISIONS)}")
        if not self.min_batch <= self.opt_batch <= self.max_batch:
            raise ValueError(f"batches {self.min_batch}, {self.opt_batch}, {self.max_batch} are not in order")


class DeviceFacts(msgspec.Struct, frozen=True):
    """What of the device decides whether a plan fits: a plan serves one TensorRT on one kind of GPU under one driver."""

    tensorrt: str
    cuda: str
    gpu: str
    compute_capability: str
    driver: str
    l4t: str
    machine: str


def device_facts(tensorrt_version: str, device: CudaDevice) -> DeviceFacts:
    """The facts of this device; JetPack is known by its L4T release, empty elsewhere."""
    kernel = re.search(r"Kernel Module\s.*?(\d+\.[\d.]+)", _text(KERNEL_DRIVER))
    return DeviceFacts(
        tensorrt=tensorrt_version,
        cuda=device.runtime,
        gpu=device.name,
        compute_capability=device.compute_capability,
        driver=f"{device.driver} {kernel[1] if kernel else ''}".strip(),
        l4t=_text(TEGRA_RELEASE).partition("\n")[0],
        machine=platform.machine(),
    )


def engine_key(onnx_sha256: str, facts: DeviceFacts, options: EngineOptions) -> str:
    """The name of the one plan that graph, device and options give: a sha256 in hex."""
    return hashlib.sha256(msgspec.json.encode(["engine", 1, onnx_sha256, facts, options])).hexdigest()


def options_key(onnx_sha256: str, facts: DeviceFacts, precision: str) -> str:
    """The name of the options that somebody chose for a graph on a device."""
    return hashlib.sha256(msgspec.json.encode(["options", 1, onnx_sha256, facts, precision])).hexdigest()


def timing_key(facts: DeviceFacts) -> str:
    """The name of the device's timing cache: kernel timings hold for every graph on the same device and software."""
    return hashlib.sha256(msgspec.json.encode(["timing", 1, facts])).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
