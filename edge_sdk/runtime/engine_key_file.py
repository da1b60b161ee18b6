"""The device's own key: an engine is native code, and only what carries this device's mark may be loaded.

32 random bytes in a file that its owner alone may read, beside the cache folder and not in it: a folder copied from another
device comes without it.
"""

import os
import secrets
import stat
from pathlib import Path

from edge_sdk.errors import InputError

NUM_BYTES = 32


def device_key(path: Path) -> bytes:
    """The key at `path`, made if there is none. Two processes that come at once agree on one.

    Raises:
        InputError: If the file is not a private key file of this user.
        OSError: If it cannot be read or made.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
        return _read(path)


def _read(path: Path) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != os.geteuid():
            raise InputError(f"{path}: others could have read or written the engine key; delete it, engines are then built again")
        key = file.read(NUM_BYTES + 1)
    if len(key) != NUM_BYTES:
        raise InputError(f"{path}: not an engine key; delete it, engines are then built again")
    return key


def _create(path: Path) -> None:
    """Write a temporary file and link it into place: whoever comes second keeps the first one's key."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(NUM_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without links (exFAT); the small window between two first starts is left
            if not path.exists():
                temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
