import resource
from pathlib import Path

import pytest

from trainer.errors import ExportError
from trainer.export.writing import write_together


def test_all_files_are_written_and_replace_those_of_their_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")

    write_together(tmp_path, {"a": b"new", "b": b"also"})

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"new", "b": b"also"}


def test_a_disk_that_takes_only_the_first_file_keeps_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(ExportError, match=r"b: File too large; make room"):
            write_together(tmp_path, {"a": b"new", "b": bytes(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"old"}
