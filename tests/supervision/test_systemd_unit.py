"""T-SEC6: the unit is what systemd understands, restarts for ever, is watched, and takes no more rights than it needs."""

import shlex
import shutil
import signal
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from edge_sdk.supervision.supervisor import NO_PROGRESS_S

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "sewer-edge.service"
ANALYZE = shutil.which("systemd-analyze")
SINCE_254 = ("RestartSteps", "RestartMaxDelaySec")


def settings() -> dict[str, list[str]]:
    """Section.Key to its values; a line that is neither is a failure. Written for this file: no continuation lines."""
    found, section = defaultdict(list), ""
    for line in UNIT.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            assert equals and key.isalnum() and "#" not in value and not line.endswith("\\"), line
            found[f"{section}.{key}"].append(value)
    return found


def test_the_unit_holds_what_was_promised() -> None:
    unit = settings()
    assert all(len(values) == 1 for values in unit.values())
    expected = {
        "Unit.StartLimitIntervalSec": "0", "Service.Type": "notify", "Service.NotifyAccess": "main", "Service.WatchdogSec": "30",
        "Service.Restart": "always", "Service.NoNewPrivileges": "yes", "Service.ProtectSystem": "strict", "Service.PrivateTmp": "yes",
        "Service.User": "sewer-edge", "Service.CapabilityBoundingSet": "",
    }  # fmt: skip
    assert {key: unit[key][0] for key in expected} == expected
    assert unit["Service.ReadWritePaths"] and unit["Service.MemoryMax"] and int(unit["Service.RestartSec"][0]) > 0
    assert float(unit["Service.WatchdogSec"][0]) / 2 == NO_PROGRESS_S
    assert not {"Service.DeviceAllow", "Service.PrivateDevices", "Service.ProtectClock"} & set(unit)  # each takes cameras and GPU away


def test_a_restart_goes_on_with_the_run_of_a_folder_that_robot_env_may_name() -> None:
    unit = settings()
    (start,), (environment,) = unit["Service.ExecStart"], unit["Service.Environment"]
    words = start.split()
    assert words[1:5] == ["run", "--resume", "--out", "${SEWER_EDGE_OUT}"] and words[5:] == ["$SEWER_EDGE_RUN"]
    assert "SEWER_EDGE_OUT=run" in environment.split()
    keys = list(unit)
    assert keys.index("Service.Environment") < keys.index("Service.EnvironmentFile"), "what the file says comes last"


def test_every_writable_path_is_one_systemd_makes() -> None:
    unit = settings()
    made = {f"/var/lib/{unit['Service.StateDirectory'][0]}", f"/var/cache/{unit['Service.CacheDirectory'][0]}"}
    assert set(unit["Service.ReadWritePaths"][0].split()) == made and unit["Service.WorkingDirectory"][0] in made


@pytest.mark.parametrize(
    ("system", "told"), [("running", True), ("degraded", True), ("stopping", False), ("", False), ("offline", False)]
)  # fmt: skip
def test_a_stop_says_that_the_inspection_is_over_and_a_power_off_does_not(system: str, told: bool, tmp_path: Path) -> None:
    """The line is run as systemd runs it, with a stand-in for what it asks."""
    unit = settings()
    assert (unit["Service.KillSignal"], unit["Service.SuccessExitStatus"]) == (["SIGTERM"], ["130"])
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(f"#!/bin/sh\n[ $1 = is-system-running ] && echo {system}\n[ '{system}' = running ]\n", encoding="utf-8")
    systemctl.chmod(0o755)
    ignored, *command = shlex.split(unit["Service.ExecStop"][0].replace("$$", "$").removeprefix("-"))
    with subprocess.Popen(["/bin/sleep", "60"], preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as main:
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MAINPID": str(main.pid)}
        assert ignored == "/bin/sh" and subprocess.run([ignored, *command], env=environment, timeout=30).returncode == 0
        assert (main.wait(30) == -signal.SIGINT) if told else main.poll() is None
        main.kill()


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The unit with a program that exists on this machine."""
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text(encoding="utf-8").replace("/opt/sewer-edge/bin/sewer-edge run", "/bin/true run"), encoding="utf-8")
    return path


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
def test_systemd_understands_every_line(installed: Path) -> None:
    done = subprocess.run([ANALYZE, "verify", installed], capture_output=True, text=True, timeout=90)
    complaints = [line for line in done.stderr.splitlines() if installed.name in line and not any(key in line for key in SINCE_254)]
    assert done.returncode == 0 and complaints == []

    installed.write_text(installed.read_text(encoding="utf-8").replace("NoNewPrivileges", "NoNewPriviledges"), encoding="utf-8")
    done = subprocess.run([ANALYZE, "verify", installed], capture_output=True, text=True, timeout=90)
    assert "NoNewPriviledges" in done.stderr  # the check would have seen a slip


@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not on this machine")
def test_the_service_is_locked_in(installed: Path) -> None:
    done = subprocess.run([ANALYZE, "security", "--offline=yes", "--threshold=40", installed], capture_output=True, text=True, timeout=90)
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge a file")
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
