"""What was found out about this machine and need not be found out again: a small JSON file in the user's cache folder.

It holds conveniences only. A file that cannot be read or written, or holds nonsense, costs time and is no error.
"""

import json
import logging
import os
import tempfile
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

MAX_BYTES = 64 * 1024
MAX_ENTRIES = 64


def cache_folder() -> Path | None:
    """Where this user's caches of the SDK lie (XDG base directory specification); None where there is no home."""
    root = os.environ.get("XDG_CACHE_HOME", "")  # a relative one is to be ignored, says the specification
    try:
        return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "sewer-edge"
    except RuntimeError:
        return None


def recall(name: str, key: str) -> Any:
    """What was remembered under a key of file `name`, or None."""
    return _entries(name).get(key)


def remember(name: str, key: str, value: Any) -> None:
    """Keep a JSON value under a key; the oldest entries give way."""
    folder = cache_folder()
    if folder is None:
        return
    entries = _entries(name)
    entries.pop(key, None)
    kept = dict([*entries.items(), (key, value)][-MAX_ENTRIES:])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / f"{name}.json", json.dumps(kept, indent=1).encode())
    except OSError as error:
        logger.info("%s: not remembered: %s", folder, error.strerror)


def _entries(name: str) -> dict[str, Any]:
    folder = cache_folder()
    if folder is None:
        return {}
    try:
        with (folder / f"{name}.json").open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, also when two robots' programs write at once."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
