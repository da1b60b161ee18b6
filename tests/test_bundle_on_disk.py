"""A bundle's files stay on disk: what is read is what was signed, whatever has become of them since, and nothing else is held."""

import gc
import os
import shutil
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

import tiny
from edge_sdk.bundle import Bundle, unpack_bundle
from edge_sdk.errors import CorruptBundleError, UntrustedBundleError

LARGE_BYTES = 40_000_000


@pytest.fixture(params=["file", "folder"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A bundle of this test alone, in either form."""
    file = tiny.tiny_bundle(tmp_path / "own.bundle")
    if request.param == "file":
        return file
    unpack_bundle(file, tmp_path / "own")
    return tmp_path / "own"


def alter(path: Path, name: str) -> None:
    """Turn one bit of one of a bundle's files around, where it lies."""
    file = path / name if path.is_dir() else path
    content, inside = file.read_bytes(), tiny.tiny_content()[name]
    at = content.index(inside) + len(inside) // 2
    with file.open("r+b") as opened:
        opened.seek(at)
        opened.write(bytes([content[at] ^ 1]))


def descriptors_of(path: Path) -> int:
    """How many descriptors of this process are of a file or folder."""
    here = Path("/proc/self/fd")
    if not here.exists():
        pytest.skip("only Linux tells which files a process has open")
    links = []
    for link in here.iterdir():
        with suppress(OSError):  # the one that lists them
            links.append(str(link.readlink()).removesuffix(" (deleted)"))
    return links.count(str(path.resolve()))


def test_a_file_altered_in_place_is_noticed_when_it_is_read(path: Path, trust: Path) -> None:
    bundle = Bundle.open(path, trust=[trust])

    alter(path, "model.onnx")

    with pytest.raises(CorruptBundleError, match=r"model\.onnx is not what was signed") as caught:
        bundle.read("model.onnx")
    assert "\n" not in str(caught.value)
    assert bundle.read("card.md") == b"# Painted\n", "the others are what they were"


def test_a_bundle_cut_off_in_place_is_noticed_when_it_is_read(path: Path, trust: Path) -> None:
    bundle = Bundle.open(path, trust=[trust])
    for file in path.iterdir() if path.is_dir() else [path]:
        os.truncate(file, 100)

    with pytest.raises(CorruptBundleError, match=r"model\.onnx is not what was signed"):
        bundle.read("model.onnx")


def test_a_bundle_replaced_by_another_still_reads_as_what_was_verified(path: Path, trust: Path, tmp_path: Path) -> None:
    content = tiny.tiny_content()
    bundle = Bundle.open(path, trust=[trust])
    other = tiny.tiny_bundle(tmp_path / "other.bundle", content=tiny.tiny_content(**{"card.md": b"# Another\n"}))

    if path.is_dir():
        path.rename(tmp_path / "away")
        unpack_bundle(other, path)
    else:
        other.replace(path)

    assert {name: bundle.read(name) for name in content} == content
    assert Bundle.open(path, trust=[trust]).read("card.md") == b"# Another\n"


def test_a_bundle_file_that_was_deleted_still_reads(trust: Path, tmp_path: Path) -> None:
    file = tiny.tiny_bundle(tmp_path / "own.bundle")
    bundle = Bundle.open(file, trust=[trust])

    file.unlink()

    assert bundle.read("model.onnx") == tiny.tiny_content()["model.onnx"]


def test_a_folder_whose_files_were_deleted_says_so_in_one_line(trust: Path, tmp_path: Path) -> None:
    unpack_bundle(tiny.tiny_bundle(tmp_path / "own.bundle"), tmp_path / "own")
    bundle = Bundle.open(tmp_path / "own", trust=[trust])

    shutil.rmtree(tmp_path / "own")

    with pytest.raises(CorruptBundleError, match=r"model\.onnx cannot be read any more: No such file") as caught:
        bundle.read("model.onnx")
    assert "\n" not in str(caught.value)


def test_a_link_put_in_the_place_of_a_folders_file_is_not_followed(trust: Path, tmp_path: Path) -> None:
    unpack_bundle(tiny.tiny_bundle(tmp_path / "own.bundle"), tmp_path / "own")
    bundle = Bundle.open(tmp_path / "own", trust=[trust])

    card = tmp_path / "own" / "card.md"
    card.rename(tmp_path / "card.md")
    card.symlink_to(tmp_path / "card.md")

    with pytest.raises(CorruptBundleError, match="not a plain file"):
        bundle.read("card.md")


def test_a_pipe_in_the_place_of_a_bundle_is_refused_at_once(trust: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.bundle")

    with pytest.raises(CorruptBundleError, match="not a plain file"):
        Bundle.open(tmp_path / "pipe.bundle", trust=[trust])


def test_the_descriptor_goes_with_the_last_bundle_that_has_files(path: Path, trust: Path) -> None:
    bundle = Bundle.open(path, trust=[trust])
    assert descriptors_of(path) == 1

    record = bundle.without_files()
    assert descriptors_of(path) == 1 and bundle.read("card.md"), "the one it was made from stays whole"
    bundle = record
    gc.collect()

    assert descriptors_of(path) == 0
    with pytest.raises(CorruptBundleError, match="has no file"):
        bundle.read("card.md")


def test_refused_bundles_leave_no_descriptor(path: Path, trust: Path) -> None:
    with pytest.raises(UntrustedBundleError):
        Bundle.open(path)
    alter(path, "model.onnx")
    with pytest.raises(CorruptBundleError):
        Bundle.open(path, trust=[trust])
    gc.collect()

    assert descriptors_of(path) == 0


def test_programs_that_are_started_do_not_inherit_it(path: Path, trust: Path) -> None:
    bundle = Bundle.open(path, trust=[trust])

    ours = [int(link.name) for link in Path("/proc/self/fd").iterdir() if link.exists() and link.resolve() == path.resolve()]

    assert len(ours) == 1 and not os.get_inheritable(ours[0]) and bundle.signed_by


def test_threads_read_side_by_side(path: Path, trust: Path) -> None:
    content, bundle = tiny.tiny_content(), Bundle.open(path, trust=[trust])

    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(bundle.read, list(content) * 50))

    assert read == list(content.values()) * 50


def test_opening_holds_no_large_file_and_reading_holds_one_once(trust: Path, tmp_path: Path) -> None:
    large = os.urandom(1000) * (LARGE_BYTES // 1000)
    file = tiny.tiny_bundle(tmp_path / "large.bundle", content=tiny.tiny_content(**{"large.bin": large}))
    unpack_bundle(file, tmp_path / "large")

    for path in (file, tmp_path / "large"):
        tracemalloc.start()
        bundle = Bundle.open(path, trust=[trust])
        opening = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        same = bundle.read("large.bin") == large
        reading = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert same and opening < LARGE_BYTES / 5 and LARGE_BYTES < reading < 1.2 * LARGE_BYTES, (opening, reading)
