"""The doctor looks at anything, breaks on nothing, and says what mends it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge_sdk.cli import main
from edge_sdk.doctor import Finding, examine, findings_table, healthy, libraries, machine
from edge_sdk.doctor.probe import ask, output_of

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def fresh() -> None:
    libraries._onnxruntime_says.cache_clear()
    libraries._opencv_says.cache_clear()


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Puts a module of the given code first on the path, for this process's look-ups and the children's imports."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(name: str, code: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        monkeypatch.delitem(sys.modules, name, raising=False)

    return write


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch):
    """Sets what the machine's files say; all others are missing."""
    texts: dict[str, str] = {}
    monkeypatch.setattr(machine, "_text", lambda path: texts.get(path, ""))
    return texts


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    assert len({finding.name for finding in findings}) == len(findings)
    return {finding.name: finding for finding in findings}


def test_this_machine_runs_the_sdk_and_every_line_has_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0

    out, err = capfd.readouterr()
    lines = out.splitlines()
    starts = {line.index(word) for line in lines for word in ("machine  ", "python  ", "default bundle  ") if f"  {word}" in line}
    assert lines[-1] == "sewer-edge can run here" and err == "" and starts == {9}
    for word in (
        "pyav",
        "FFmpeg",
        "GStreamer",
        "runs on:",
        "tensorrt",
        "pycuda",
        "cuda-python",
        "jetpack",
        "free in",
        "signed by",
        "clocks",
        "sqlite",
    ):
        assert word in out


def test_json_holds_the_same(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["healthy"] is True
    assert {"name", "state", "found", "purpose", "needed", "remedy"} == set(record["findings"][0])
    found = {finding["name"]: finding for finding in record["findings"]}
    assert found["numpy"]["state"] == "ok" and found["python"]["found"].startswith(".".join(map(str, sys.version_info[:3])))


def test_a_tensorrt_that_ends_its_process_is_a_line_of_the_report(stub, capfd: pytest.CaptureFixture[str]) -> None:
    stub("tensorrt", "import os; os.abort()")

    assert main(["doctor"]) == 0

    out = capfd.readouterr().out
    assert "BROKEN   tensorrt" in out and "crashed with SIGABRT" in out and "python3-libnvinfer" in out


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("cv2", "raise ImportError('libGL.so.1: cannot open shared object file')", "libGL.so.1"),
        ("numpy", "import os; os.kill(os.getpid(), 11)", "crashed with SIGSEGV"),
        ("onnxruntime", "import nothing_of_this_name", "No module named"),
        ("onnxruntime", "", "has no attribute"),
        ("msgspec", "1/0", "ZeroDivisionError"),
    ],
)
def test_a_needed_library_that_does_not_load_is_exit_code_1_and_named(name: str, code: str, words: str, tmp_path: Path) -> None:
    """In a process of its own, as a user has it: nothing of the SDK but the doctor can be imported there."""
    (tmp_path / f"{name}.py").write_text(code)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}

    done = subprocess.run([sys.executable, "-m", "edge_sdk.cli", "doctor"], env=environment, capture_output=True, text=True, timeout=100)

    assert done.returncode == 1 and done.stderr == "" and words in done.stdout
    assert f"mend first: {'opencv' if name == 'cv2' else name}" in done.stdout.splitlines()[-1]


def test_what_is_missing_comes_with_its_purpose_and_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_is_there", lambda module: False)
    monkeypatch.setattr(libraries, "_system_copy", lambda module: None)

    findings = by_name(libraries.library_findings(has_gpu=True))

    for name in ("numpy", "pyav", "opencv", "onnxruntime", "msgspec", "cryptography", "pyyaml"):
        assert findings[name].stops_us and findings[name].remedy and "pip install" in findings[name].remedy
    for name in ("tensorrt", "pycuda", "cuda-python", "onnxruntime cuda"):
        assert not findings[name].stops_us and findings[name].remedy
    table = findings_table(list(findings.values()))
    assert "MISSING  numpy" in table and "To mend:" in table and not healthy(findings.values())


def test_without_a_gpu_nothing_of_it_is_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_is_there", lambda module: module != "tensorrt")
    assert by_name(libraries.library_findings(has_gpu=False))["tensorrt"].remedy is None


def test_jetpacks_tensorrt_beside_a_virtual_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "_is_there", lambda module: False)
    monkeypatch.setattr(libraries, "_system_copy", lambda module: Path("/usr/lib/python3.10/dist-packages"))

    finding = by_name(libraries.library_findings(has_gpu=True))["tensorrt"]

    assert "which this environment does not see" in finding.found and "--system-site-packages" in (finding.remedy or "")


BUILD = "  Video I/O:\n    FFMPEG:                      {ffmpeg}\n    GStreamer:                   {gstreamer} (1.20.3)\n"


@pytest.mark.parametrize(
    ("ffmpeg", "gstreamer", "state"), [("YES", "YES", "ok"), ("NO", "YES", "ok"), ("YES", "NO", "ok"), ("NO", "NO", "broken")]
)
def test_opencv_with_and_without_its_readers(ffmpeg: str, gstreamer: str, state: str, stub) -> None:
    stub("cv2", f"__version__ = '4.8.0'\ndef getBuildInformation(): return {BUILD.format(ffmpeg=ffmpeg, gstreamer=gstreamer)!r}")

    finding = libraries._opencv()

    assert finding.state == state and finding.found.startswith("4.8.0")
    assert ("with GStreamer" in finding.found) == (gstreamer == "YES") and ("with FFmpeg" in finding.found) == (ffmpeg == "YES")


@pytest.mark.parametrize(("version", "needed"), [("4.8.1", False), ("4.12.0", False), ("4.13.0-dev", True), ("5.0.0", True)])
def test_pyav_is_needed_where_opencv_reads_interlaced_film_as_noise(
    version: str, needed: bool, stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub("cv2", f"__version__ = {version!r}\ndef getBuildInformation(): return {BUILD.format(ffmpeg='YES', gstreamer='YES')!r}")
    monkeypatch.setattr(libraries, "_is_there", lambda module: module == "cv2")

    pyav, opencv = libraries._pyav(), libraries._opencv()

    assert (pyav.state, pyav.stops_us, pyav.purpose) == ("absent", needed, "reads film and network cameras")
    assert pyav.remedy is not None and pyav.remedy.endswith("pip install 'av<20'")
    assert ("interlaced film into noise" in opencv.found) == needed and not opencv.stops_us


def test_a_pyav_that_does_not_load_is_named(stub) -> None:
    stub("av", "raise ImportError('libavcodec.so.62: cannot open shared object file')")

    finding = libraries._pyav()

    assert finding.state == "broken" and "libavcodec.so.62" in finding.found and "--force-reinstall av" in (finding.remedy or "")


def test_onnxruntime_with_cuda(stub) -> None:
    stub("onnxruntime", "__version__ = '1.23'\ndef get_available_providers(): return ['CUDAExecutionProvider', 'CPUExecutionProvider']")

    assert libraries._onnxruntime().found == "1.23, runs on: CUDA, CPU" and libraries._onnxruntime_cuda().state == "ok"


@pytest.mark.parametrize("module", ["cuda/bindings/runtime.py", "cuda/cudart.py"])
def test_cuda_python_from_before_its_bindings_had_a_distribution_of_their_own(module: str, tmp_path: Path) -> None:
    """As 12.6 for JetPack 6 comes: the module, and metadata of cuda-python alone."""
    (tmp_path / module).parent.mkdir(parents=True)
    (tmp_path / module).write_text("")
    (tmp_path / "cuda_python-12.6.2.dist-info").mkdir()
    (tmp_path / "cuda_python-12.6.2.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: cuda-python\nVersion: 12.6.2\n")

    without_site = [sys.executable, "-S", "-c", libraries._CUDA_PYTHON]
    said = subprocess.run(without_site, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=True).stdout

    assert json.loads(said) == "12.6.2"


@pytest.mark.parametrize(
    ("text", "release", "jetpack"),
    [
        ("# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic, EABI: aarch64, DATE: 2025", "36.4.3", "6.2"),
        ("# R36 (release), REVISION: 4.0, GCID: 1, BOARD: generic", "36.4.0", "6.1"),
        ("# R36 (release), REVISION: 5.0, GCID: 1", "36.5.0", "6.2"),
        ("# R36 (release), REVISION: 3.0, GCID: 1", "36.3.0", "6.0"),
        ("# R35 (release), REVISION: 4.1, GCID: 1", "35.4.1", "5"),
        ("# R38 (release), REVISION: 2.0, GCID: 1", "38.2.0", "7.0"),
        ("# R39 (release), REVISION: 2, GCID: 1", "39.2", "7.2"),
        ("# R44 (release), REVISION: 1.0, GCID: 1", "44.1.0", None),
        ("nonsense", None, None),
    ],
)
def test_jetson_releases(text: str, release: str | None, jetpack: str | None) -> None:
    assert machine.l4t_release(text) == release
    assert release is None or machine.jetpack_of(release) == jetpack


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_jetson_orin(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files["/etc/nv_tegra_release"] = "# R36 (release), REVISION: 4.3, GCID: 1"
    files["/proc/device-tree/model"] = "NVIDIA Jetson Orin Nano Developer Kit\0"
    files["/proc/meminfo"] = "MemTotal:        7800000 kB\nMemAvailable:     500000 kB\nSwapTotal:             0 kB\n"
    program(tmp_path, "nvpmodel", "echo 'NV Power Mode: 15W'; echo 0")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    found = by_name(machine.machine_findings(tmp_path))

    assert "Orin Nano" in found["machine"].found and found["jetpack"].found == "L4T 36.4.3, JetPack 6.2"
    assert found["power mode"].found == "15W"
    assert found["memory"].state == "broken" and "swap" in (found["memory"].remedy or "")
    assert found["cuda driver"].state == "broken" and found["cuda driver"].remedy, "a Jetson has a GPU"


def test_a_jetson_in_a_container_is_known_by_its_packages(files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "dpkg-query", "printf 36.4.7-20250918154033")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert by_name(machine.machine_findings(tmp_path))["jetpack"].found == "L4T 36.4.7, JetPack 6.2"


def test_a_power_tool_that_wants_root_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path, "nvpmodel", "echo 'must be root' >&2; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    assert by_name(machine.machine_findings(tmp_path))["power mode"].remedy == "sudo nvpmodel -q"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert by_name(machine.machine_findings(tmp_path / "absent"))["disk"].state == "broken"


def test_a_question_that_hangs_is_ended() -> None:
    start = time.monotonic()
    assert ask("import time; time.sleep(1000)", timeout_s=0.5).trouble == "no answer in 0.5 s"
    assert output_of("sleep", "1000", timeout_s=0.5) is None and time.monotonic() - start < 60


def test_the_doctor_needs_nothing_but_the_standard_library() -> None:
    code = "import sys, edge_sdk.doctor; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert not set(loaded) & {"numpy", "cv2", "msgspec", "yaml", "cryptography", "onnxruntime", "openvino", "tensorrt"}


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    finding = by_name(examine(tmp_path))["cache folder"]

    assert finding.state == "broken" and not finding.stops_us and "cannot be written" in finding.found


def test_a_working_folder_that_was_deleted_is_a_line_of_the_report(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = f"import os; os.chdir({str(tmp_path / 'gone')!r}); os.rmdir(os.getcwd()); from edge_sdk.cli import main; main(['doctor'])"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PWD": str(tmp_path / "gone")}

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)

    assert f"BROKEN   disk              {tmp_path / 'gone'}: No such file" in done.stdout and "can run here" in done.stdout


def test_a_self_test_without_any_runtime_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    for module in ("onnxruntime", "openvino", "tensorrt"):
        monkeypatch.setitem(sys.modules, module, None)

    assert main(["selftest"]) == 1

    assert capfd.readouterr().err.splitlines() == ["error: nothing on this machine runs this model; see 'sewer-edge doctor'"]


def test_openvino_is_looked_at_where_it_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries.platform, "machine", lambda: "x86_64")
    if libraries._is_there("openvino"):
        (found,) = libraries._openvino()
        assert found.state == "ok" and found.found[:2] == "20" and not found.needed

    monkeypatch.setitem(sys.modules, "openvino", None)
    (absent,) = libraries._openvino()
    assert (absent.state, absent.stops_us) == ("absent", False) and "pip install openvino" in str(absent.remedy)

    monkeypatch.setattr(libraries.platform, "machine", lambda: "aarch64")
    assert libraries._openvino() == []


def test_an_openvino_that_does_not_load_is_named_and_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openvino").mkdir()
    (tmp_path / "openvino" / "__init__.py").write_text("")
    (tmp_path / "openvino" / "_pyopenvino.py").write_text("raise ImportError('libtbb.so.12: cannot open shared object file')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(libraries.platform, "machine", lambda: "x86_64")

    (found,) = libraries._openvino()

    assert found.state == "broken" and "libtbb.so.12" in found.found and not found.stops_us and "reinstall openvino" in str(found.remedy)
