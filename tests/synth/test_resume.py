"""Folders that appear whole or not at all: where they may be put, and what is left when something goes wrong."""

import errno
import os
from pathlib import Path

import pytest

from trainer.synth import SynthError, resume
from trainer.synth.errors import InterruptedRunError
from trainer.synth.resume import resumable_folder

RUN = {"seed": 1}


def make(out: Path, arguments: dict[str, int] = RUN, *, content: str = "x") -> None:
    with resumable_folder(out, arguments) as pieces:
        (pieces.folder / "file").write_text(content)
        pieces.finish("all")


def test_file_in_the_place_of_the_folder_is_refused_as_one(tmp_path: Path) -> None:
    (tmp_path / "set").write_text("mine")

    with pytest.raises(SynthError, match="set is not a folder"):
        make(tmp_path / "set")

    assert (tmp_path / "set").read_text() == "mine" and len(list(tmp_path.iterdir())) == 1


def test_link_to_an_empty_folder_is_kept_and_its_target_filled(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "set").symlink_to(tmp_path / "disk")

    make(tmp_path / "set")

    assert (tmp_path / "set").is_symlink() and [path.name for path in (tmp_path / "disk").iterdir()] == ["file"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["disk", "set"]


@pytest.mark.parametrize("name", [".", "nosuch/.."])
def test_working_folder_is_refused_before_anything_is_made(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SynthError, match="choose a new folder in it"):
        make(Path(name))

    assert not list(tmp_path.iterdir())


def test_mount_point_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "volume").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda self: self.name == "volume")

    with pytest.raises(SynthError, match="volume is a mount point"):
        make(tmp_path / "volume")

    assert [path.name for path in tmp_path.iterdir()] == ["volume"]


def test_error_leaves_no_parent_folders_behind(tmp_path: Path) -> None:
    with pytest.raises(SynthError, match="the disk is full"), resumable_folder(tmp_path / "a" / "b" / "set", RUN):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert not list(tmp_path.iterdir())


def test_disk_too_full_for_the_plan_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(resume, "_begin_anew", refuse)

    with pytest.raises(SynthError, match="the disk is full"):
        make(tmp_path / "set")

    assert not list(tmp_path.iterdir())


def test_folder_taken_meanwhile_costs_nothing_that_was_made(tmp_path: Path) -> None:
    out = tmp_path / "set"
    with pytest.raises(InterruptedRunError, match=r"all is kept in .*\.set-part"), resumable_folder(out, RUN) as pieces:
        pieces.finish("all", "made")
        out.mkdir()
        (out / "note.txt").write_text("mine")
    assert [path.name for path in out.iterdir()] == ["note.txt"]

    (out / "note.txt").unlink()
    with resumable_folder(out, RUN) as pieces:
        assert pieces.text("all") == "made"

    assert not list(out.iterdir()) and [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_was_left_without_a_plan_does_not_get_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".set-part").mkdir()
    (tmp_path / ".set-part" / "stale").write_text("of some other run")

    make(tmp_path / "set")

    assert [path.name for path in (tmp_path / "set").iterdir()] == ["file"]


def test_half_marked_piece_is_not_finished(tmp_path: Path) -> None:
    done = tmp_path / ".set-part" / ".done"
    done.mkdir(parents=True)
    (done / "all.new").write_text("ha")
    (tmp_path / ".set-part" / ".plan.json").write_text('{"seed": 2}')

    make(tmp_path / "set")

    assert [path.name for path in (tmp_path / "set").iterdir()] == ["file"]
