"""The libraries: what the SDK runs on, and what makes it quicker."""

import importlib.util
import platform
import re
import sqlite3
import sys
from dataclasses import replace
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from edge_sdk.doctor.finding import Finding
from edge_sdk.doctor.probe import Answer, ask

PIP = f"{Path(sys.executable).name} -m pip install"
MIN_PYTHON = (3, 10)
SYSTEM_VENV = "python3 -m venv --system-site-packages --upgrade <your venv>"
INTERLACED_AS_NOISE = (4, 13)  # first OpenCV of those; see edge_sdk.camera.film_decoder, which must not be imported here

_OPENCV = """
import cv2, json
lines = [line.strip() for line in cv2.getBuildInformation().splitlines()]
has = {key: any(line.startswith(key + ":") and "YES" in line for line in lines) for key in ("GStreamer", "FFMPEG", "NVIDIA CUDA")}
print(json.dumps({"version": cv2.__version__, **has}))
"""
_ONNXRUNTIME = (
    "import json, onnxruntime as o; "
    "print(json.dumps({'version': o.__version__, 'providers': [p.replace('ExecutionProvider', '') for p in o.get_available_providers()]}))"
)
# Not by its package, which would report that over the network.
_OPENVINO = "import json; from edge_sdk.runtime.openvino import version; print(json.dumps(version()))"
# The modules that edge_sdk.runtime.cuda_python takes; until 12.6 there was no distribution of its own for the bindings.
_CUDA_PYTHON = """
import json
from importlib import metadata
try:
    from cuda.bindings import runtime
except ImportError:
    from cuda import cudart
found = [item.version for name in ("cuda-bindings", "cuda-python") for item in metadata.distributions(name=name)]
print(json.dumps(found[0] if found else "of unknown version"))
"""


def library_findings(*, has_gpu: bool) -> list[Finding]:
    """Every library, the needed ones first. Without an NVIDIA device the ones for it are looked at, but there is nothing to mend."""
    small = (
        _plain("msgspec", "reads manifests and records"),
        _plain("cryptography", "checks a bundle's signature"),
        _plain("yaml", "reads the class list", package="pyyaml"),
    )
    gpu = (
        _onnxruntime_cuda(),
        _tensorrt(),
        _gpu("pycuda", "import json, pycuda; print(json.dumps(pycuda.VERSION_TEXT))"),
        _gpu("cuda", _CUDA_PYTHON, name="cuda-python", package="'cuda-python==<your CUDA, such as 12.6>.*'"),
    )
    shown = gpu if has_gpu else (replace(finding, remedy=None) if finding.state == "absent" else finding for finding in gpu)
    return [_python(), _plain("numpy", "pictures and scores"), _pyav(), _opencv(), _onnxruntime(), *small, _sqlite(), *_openvino(), *shown]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    where = "in a virtual environment" if sys.prefix != sys.base_prefix else "the system's"
    fine = sys.version_info >= MIN_PYTHON
    remedy = None if fine else "sudo apt install python3.10 python3.10-venv"
    return Finding("python", "ok" if fine else "broken", f"{version}, {where}", "runs the SDK (3.10 or newer)", True, remedy)


def _plain(module: str, purpose: str, *, package: str | None = None) -> Finding:
    package = package or module
    if not _is_there(module):
        return Finding(package, "absent", "not installed", purpose, True, f"{PIP} {package}")
    answer = ask(f"import json, {module}; print(json.dumps({module}.__version__))")
    if answer.trouble:
        return Finding(package, "broken", answer.trouble, purpose, True, f"{PIP} --force-reinstall {package}")
    return Finding(package, "ok", str(answer.value), purpose, True)


def _pyav() -> Finding:
    """Needed where OpenCV cannot stand in for it."""
    name, purpose = "pyav", "reads film and network cameras"
    version = _opencv_says().value["version"] if _is_there("cv2") and _opencv_says().value else None
    needed = version is None or _as_noise(version)
    if not _is_there("av"):
        return Finding(name, "absent", "not installed", purpose, needed, f"{PIP} 'av<20'")
    answer = ask("import json, av.video.frame; print(json.dumps(av.__version__))")
    if answer.trouble:
        return Finding(name, "broken", answer.trouble, purpose, needed, f"{PIP} --force-reinstall av")
    return Finding(name, "ok", str(answer.value), purpose, needed)


def _opencv() -> Finding:
    purpose, package = "reads stills and devices, writes pictures and film", "opencv-python-headless"
    if not _is_there("cv2"):
        return Finding("opencv", "absent", "not installed", purpose, True, f"{PIP} {package}")
    answer = _opencv_says()
    if answer.trouble:
        remedy = f"{PIP} {package}  # or, for the system's: sudo apt install libgl1 libglib2.0-0"
        return Finding("opencv", "broken", answer.trouble, purpose, True, remedy)
    has = answer.value
    found = f"{has['version']}, {_with('FFmpeg', has['FFMPEG'])}, {_with('GStreamer', has['GStreamer'])}"
    if has["FFMPEG"] and _as_noise(has["version"]) and not _is_there("av"):
        found += ", turns interlaced film into noise: PyAV must read it"
    system = None if has["GStreamer"] else _system_copy("cv2")
    if system is not None:  # JetPack's own has GStreamer; pip's, installed over it, has not (jetson_stats#603)
        remedy = f"{PIP.replace(' install', ' uninstall')} opencv-python opencv-python-headless  # {system} may have GStreamer"
        return Finding("opencv", "ok", found, purpose, True, remedy)
    if not has["FFMPEG"] and not has["GStreamer"]:
        return Finding("opencv", "broken", found, purpose, True, f"{PIP} {package}")
    return Finding("opencv", "ok", found, purpose, True)


@lru_cache(maxsize=1)
def _opencv_says() -> Answer:
    return ask(_OPENCV)


def _as_noise(version: str) -> bool:
    """Whether OpenCV of this version turns interlaced frames into noise."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2]) >= INTERLACED_AS_NOISE


def _onnxruntime() -> Finding:
    name, purpose = "onnxruntime", "runs the model on the CPU"
    if not _is_there(name):
        return Finding(name, "absent", "not installed", purpose, True, f"{PIP} {name}")
    answer = _onnxruntime_says()
    if answer.trouble:
        return Finding(name, "broken", answer.trouble, purpose, True, f"{PIP} --force-reinstall {name}")
    found = f"{answer.value['version']}, runs on: {', '.join(answer.value['providers'])}"
    both = [item for item in ("onnxruntime", "onnxruntime-gpu") if any(metadata.distributions(name=item))]
    if len(both) > 1:
        remedy = f"{PIP.replace(' install', ' uninstall')} {' '.join(both)}  # then install the one you want"
        return Finding(name, "broken", f"{found}; {' and '.join(both)} lie over each other", purpose, False, remedy)
    return Finding(name, "ok", found, purpose, True)


def _onnxruntime_cuda() -> Finding:
    name, purpose = "onnxruntime cuda", "the runtime on NVIDIA devices where TensorRT fails"
    answer = _onnxruntime_says()
    if answer.value and "CUDA" in answer.value["providers"]:
        return Finding(name, "ok", "in this build; whether it runs, 'sewer-edge selftest' tells", purpose)
    remedy = f"{PIP.replace(' install', ' uninstall')} onnxruntime && {PIP} onnxruntime-gpu  # Jetson: the wheel for its JetPack"
    return Finding(name, "absent", "not in this build", purpose, False, remedy)


@lru_cache(maxsize=1)
def _onnxruntime_says() -> Answer:
    return ask(_ONNXRUNTIME)


def _openvino() -> list[Finding]:
    """Only where it would be taken."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return []
    name, purpose = "openvino", "the quickest runtime on this processor; without it onnxruntime runs the model"
    if not _is_there(name):
        return [Finding(name, "absent", "not installed", purpose, False, f"{PIP} {name}")]
    answer = ask(_OPENVINO)
    if answer.trouble:
        return [Finding(name, "broken", answer.trouble, purpose, False, f"{PIP} --force-reinstall {name}")]
    return [Finding(name, "ok", str(answer.value), purpose)]


def _sqlite() -> Finding:
    return Finding("sqlite", "ok", sqlite3.sqlite_version, "the robot's journal of observations", True)


def _tensorrt() -> Finding:
    purpose = "the quickest runtime on NVIDIA devices"
    if _is_there("tensorrt"):
        answer = ask("import json, tensorrt; print(json.dumps(tensorrt.__version__))")
        if answer.trouble:
            return Finding("tensorrt", "broken", answer.trouble, purpose, False, "sudo apt install --reinstall python3-libnvinfer")
        return Finding("tensorrt", "ok", str(answer.value), purpose)
    system = _system_copy("tensorrt")
    if system is not None:
        return Finding("tensorrt", "absent", f"in {system}, which this environment does not see", purpose, False, SYSTEM_VENV)
    return Finding("tensorrt", "absent", "not installed", purpose, False, f"sudo apt install python3-libnvinfer  # or {PIP} tensorrt")


def _gpu(module: str, code: str, *, name: str | None = None, package: str | None = None) -> Finding:
    name, purpose = name or module, "device memory for TensorRT; one of pycuda and cuda-python is enough"
    if not _is_there(module):
        return Finding(name, "absent", "not installed", purpose, False, f"{PIP} {package or module}")
    answer = ask(code)
    if answer.trouble:
        return Finding(name, "broken", answer.trouble, purpose, False, f"{PIP} --force-reinstall {package or module}")
    return Finding(name, "ok", str(answer.value), purpose)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ValueError, ImportError):
        return False


def _system_copy(module: str) -> Path | None:
    """Where the distribution's own Python has a module that this environment does not see."""
    places = [*Path("/usr/lib").glob("python3*/dist-packages"), *Path("/usr/local/lib").glob("python3*/dist-packages")]
    return next((place for place in places if (place / module).is_dir()), None)


def _with(name: str, there: bool) -> str:
    return f"with {name}" if there else f"no {name}"
