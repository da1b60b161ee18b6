"""Files that are there for good once the call returns: temporary file, fsync, rename, fsync of the folder.

Without the fsync of the file a power loss may leave the new name with old or no bytes, without that of the folder no name
(Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014).
"""

import os
from contextlib import suppress
from pathlib import Path


def write_durably(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all, and return when it will survive a power loss.

    Raises:
        OSError: If any step fails; `path` is then as it was, or already the new file, whole.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with temporary.open("wb", buffering=0) as file:
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: If the disk does not take them.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Make a file's bytes and size durable; a file that is not there is fine.

    Raises:
        OSError: If the disk does not take them.
    """
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """Make a folder and make its name durable.

    Raises:
        OSError: If it cannot be made.
    """
    if not folder.is_dir():
        folder.mkdir(parents=True)
        sync_folder(folder.parent)
