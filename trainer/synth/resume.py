"""A folder that appears whole or not at all, and whose making can be broken off and gone on with.

While it is made, `out` is `.NAME-part` beside it: what is finished, a plan (the arguments, so that only the same command goes on) and
one marker per finished piece. An interruption leaves it there; an error removes it; at the end it is renamed to `out`.
"""

import errno
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from trainer.synth.errors import InterruptedRunError, SynthError

_PLAN, _DONE = ".plan.json", ".done"


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
        path = self.folder / _DONE / f"{piece}.new"
        path.write_text(text, encoding="utf-8")
        path.rename(path.with_suffix(""))

    def any_finished(self) -> bool:
        """Whether there is anything to go on from."""
        return any((self.folder / _DONE).iterdir())


@contextmanager
def resumable_folder(out: Path, arguments: Mapping[str, Any]) -> Iterator[Pieces]:
    """Make `out` piece by piece; `arguments` is all that its content depends on.

    Raises:
        SynthError: If `out` is not empty, an interrupted run with other arguments is in the way, or another run is at work on it.
        OSError: If the disk is full or cannot be written; nothing is left behind then.
    """
    check_new(out)
    folder = out.with_name(f".{out.name}-part")
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / _PLAN).open("a+", encoding="utf-8") as plan:
        _own(plan, folder, arguments)
        pieces = Pieces(folder)
        try:
            yield pieces
            _settle(folder, out)
        except (OSError, SynthError) as error:
            if not isinstance(error, InterruptedRunError):
                shutil.rmtree(folder, ignore_errors=True)
            raise _explained(error, out) from error
        finally:
            if folder.exists() and not pieces.any_finished():
                shutil.rmtree(folder, ignore_errors=True)


def check_new(out: Path) -> None:
    """Refuse to write over anything."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SynthError(f"{out} is not empty; choose a new folder.")


def _own(plan: Any, folder: Path, arguments: Mapping[str, Any]) -> None:
    """Claim the folder for this run: alone, and with the arguments it was begun with."""
    try:
        fcntl.flock(plan, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise SynthError(f"{folder} is being written by another run; wait for it, or choose a new folder.") from error
    plan.seek(0)
    wanted, known = json.loads(json.dumps(arguments)), plan.read()
    try:
        begun = json.loads(known) if known else wanted
    except json.JSONDecodeError:
        begun = {}
    if begun != wanted and not any((folder / _DONE).glob("*")):  # killed before anything was finished: nothing to go on from
        known, begun = "", wanted
        plan.truncate(0)
        for item in folder.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            elif item.name != _PLAN:
                item.unlink()
    if begun != wanted:
        other = "; ".join(_differences(begun, wanted))
        raise SynthError(f"{folder} holds an interrupted run with other arguments ({other}); repeat those to go on, or remove it.")
    if not known:
        plan.write(json.dumps(wanted))
        plan.flush()


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
    """Give the finished folder its name."""
    shutil.rmtree(folder / _DONE)
    (folder / _PLAN).unlink()
    if out.exists():
        out.rmdir()
    folder.rename(out)


def _explained(error: OSError | SynthError, out: Path) -> OSError | SynthError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SynthError(f"{out}: the disk is full; what was written so far is removed. Make room, or ask for fewer or smaller frames.")
    return error
