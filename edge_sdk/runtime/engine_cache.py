"""A folder of engines that this device built: nothing else is ever given to TensorRT, because a plan is native code.

An entry is `<key>.bin` (the bytes as TensorRT wrote them, never with a header of ours) and `<key>.json` (what it is, and a mark:
HMAC-SHA256 by the device's key over both). What is foreign, altered, cut or empty is renamed to `*.refused` and counts as absent.
A folder that cannot be written costs the cache, not the engine; that is logged once.
"""

import errno
import fcntl
import hmac
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from edge_sdk.errors import EngineError, InputError
from edge_sdk.runtime.engine_key_file import device_key

MAX_SIDECAR_BYTES = 64 * 1024
MAX_BYTES = 2 << 30
MAX_ENTRIES = 24  # an engine and its options in three precisions, for the bundle before, the active one and the next; the timings
LOCK_POLL_S = 0.1

logger = logging.getLogger(__name__)


class Sidecar(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry is. `about` is for people; `mark` is the HMAC in hex, empty while it is computed."""

    schema: int
    key: str
    num_bytes: int
    about: dict[str, str]
    mark: str = ""


class EngineCache:
    """The folder; None keeps nothing.

    Args:
        folder: Where entries lie; made when the first one is written.
        key_path: The device's key file; None for `.<folder's name>.key` beside the folder.
    """

    def __init__(self, folder: Path | None, *, key_path: Path | None = None) -> None:
        self.folder = folder
        self._key_path = key_path or (folder.with_name(f".{folder.name}.key") if folder else None)
        self._key: bytes | None = None
        self._complained: set[str] = set()

    def read(self, key: str) -> bytes | None:
        """The bytes of an entry this device wrote under this key, or None; what is there and not that is put aside."""
        if self.folder is None or (secret := self._secret()) is None:
            return None
        path = self._path(key, "bin")
        try:
            sidecar, data = _contents(self._path(key, "json"), MAX_SIDECAR_BYTES), _contents(path, MAX_BYTES)
            _verify(key, sidecar, data, secret)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self.refuse(key, getattr(error, "strerror", None) or str(error))
            return None
        with suppress(OSError):
            os.utime(path)  # used now: the last to be dropped
        return data

    def write(self, key: str, data: bytes, about: dict[str, str]) -> bool:
        """Keep an entry, whole or not at all; False if the folder does not let us."""
        if self.folder is None or (secret := self._secret()) is None:
            return False
        entry = Sidecar(1, key, len(data), about)
        entry = msgspec.structs.replace(entry, mark=_mark(entry, data, secret))
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(self._path(key, "bin"), data)
            _write_whole(self._path(key, "json"), msgspec.json.format(msgspec.json.encode(entry), indent=2))
            self._prune()
        except OSError as error:
            self._complain(f"{self.folder}: engines cannot be kept ({error.strerror}); this one serves from memory")
            return False
        return True

    def refuse(self, key: str, why: str) -> None:
        """Put an entry aside where it is never read again; the last one stays for whoever wants to know."""
        if self.folder is None:
            return
        logger.warning("%s: the engine is not used: %s", self._path(key, "bin"), why)
        for suffix in ("json", "bin"):
            path = self._path(key, suffix)
            try:
                path.rename(path.with_name(f"{path.name}.refused"))
            except FileNotFoundError:
                pass
            except OSError as error:
                self._complain(f"{path}: cannot be put aside ({error.strerror}); delete it")

    @contextmanager
    def locked(self, key: str, *, stopped: Callable[[], bool], timeout_s: float, say: Callable[[str], None]) -> Iterator[None]:
        """Hold the entry's lock, so that two processes do not build the same engine at once.

        Raises:
            EngineError: If the other one is not done in time, or `stopped` says so.
        """
        lock = self._lock_file(key)
        try:
            if lock is not None:
                _wait_for(lock, stopped, timeout_s, say)
            yield
        finally:
            if lock is not None:
                os.close(lock)

    def _lock_file(self, key: str) -> int | None:
        """The lock file's descriptor; None where nothing can be written: nobody else builds into this folder then."""
        if self.folder is None:
            return None
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(self._path(key, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            self._complain(f"{self.folder}: engines cannot be kept ({error.strerror}); they serve from memory")
            return None

    def _secret(self) -> bytes | None:
        assert self._key_path is not None
        if self._key is None:
            try:
                self._key = device_key(self._key_path)
            except InputError as error:
                self._complain(str(error))
            except OSError as error:
                self._complain(f"{self._key_path}: no engine key ({error.strerror}); engines are built anew at each start")
        return self._key

    def _prune(self) -> None:
        """Drop the entries unused for longest: updates of bundle and TensorRT leave theirs behind."""
        assert self.folder is not None
        entries = sorted(self.folder.glob("*.bin"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in entries[MAX_ENTRIES:]:
            for suffix in (".json", ".bin", ".lock"):
                path.with_suffix(suffix).unlink(missing_ok=True)

    def _path(self, key: str, suffix: str) -> Path:
        assert self.folder is not None
        return self.folder / f"{key[:40]}.{suffix}"

    def _complain(self, text: str) -> None:
        if text not in self._complained:
            self._complained.add(text)
            logger.warning("%s", text)


def default_cache_dir() -> Path | None:
    """The user's cache folder; None where there is no home (a service without one): engines then live in memory."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(root) if root.startswith("/") else Path.home() / ".cache") / "sewer-edge" / "engines"
    except RuntimeError:
        return None


def _verify(key: str, sidecar: bytes, data: bytes, secret: bytes) -> None:
    """Raises ValueError unless this device wrote just this under just this key."""
    try:
        entry = msgspec.json.decode(sidecar, type=Sidecar)
    except msgspec.DecodeError as error:
        raise ValueError("its description is damaged") from error
    if not hmac.compare_digest(_mark(entry, data, secret).encode(), entry.mark.encode()):
        raise ValueError("it is not what this device wrote")
    if (entry.schema, entry.key, entry.num_bytes) != (1, key, len(data)) or not data:
        raise ValueError("it belongs to another key")


def _mark(entry: Sidecar, data: bytes, secret: bytes) -> str:
    """The HMAC over description and bytes; the description's length comes first, so that nothing can move from one to the other."""
    described = msgspec.json.encode(msgspec.structs.replace(entry, mark=""))
    mac = hmac.new(secret, len(described).to_bytes(8, "big") + described, "sha256")
    mac.update(data)
    return mac.hexdigest()


def _contents(path: Path, limit: int) -> bytes:
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file")
        data = file.read(min(limit, status.st_size) + 1)  # Python allocates what it is asked for: never the limit's 2 GB
    if len(data) > limit:
        raise OSError(errno.EFBIG, "too large")
    return data


def _write_whole(path: Path, data: bytes) -> None:
    """Temporary file, fsync, rename, fsync of the folder."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _wait_for(lock: int, stopped: Callable[[], bool], timeout_s: float, say: Callable[[str], None]) -> None:
    start, said = time.monotonic(), False
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stopped():
                raise EngineError("the engine's build was stopped", reason="stopped") from None
            if time.monotonic() - start > timeout_s:
                raise EngineError(f"another process has been building this engine for {timeout_s:g} s; end it", reason="timeout") from None
        except OSError:  # a file system without locks; both may build, and the renames keep each entry whole
            return None
        if not said:
            said = True
            say("another process builds this engine; waiting for it")
        time.sleep(LOCK_POLL_S)
