"""A folder that appears whole or not at all, and whose making can be broken off and gone on with.

While it is made, `out` is `.NAME-part` beside it: what is finished, a plan (the arguments, so that only the same command goes on) and
one marker per finished piece. An interruption leaves it there; an error removes it; at the end it is renamed to `out`.
"""

import errno
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from trainer.synth.errors import InterruptedRunError, SynthError

_PLAN, _DONE, _NEW = ".plan.json", ".done", ".new"


class Pieces:
    """The unfinished folder, and which pieces of it are finished. A piece leaves a text (CSV rows, say) for the end of the run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / _DONE).mkdir(exist_ok=True)

    def text(self, piece: str) -> str | None:
        """What a finished piece left; None if it is not finished."""
        path = self.folder / _DONE / piece
        return path.read_text(encoding="utf-8") if path.exists() else None

    def finish(self, piece: str, text: str = "") -> None:
        """Mark a piece as finished, in one step."""
        path = self.folder / _DONE / f"{piece}{_NEW}"
        path.write_text(text, encoding="utf-8")
        path.rename(path.with_suffix(""))


@contextmanager
def resumable_folder(out: Path, arguments: Mapping[str, Any]) -> Iterator[Pieces]:
    """Make `out` piece by piece; `arguments` is all that its content depends on.

    Raises:
        SynthError: If `out` is not empty, an interrupted run with other arguments is in the way, another run is at work on it, or the
            disk is full; nothing of this run is left behind then.
        InterruptedRunError: If `out` was taken by someone else meanwhile; what was finished is kept.
        OSError: If the disk cannot be written; nothing is left behind then.
    """
    check_new(out)
    real = Path(os.path.realpath(out))  # a link stays one, and its target appears whole
    folder = real.with_name(f".{real.name}-part")
    new_parents = [parent for parent in folder.parents if not parent.exists()]
    wanted = json.loads(json.dumps(arguments))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / _PLAN).open("a+", encoding="utf-8") as plan:
            _lock(plan, folder)
            _check_same(plan, folder, wanted)
            with _left_clean(folder):
                if not _any_finished(folder):
                    _begin_anew(plan, folder, wanted)
                yield Pieces(folder)
                _settle(folder, real)
    except OSError as error:
        raise _explained(error, out) from error
    finally:
        for empty in (folder, *new_parents):
            with suppress(OSError):  # not empty: in use
                empty.rmdir()


def check_new(out: Path) -> None:
    """Refuse to write over anything, and names that a finished folder could not be given."""
    real = Path(os.path.realpath(out))
    if not real.exists():
        return
    if not real.is_dir():
        raise SynthError(f"{out} is not a folder; choose a new one.")
    if any(real.iterdir()):
        raise SynthError(f"{out} is not empty; choose a new folder.")
    if real.is_mount() or real.samefile("."):
        raise SynthError(f"{out} is a mount point or the working folder, which cannot be replaced; choose a new folder in it.")


def _lock(plan: TextIO, folder: Path) -> None:
    try:
        fcntl.flock(plan, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise SynthError(f"{folder} is being written by another run; wait for it, or choose a new folder.") from error


def _check_same(plan: TextIO, folder: Path, wanted: dict[str, Any]) -> None:
    """Only the arguments it was begun with go on with a run that has finished something."""
    plan.seek(0)
    try:
        begun = json.loads(plan.read())
    except json.JSONDecodeError:
        begun = {}
    if _any_finished(folder) and begun != wanted:
        other = "; ".join(_differences(begun, wanted))
        raise SynthError(f"{folder} holds an interrupted run with other arguments ({other}); repeat those to go on, or remove it.")


def _begin_anew(plan: TextIO, folder: Path, wanted: dict[str, Any]) -> None:
    """Write the plan, and clear away what a run left that was killed before anything was finished."""
    for item in folder.iterdir():
        if item.is_dir():
            shutil.rmtree(item)
        elif item.name != _PLAN:
            item.unlink()
    plan.truncate(0)
    plan.write(json.dumps(wanted))
    plan.flush()


def _any_finished(folder: Path) -> bool:
    return any(not path.name.endswith(_NEW) for path in (folder / _DONE).glob("*"))


@contextmanager
def _left_clean(folder: Path) -> Iterator[None]:
    """An error removes the folder; so does an interruption before anything is finished."""
    try:
        yield
    except InterruptedRunError:
        raise
    except (OSError, SynthError):
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if not _any_finished(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _differences(begun: dict[str, Any], wanted: dict[str, Any]) -> list[str]:
    """Arguments that are not as they were, "seed 7, now 8", from nested records."""
    found = []
    for key in sorted(begun.keys() | wanted.keys()):
        old, new = begun.get(key), wanted.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found += [f"{key} {text}" for text in _differences(old, new)]
        elif old != new:
            shown = [str(value)[:40] if not isinstance(value, dict) else "there" for value in (old, new)]
            found.append(f"{key} {shown[0]}, now {shown[1]}")
    return found


def _settle(folder: Path, out: Path) -> None:
    """Give the finished folder its name; whatever has come in its way meanwhile costs nothing that was rendered."""
    try:
        folder.rename(out)
    except OSError as error:
        why = f"{out} could not be put in place ({error.strerror})"
        raise InterruptedRunError(f"{why}; all is kept in {folder}: clear the way and repeat the command.") from error
    shutil.rmtree(out / _DONE)
    (out / _PLAN).unlink()


def _explained(error: OSError, out: Path) -> OSError | SynthError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SynthError(f"{out}: the disk is full; what was written so far is removed. Make room, or ask for fewer or smaller frames.")
    return error
