"""The two forms of a bundle on disk, read without interpreting any of it: one file, or a directory.

Nothing but the manifest is kept in memory. Digests are taken a piece at a time; the bytes of a file are read when they are asked for, and
their digest is checked again then: the disk is not the one that was verified if somebody wrote to it since. A descriptor stays open, so
that a bundle which was replaced or deleted meanwhile still reads as what was verified; it is closed with the last reference to it.
"""

import errno
import hashlib
import os
import stat
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from edge_sdk.contract.manifest import MAX_MANIFEST_BYTES, FileEntry
from edge_sdk.errors import CorruptBundleError
from edge_sdk.trust import MAX_LINE_BYTES

MAGIC = b"sewer-edge bundle 1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
PIECE_BYTES = 1 << 20
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # a pipe in its place must not be waited for


class Sealed(Protocol):
    """A bundle that is open: its signature line, its manifest, and its files by their entries. May be used from several threads."""

    signature: str
    manifest: bytes

    def check(self, entries: Sequence[FileEntry]) -> None:
        """Hold lengths and digests of all files against the manifest.

        Raises:
            CorruptBundleError: If the content is not what the manifest says.
            OSError: If it cannot be read.
        """
        ...

    def read(self, entry: FileEntry) -> bytes:
        """The bytes of one file, checked once more; only after `check`.

        Raises:
            CorruptBundleError: If they are not those of the manifest any more, or cannot be read.
        """
        ...


def open_sealed(path: Path) -> Sealed:
    """Open a bundle of either form.

    Raises:
        CorruptBundleError: If it is no bundle.
        OSError: If it cannot be read.
    """
    return SealedFolder(path) if path.is_dir() else SealedFile(path)


class SealedFile:
    """The single-file form, cut into signature line, manifest and the rest."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _Descriptor(os.open(path, _FLAGS), path)
        with self._file.lines() as lines:
            if lines.readline(MAX_LINE_BYTES).rstrip(b"\n") != MAGIC:
                raise CorruptBundleError(f"{path}: not a sewer-edge bundle, or of a newer form; expected '{MAGIC.decode()}'")
            self.signature = lines.readline(MAX_LINE_BYTES).decode("ascii", "replace").removesuffix("\n")
            length = lines.readline(MAX_LINE_BYTES).rstrip(b"\n")
            if not (length.isdigit() and len(length) <= 6 and int(length) <= MAX_MANIFEST_BYTES):
                raise CorruptBundleError(f"{path}: the manifest's length is damaged; fetch the bundle again")
            self.manifest = lines.read(int(length))
            self._start = lines.tell()
        self._offsets: dict[str, int] = {}

    def check(self, entries: Sequence[FileEntry]) -> None:
        """See `Sealed.check`."""
        end = self._start
        for entry in entries:
            self._offsets[entry.name] = end
            end += entry.size
        surplus = self._file.size() - end
        if surplus:
            raise CorruptBundleError(f"{self._path}: {surplus:+d} bytes against the manifest; fetch the bundle again")
        for entry in entries:
            if self._file.sha256(self._offsets[entry.name], entry.size) != entry.sha256:
                raise _altered(self._path, entry)

    def read(self, entry: FileEntry) -> bytes:
        """See `Sealed.read`."""
        try:
            return _checked(self._file.read(self._offsets[entry.name], entry.size), entry, self._path)
        except OSError as error:
            raise _lost(self._path, entry, error) from error


class SealedFolder:
    """The directory form. Links are not followed, and a file nobody signed is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        weakref.finalize(self, os.close, self._folder).atexit = False
        self.manifest = self._open(MANIFEST).read(0, MAX_MANIFEST_BYTES + 1)
        self.signature = self._open(SIGNATURE).read(0, MAX_LINE_BYTES + 1).decode("ascii", "replace").removesuffix("\n")

    def check(self, entries: Sequence[FileEntry]) -> None:
        """See `Sealed.check`."""
        for entry in entries:
            file = self._open(entry.name)
            if file.size() != entry.size or file.sha256(0, entry.size) != entry.sha256:
                raise _altered(self._path, entry)
        extra = sorted(set(os.listdir(self._folder)) - {*(entry.name for entry in entries), MANIFEST, SIGNATURE})  # noqa: PTH208 - a descriptor
        if extra:
            raise CorruptBundleError(f"{self._path}: {extra[0]} is not in the manifest; remove it or fetch the bundle again")

    def read(self, entry: FileEntry) -> bytes:
        """See `Sealed.read`."""
        try:
            return _checked(self._open(entry.name).read(0, entry.size + 1), entry, self._path)
        except OSError as error:
            raise _lost(self._path, entry, error) from error

    def _open(self, name: str) -> "_Descriptor":
        """A file of the very directory that was opened, whatever lies under its path by now."""
        try:
            return _Descriptor(os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=self._folder), self._path / name)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise _not_plain(self._path / name) from error
            error.filename = str(self._path / name)
            raise


class _Descriptor:
    """A plain file that is open, read at any place from any thread."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        weakref.finalize(self, os.close, fd).atexit = False  # a thread left behind may still read; the system closes it soon enough
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise _not_plain(path)

    def lines(self) -> BinaryIO:
        """It as a file object from its start, to be closed by itself."""
        return open(self._fd, "rb", closefd=False)

    def size(self) -> int:
        """Bytes it is long."""
        return os.fstat(self._fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """`size` bytes, or what there is of them; no more memory is taken than the file is long."""
        data = os.pread(self._fd, min(size, max(self.size() - offset, 0)), offset)
        while len(data) < size and (more := os.pread(self._fd, min(size - len(data), PIECE_BYTES), offset + len(data))):
            data += more  # a file that grew, or a file system that gives less than asked for
        return data

    def sha256(self, offset: int, size: int) -> str:
        """Digest of `size` bytes, or of what there is of them."""
        digest, end, piece = hashlib.sha256(), offset + size, memoryview(bytearray(min(size, PIECE_BYTES)))
        while offset < end and (count := os.preadv(self._fd, [piece[: end - offset]], offset)):
            digest.update(piece[:count])
            offset += count
        return digest.hexdigest()


def _checked(data: bytes, entry: FileEntry, path: Path) -> bytes:
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise _altered(path, entry)
    return data


def _altered(path: Path, entry: FileEntry) -> CorruptBundleError:
    return CorruptBundleError(f"{path}: {entry.name} is not what was signed; fetch the bundle again")


def _lost(path: Path, entry: FileEntry, error: OSError) -> CorruptBundleError:
    return CorruptBundleError(f"{path}: {entry.name} cannot be read any more: {error.strerror}; fetch the bundle again")


def _not_plain(path: Path) -> CorruptBundleError:
    return CorruptBundleError(f"{path}: not a plain file; fetch the bundle again")
