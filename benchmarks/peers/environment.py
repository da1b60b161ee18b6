"""A virtual environment for each peer, made on demand from the package index the user's pip is set to; never a dependency of ours.

An environment is there once its `peer.json` is; what could not be installed leaves the reason in `<name>.failed.json` beside it, for the
table, and nothing else.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.peers.catalogue import ENVIRONMENTS, OURS, PLAIN, Requirements
from edge_sdk.errors import InputError, OutputError

MARK = "peer.json"
TIMEOUT_S = 3600.0
MIN_FREE_GB = 4.0  # left over on the disk
BORROWED_GB = 2.0
LIST_VERSIONS = "import json, importlib.metadata as m; print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"


def python_of(environment: str, into: Path) -> Path:
    """The environment's interpreter.

    Raises:
        InputError: If the environment was not made: says how to, or why it failed.
    """
    folder = into / environment
    if not (folder / MARK).is_file():
        raise InputError(f"{environment} is {_why_missing(environment, into)}")
    return _python(folder)


def environment_words(environment: str, into: Path) -> str:
    """Versions of what matters in an environment, and whether it borrows from this one; empty if it is not there or is this one."""
    mark = into / environment / MARK
    if environment == OURS or not mark.is_file():
        return ""
    found = json.loads(mark.read_text())
    words = [f"{name} {found['versions'][name]}" for name in ENVIRONMENTS[environment].packages if name in found["versions"]]
    return ", ".join(words + ["torch and others borrowed"] * found["borrowed"])


def _why_missing(environment: str, into: Path) -> str:
    failed = into / f"{environment}.failed.json"
    command = f"'python -m benchmarks.peers install {environment} --into {into}'"
    if failed.is_file():
        return f"not installed; {command} said: {json.loads(failed.read_text())['reason']}"
    return f"not installed; run {command}"


def make_environment(
    name: str, into: Path, *, borrow: bool = False, extra: Sequence[str] = (), say: Callable[[str], None] = lambda line: None
) -> Path:
    """Make an environment, or leave it as it is if it is there.

    Args:
        name: One of `ENVIRONMENTS`.
        into: The folder for all of them.
        borrow: Let it see the packages of this interpreter, torch above all, instead of fetching gigabytes.
        extra: Further requirements, such as a build of torch for CPUs only.
        say: Told of each step.

    Returns:
        The environment's folder.

    Raises:
        InputError: If it could not be installed; the reason is kept for the table.
        OutputError: If there is no room or the folder cannot be written.
    """
    wanted, folder = ENVIRONMENTS[name], into / name
    if (folder / MARK).is_file():
        say(f"{name}: is there already")
        return folder
    _check_room(name, into, BORROWED_GB if borrow else wanted.heavy_gb)
    say(f"{name}: {' '.join((*wanted.install, *wanted.without, *extra))}")
    try:
        shutil.rmtree(folder, ignore_errors=True)
        _call([sys.executable, "-m", "venv", str(folder)], name)
        if borrow:
            _lend(folder)
        _install(name, folder, wanted, extra)
        versions = json.loads(_call([str(_python(folder)), "-c", LIST_VERSIONS], name))
        (folder / MARK).write_text(json.dumps({"borrowed": borrow, "versions": dict(sorted(versions.items()))}, indent=1))
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, InputError):
            (into / f"{name}.failed.json").write_text(json.dumps({"reason": str(error)}))
        raise
    (into / f"{name}.failed.json").unlink(missing_ok=True)
    return folder


def _install(name: str, folder: Path, wanted: Requirements, extra: Sequence[str]) -> None:
    pip = [str(_python(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    ours = [f"{package}=={found}" for package in PLAIN if wanted.pinned and package in wanted.install and (found := _our(package))]
    names = [package for package in wanted.install if not any(pin.startswith(f"{package}==") for pin in ours)]
    _call([*pip, *ours, *names, *extra], name)
    if wanted.without:
        _call([*pip, "--no-deps", *wanted.without], name)


def _our(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None  # a robot may have OpenCV from its system: then the peer takes the newest


def _lend(folder: Path) -> None:
    """A path file after the environment's own packages, which come first."""
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")


def _check_room(name: str, into: Path, needed_gb: float) -> None:
    try:
        into.mkdir(parents=True, exist_ok=True)
        free_gb = shutil.disk_usage(into).free / 1e9
    except OSError as error:
        raise OutputError(f"{into}: {error.strerror}; choose another --into") from error
    if free_gb < needed_gb + MIN_FREE_GB:
        raise OutputError(f"{into}: {free_gb:.0f} GB free, {name} needs {needed_gb:.0f} and {MIN_FREE_GB:.0f} to spare; free some first")


def _call(command: Sequence[str], name: str) -> str:
    """Run a step of the installation; its last line of complaint is the reason if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - our own command
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{name}: {error}") from error
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith(("WARNING", "[notice]"))]
        raise InputError(f"{name}: {lines[-1][:300] if lines else f'exit code {done.returncode}'}")
    return done.stdout


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"
