"""A machine with a stand-in GPU, for tests of what runs on one."""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runtime import standin_cuda

LIBRARIES = ("tensorrt", "pycuda", "cuda")
Machine = Callable[..., ModuleType]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    """Installs the stand-ins as importable modules, for this process and its children; returns the `tensorrt` of this one."""
    site = tmp_path / "site"

    def install(
        version: str = "10.16.1", cuda: tuple[str, ...] = ("pycuda", "cuda.bindings"), gpu: dict[str, Any] | None = None, **faults: Any
    ) -> ModuleType:
        settings = f"gpu.__dict__.update({gpu or {}!r})\n"
        absent = "raise ModuleNotFoundError({!r})\n"
        files = {
            "tensorrt.py": f"from runtime.standin_tensorrt import library\nglobals().update(library({version!r}, {faults!r}))\n",
            "pycuda/__init__.py": "" if "pycuda" in cuda else absent.format("No module named 'pycuda'"),
            "pycuda/driver.py": _site("pycuda_driver", settings),
            "cuda/__init__.py": "" if {"cuda.bindings", "cuda.cudart"} & {*cuda} else absent.format("No module named 'cuda'"),
        }
        if "cuda.bindings" in cuda:
            files |= {"cuda/bindings/__init__.py": "", "cuda/bindings/runtime.py": _site("cuda_python_runtime", settings)}
        if "cuda.cudart" in cuda:
            files["cuda/cudart.py"] = _site("cuda_python_runtime", settings)
        for name, text in files.items():
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).write_text(text)
        monkeypatch.syspath_prepend(site)
        standin_cuda.gpu.__init__()  # type: ignore[misc]
        standin_cuda.gpu.__dict__.update(gpu or {})
        return importlib.import_module("tensorrt")

    with _without_the_real_ones():
        yield install
    standin_cuda.gpu.__init__()  # type: ignore[misc]


def _site(names: str, settings: str) -> str:
    return f"from runtime.standin_cuda import gpu, {names}\n{settings}globals().update({names}())\n"


@contextmanager
def _without_the_real_ones() -> Iterator[None]:
    """A machine may have some of them; its modules come back afterwards."""
    real = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in LIBRARIES}
    yield
    for name in list(sys.modules):
        if name.split(".")[0] in LIBRARIES:
            del sys.modules[name]
    sys.modules.update(real)
