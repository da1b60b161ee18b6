"""The rules of the design that hold without good will: imports, the wheel's contents, what an import costs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def python(code: str) -> str:
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return result.stdout.strip()


def test_import_contracts_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0 and "4 kept, 0 broken" in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize("module", ["edge_sdk", "edge_sdk.inspector", "edge_sdk.cli", "edge_sdk.report", "edge_sdk.runtime"])
def test_the_robots_package_loads_no_training_stack_and_no_runtime(module: str) -> None:
    loaded = set(python(f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})").split())

    heavy = "torch torchvision timm lightning pandas onnx onnxruntime openvino tensorrt pycuda trainer"
    assert not loaded & set(heavy.split())


def test_a_start_loads_no_database_and_nothing_that_starts_gpu_trials() -> None:
    loaded = set(python("import sys, edge_sdk.inspector; print(*sys.modules)").split())

    assert not loaded & {"sqlite3", "edge_sdk.journal.journal", "edge_sdk.runtime.trial"}


def test_every_public_name_can_be_fetched() -> None:
    assert python("import edge_sdk; print(all(getattr(edge_sdk, name) for name in edge_sdk.__all__))") == "True"


def test_the_rendered_sewer_needs_no_torch() -> None:
    assert python("import sys, trainer.synth; print('torch' in sys.modules)") == "False"


def test_the_wheel_holds_edge_sdk_alone_and_all_of_it(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]

    tracked = subprocess.run(["git", "ls-files", "edge_sdk"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert {name.split("/")[0] for name in names} == {"edge_sdk"}
    assert set(tracked) <= set(names)
    assert {"edge_sdk/contract/sewer_ml.yaml", "edge_sdk/models/default.bundle"} <= set(names)
    assert not any(name.endswith((".key", ".pem")) for name in names)


def test_the_wheels_dependencies_are_the_seven() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = sorted(line.split(">")[0] for line in project["dependencies"])
    assert names == ["av", "cryptography", "msgspec", "numpy", "onnxruntime", "opencv-python-headless", "pyyaml"]


def test_no_private_key_is_in_the_repository() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    for name in tracked:
        assert not name.endswith((".key", ".pem")), name
        assert b"PRIVATE KEY-----\n" not in (ROOT / name).read_bytes(), name
