"""Runtimes that fail as told: the tiny model on real ONNX Runtime, with errors where a script wants them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from edge_sdk.bundle import Bundle
from edge_sdk.contract.interface import Outputs
from edge_sdk.runtime.chain import Choice
from edge_sdk.runtime.failure import LinkFailure
from edge_sdk.runtime.links import Link
from edge_sdk.runtime.onnx import OnnxSession

START_RUNS = 5  # of a link that needs no trial: one to warm up, four golden frames
NAN = "nan"
OOM = RuntimeError("CUDA failure 2: out of memory ; GPU=0")
LOST = RuntimeError("CUDA error: an illegal memory access was encountered")
Script = Callable[[int], Exception | str | None]


def never(run: int) -> None:
    return None


def at(*runs: int, what: Exception | str) -> Script:
    return lambda run: what if run in runs else None


def since(first: int, what: Exception | str) -> Script:
    return lambda run: what if run >= first else None


class ScriptedSession:
    """`script` gives what happens at each run, counted from 0 over all sessions of the link."""

    threads = 1

    def __init__(self, provider: str, model: bytes, precision: str, script: Script, runs: Iterator[int], log: list[str]) -> None:
        self.provider, self.precision = provider, precision
        self._model, self._script, self._runs, self._log = OnnxSession(model, precision=precision, threads=1), script, runs, log

    def run(self, images_NHWC: np.ndarray) -> Outputs:
        event = self._script(next(self._runs))
        if isinstance(event, Exception):
            raise event
        outputs = self._model.run(images_NHWC)
        return Outputs(outputs.logits_NC * np.float32("nan"), outputs.maps_NChw) if event == NAN else outputs

    def close(self) -> None:
        self._log.append(f"close {self.provider}")
        self._model.close()


def link(
    name: Any,
    *,
    missing: LinkFailure | None = None,
    create: Sequence[Exception | None] = (),
    script: Script = never,
    model: bytes | None = None,
    log: list[str] | None = None,
) -> Link:
    """A link whose first creations raise what `create` holds, whose runs follow `script`; `model` replaces the bundle's."""
    errors, runs, seen = iter(create), iter(range(10**6)), log if log is not None else []

    def make(read_onnx: Callable[[], bytes], *, precision: str, threads: int | None, say: object) -> ScriptedSession:
        seen.append(f"create {name}")
        if (error := next(errors, None)) is not None:
            raise error
        return ScriptedSession(name, model or read_onnx(), precision, script, runs, seen)

    return Link(name, lambda: missing, make, on_cpu=name in {"openvino", "cpu"})


def first_graph(bundle: Bundle) -> Callable[[Link], Choice]:
    return lambda link: Choice(bundle.manifest.graphs[:1], "the first")
