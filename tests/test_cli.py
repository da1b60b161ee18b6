"""What a user sees: bad input gives one clear line and exit code 1, and nothing is lost."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import tiny
from edge_sdk.bundle import unpack_bundle
from edge_sdk.cli import main
from edge_sdk.records import inspection_from_json


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return tiny.write_film(tmp_path / "film.mp4", [tiny.painted(tiny.RED if 20 <= i < 40 else tiny.GREY) for i in range(60)], fps=10)


@pytest.fixture
def cli(bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """Calls `sewer-edge run` on the tiny bundle; returns exit code, stdout and stderr."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        code = main(["run", *map(str, arguments), "--bundle", str(bundle_path), "--trust", str(trust), "--out", str(tmp_path / "out")])
        out, err = capfd.readouterr()
        return code, out, err

    return call


def only_error(err: str) -> str:
    """The one error line; anything that looks like a traceback or a library's chatter is a failure."""
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1 and "Traceback" not in err, err
    return lines[0]


def test_a_run_prints_the_table_and_where_everything_is(cli, film: Path, tmp_path: Path) -> None:
    odometer = tmp_path / "odometer.csv"
    odometer.write_text("time_s,distance_m\n" + "\n".join(f"{i / 10},{i / 50}" for i in range(60)))

    code, out, err = cli(film, "--odometer", odometer)

    assert code == 0 and "SEWER-ML RB" in out and "Cracks" in out and "60 frames in" in err
    for name in ("report.html", "report.json", "observations.csv", "annotated.mp4"):
        assert (tmp_path / "out" / name).is_file() and name in err
    assert inspection_from_json((tmp_path / "out" / "report.json").read_bytes()).status == "complete"


def test_missing_film(cli, tmp_path: Path) -> None:
    code, out, err = cli(tmp_path / "absent.mp4")
    assert (code, out) == (1, "") and "absent.mp4: no such file or folder" in only_error(err)


def test_directory_without_images(cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = cli(tmp_path / "empty")
    assert code == 1 and "no pictures in it" in only_error(err)


def test_text_file_named_mp4(cli, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello\n" * 50)
    code, _, err = cli(tmp_path / "text.mp4")
    assert code == 1 and err == only_error(err) + "\n" and "not a film" in err


def test_film_with_zero_frames(cli, tmp_path: Path) -> None:
    writer = cv2.VideoWriter(str(tmp_path / "zero.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (128, 96))
    writer.release()
    code, _, err = cli(tmp_path / "zero.avi")
    assert code == 1 and "zero.avi" in only_error(err)


def test_truncated_film_gives_a_partial_result_marked_incomplete(cli, tmp_path: Path) -> None:
    path = tmp_path / "cut.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (128, 96))
    for i in range(60):
        writer.write(np.ascontiguousarray(tiny.painted(tiny.RED if 10 <= i < 25 else tiny.GREY)[..., ::-1]))
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])

    code, out, err = cli(path)

    inspection = inspection_from_json((tmp_path / "out" / "report.json").read_bytes())
    assert code == 1 and "incomplete" in only_error(err) and "announced frames" in err and "RB" in out
    assert inspection.status == "incomplete" and inspection.coverage.gaps[-1].reason == "truncated"
    assert 0 < inspection.accounting.processed < 60


@pytest.mark.parametrize("size", [(1, 1), (8000, 8000)])
def test_odd_sizes_are_refused_with_the_limits(cli, tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "stills").mkdir()
    cv2.imwrite(str(tmp_path / "stills" / "a.png"), np.zeros((*size, 3), np.uint8))
    code, _, err = cli(tmp_path / "stills")
    assert code == 1 and "16 to 4096 pixels" in only_error(err)


def test_grey_and_rgba_stills_are_taken_as_rgb(cli, tmp_path: Path) -> None:
    (tmp_path / "stills").mkdir()
    cv2.imwrite(str(tmp_path / "stills" / "a.png"), np.full((96, 128), 90, np.uint8))
    cv2.imwrite(str(tmp_path / "stills" / "b.png"), np.dstack([tiny.painted(tiny.RED)[..., ::-1], np.full((96, 128), 9, np.uint8)]))
    code, out, _ = cli(tmp_path / "stills")
    assert code == 0 and "RB" in out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time_s\n0\n", "no column distance_m"),
        ("time_s,distance_m\n0,nan\n", "line 2: distance_m is 'nan'"),
        ("time_s,distance_m\n0,far\n", "line 2: distance_m is 'far'"),
        ("time_s,distance_m\n600,0\n700,1\n", "the film runs from 0 to 6 s"),
    ],
    ids=["missing column", "NaN", "text", "outside the film"],
)
def test_bad_odometer_files(cli, film: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "odometer.csv").write_text(text)
    code, _, err = cli(film, "--odometer", tmp_path / "odometer.csv")
    assert code == 1 and words in only_error(err) and not (tmp_path / "out").exists()


def bundle_error(capfd: pytest.CaptureFixture[str], verb: str, *arguments: str | Path) -> str:
    assert main([verb, *map(str, arguments)]) == 1
    return only_error(capfd.readouterr().err)


@pytest.mark.parametrize("verb", ["info", "selftest"])
def test_bad_bundles(verb: str, bundle_path: Path, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(bundle_path.read_bytes())
    data[-1] ^= 1
    (tmp_path / "flipped.bundle").write_bytes(data)
    unpack_bundle(bundle_path, tmp_path / "folder")
    (tmp_path / "folder" / "model.onnx").unlink()

    assert "not what was signed" in bundle_error(capfd, verb, tmp_path / "flipped.bundle", "--trust", trust)
    assert "not trusted here" in bundle_error(capfd, verb, bundle_path)
    assert "model.onnx" in bundle_error(capfd, verb, tmp_path / "folder", "--trust", trust)
    assert "no such bundle" in bundle_error(capfd, verb, tmp_path / "absent")


@pytest.mark.parametrize(("change", "words"), [("schema_version", "newer than this SDK"), ("classes", "made for class list")])
def test_bundles_of_another_contract(change: str, words: str, trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Signed all the same: such bundles come from a newer or another trainer, not from an attacker."""
    from edge_sdk.contract.manifest import json_from_manifest
    from edge_sdk.trust import sign

    content = tiny.tiny_content()
    tree = json.loads(json_from_manifest(tiny.tiny_manifest(content)))
    tree[change] = 2 if change == "schema_version" else tree[change] | {"digest": "e" * 64}
    manifest = json.dumps(tree).encode()
    head = b"\n".join([b"sewer-edge bundle 1", sign(manifest, tiny.KEY).encode(), str(len(manifest)).encode(), manifest])
    (tmp_path / "other.bundle").write_bytes(head + b"".join(content.values()))

    assert words in bundle_error(capfd, "info", tmp_path / "other.bundle", "--trust", trust)


def test_info_and_selftest_speak_of_the_bundle(bundle_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(bundle_path), "--trust", str(trust)]) == 0
    assert "trained on  painted (rendered images)" in capfd.readouterr().out
    assert main(["selftest", str(bundle_path), "--trust", str(trust)]) == 0
    out = capfd.readouterr().out
    assert "4 golden frames" in out and "passed" in out and "not here  tensorrt" in out


def test_selftest_as_json_and_on_a_runtime_that_is_not_there(bundle_path: Path, trust: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asked = ["selftest", str(bundle_path), "--trust", str(trust), "--json", "--provider", "cpu"]
    assert main(asked) == 0
    (check,) = json.loads(capfd.readouterr().out)["checks"]
    assert (check["provider"], check["precision"], check["outcome"], check["num_golden"]) == ("cpu", "fp32", "passed", 4)
    assert check["p50_ms"] > 0 and check["max_abs_dp"] <= check["tolerance"]

    assert main([*asked, "--provider", "tensorrt"]) == 1
    assert "error: tensorrt: not_installed" in capfd.readouterr().err


def test_selftest_of_a_model_that_computes_something_else_fails(trust: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    content = {**tiny.tiny_content(), "model.onnx": tiny.tiny_graph(gain=3.0)}
    path = tiny.tiny_bundle(tmp_path / "b.bundle", content=content)

    assert main(["selftest", str(path), "--trust", str(trust), "--provider", "cpu"]) == 1
    out, err = capfd.readouterr()
    assert "FAILED: golden_mismatch" in out and "must not serve on this machine" in only_error(err)


def test_a_run_says_what_it_runs_on_and_obeys_what_is_required(cli, film: Path, tmp_path: Path) -> None:
    code, _, err = cli(film, "--no-film", "--precision", "fp32", "--require", "cpu")
    assert code == 0 and "runs as fp32 on CPUExecutionProvider: asked for" in err
    assert inspection_from_json((tmp_path / "out" / "report.json").read_bytes()).model.precision_reason == "asked for"

    code, _, err = cli(film, "--overwrite", "--require", "tensorrt")
    assert code == 1 and "tensorrt failed at import, not_installed" in only_error(err)
    code, _, err = cli(film, "--overwrite", "--precision", "int8")
    assert code == 1 and "no int8 graph; it carries: fp32" in only_error(err)
    code, _, err = cli(film, "--overwrite", "--thresholds", "tuned")
    assert code == 1 and "no tuned thresholds for fp32" in only_error(err)


def test_a_folder_with_results_is_not_overwritten_unless_told(cli, film: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("precious")

    code, _, err = cli(film)

    assert code == 1 and "not empty" in only_error(err) and (tmp_path / "out" / "report.json").read_text() == "precious"
    assert cli(film, "--overwrite")[0] == 0


def test_an_unwritable_place_is_named(cli, film: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    code, _, err = cli(film)
    assert code == 1 and "choose another --out" in only_error(err)


def heed_interrupts() -> None:
    """A shell starts its background jobs with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_writes_what_was_seen(number: signal.Signals, bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    """Ctrl-C or a service manager's stop, to the real program in the middle of a long film."""
    long = tiny.write_film(tmp_path / "long.mp4", [tiny.painted(tiny.GREY, height=288, width=352)] * 8_000)
    command = [
        sys.executable,
        "-m",
        "edge_sdk.cli",
        "run",
        str(long),
        "--bundle",
        str(bundle_path),
        "--trust",
        str(trust),
        "--out",
        str(tmp_path / "out"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, preexec_fn=heed_interrupts)
    film_path = tmp_path / "out" / "annotated.mp4"
    while not film_path.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)

    inspection = inspection_from_json((tmp_path / "out" / "report.json").read_bytes())
    assert process.returncode == 130 and "Traceback" not in err, err
    assert inspection.status == "interrupted" and 0 < inspection.accounting.received < 8_000


def test_unpacking_what_is_no_bundle_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder").mkdir()

    assert "No such file" in bundle_error(capfd, "unpack", tmp_path / "absent", tmp_path / "out")
    assert "directory" in bundle_error(capfd, "unpack", tmp_path / "folder", tmp_path / "out")


def test_verbs_are_frozen(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "run | report | status | info | build | selftest | doctor | unpack" in " ".join(capfd.readouterr().out.split())


def test_wrong_usage_is_exit_code_2(capfd: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], ["fly"], ["run"], ["run", "f", "--threads", "0"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
