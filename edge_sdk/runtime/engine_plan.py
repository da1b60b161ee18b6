"""The plan for a graph on this device: from the cache, or built in a child process and kept."""

import hashlib
import time
from collections.abc import Callable
from contextlib import closing
from typing import Literal, NamedTuple

import msgspec

from edge_sdk.runtime.cuda import open_cuda
from edge_sdk.runtime.engine_cache import EngineCache
from edge_sdk.runtime.engine_options import DeviceFacts, EngineOptions, device_facts, engine_key, options_key, timing_key
from edge_sdk.runtime.engine_process import DEFAULT_LIMITS, BuildLimits, engine_in_child
from edge_sdk.runtime.tensorrt import load_tensorrt


class Plan(NamedTuple):
    """A serialised engine, the name of its cache entry, and where it came from; `kept` says whether the next start finds it."""

    data: bytes
    key: str
    origin: Literal["cache", "built"]
    build_s: float
    kept: bool


def plan_for(
    onnx_bytes: bytes,
    options: EngineOptions,
    *,
    cache: EngineCache,
    limits: BuildLimits = DEFAULT_LIMITS,
    say: Callable[[str], None] = lambda line: None,
    stopped: Callable[[], bool] = lambda: False,
    force: bool = False,
    chosen: bool = False,
) -> Plan:
    """The engine of a graph on this device.

    What a person once chose for a graph holds for whoever asks without a choice: else the engine built on the dock, with the workspace
    that fits the device, would not be the one the robot looks for.

    Args:
        onnx_bytes: A graph of this project's interface.
        options: How to build.
        cache: Where engines are kept.
        limits: When a build is given up.
        say: Gets a line now and then while it is built.
        stopped: Asked a few times a second; True ends the wait.
        force: Build even if there is one.
        chosen: Whether a person chose the options: they are kept. If not, those that were kept take their place.

    Raises:
        EngineError: If there is no device, no TensorRT, or no engine comes out.
    """
    facts, sha256 = facts_here(), hashlib.sha256(onnx_bytes).hexdigest()
    choice = options_key(sha256, facts, options.precision)
    if not chosen:
        options = _options_from_json(cache.read(choice)) or options
    plan = _plan(onnx_bytes, sha256, facts, options, cache, limits, say, stopped, force)
    if chosen and plan.kept:
        cache.write(choice, msgspec.json.encode(options), {**_about(sha256, facts, options), "kind": "options"})
    return plan


def _plan(
    onnx_bytes: bytes,
    sha256: str,
    facts: DeviceFacts,
    options: EngineOptions,
    cache: EngineCache,
    limits: BuildLimits,
    say: Callable[[str], None],
    stopped: Callable[[], bool],
    force: bool,
) -> Plan:
    key = engine_key(sha256, facts, options)
    if not force and (found := cache.read(key)) is not None:
        return Plan(found, key, "cache", 0.0, True)
    with cache.locked(key, stopped=stopped, timeout_s=limits.time_s, say=say):
        if not force and (found := cache.read(key)) is not None:
            return Plan(found, key, "cache", 0.0, True)
        say(f"building a {options.precision} engine with TensorRT {facts.tensorrt} for {facts.gpu}: this takes minutes, once")
        start, about = time.monotonic(), _about(sha256, facts, options)
        built = engine_in_child(onnx_bytes, options, timings=cache.read(timing_key(facts)) or b"", limits=limits, say=say, stopped=stopped)
        build_s = time.monotonic() - start
        kept = cache.write(key, built.plan, {**about, "kind": "engine", "build_s": f"{build_s:.1f}"})
        if built.timings:
            cache.write(timing_key(facts), built.timings, {**about, "kind": "timings"})
        return Plan(built.plan, key, "built", build_s, kept)


def facts_here() -> DeviceFacts:
    """This device as a cache key sees it.

    Raises:
        EngineError: If there is no device or no TensorRT.
    """
    with closing(open_cuda()) as cuda:  # first: TensorRT without a device may end the process
        return device_facts(str(load_tensorrt().__version__), cuda.device())


def _options_from_json(data: bytes | None) -> EngineOptions | None:
    """None where nobody chose, or another version's options did the choosing."""
    try:
        return None if data is None else msgspec.json.decode(data, type=EngineOptions)
    except (msgspec.DecodeError, ValueError):
        return None


def _about(sha256: str, facts: DeviceFacts, options: EngineOptions) -> dict[str, str]:
    """Graph, device and options as text, for whoever looks into the folder."""
    return {
        "onnx_sha256": sha256,
        **{name: str(value) for part in (facts, options) for name, value in msgspec.structs.asdict(part).items()},
    }
