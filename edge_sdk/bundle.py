r"""The bundle: a model with everything that decides what it means, signed as one thing.

A bundle is a directory (`manifest.json`, `manifest.sig` and the files) or one file that holds the same:

    sewer-edge bundle 1\n
    ed25519 <key id> <signature of the manifest>\n      or: unsigned\n
    <length of the manifest>\n
    manifest, then the files in the manifest's order, without gaps

The manifest names each file's length and SHA-256, so the one signature covers every byte. `Bundle.open` keeps an order: lengths,
signature, digests, and only then does any parser see the content (manifest, JSON, pictures, ONNX). There is no archive format to
unpack and no path to follow.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_sdk.contract.golden import GoldenSet, golden_from_json
from edge_sdk.contract.manifest import (
    MAX_FILE_BYTES,
    MAX_MANIFEST_BYTES,
    FileEntry,
    Manifest,
    json_from_manifest,
    manifest_from_json,
)
from edge_sdk.errors import CorruptBundleError, InputError, OutputError, UntrustedBundleError
from edge_sdk.trust import MAX_LINE_BYTES, UNSIGNED, sign, trusted_keys, verify

MAGIC = b"sewer-edge bundle 1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.sig"
DEFAULT_BUNDLE = "default.bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened, verified bundle.

    `sha256` is the manifest's digest and names the whole bundle; `signed_by` is the key's id, or None for an unsigned one.
    """

    manifest: Manifest
    sha256: str
    signed_by: str | None
    _content: Mapping[str, bytes]

    @classmethod
    def open(cls, path: Path | str | None = None, *, trust: Iterable[Path] = (), allow_unsigned: bool = False) -> "Bundle":
        """Open a bundle and verify it, before anything in it is parsed.

        Args:
            path: A bundle file or directory; None for the default bundle.
            trust: Public key files to trust besides the packaged ones.
            allow_unsigned: Take a bundle without a signature. A wrong signature is refused all the same.

        Raises:
            InputError: If there is no such file.
            UntrustedBundleError: If the signature is missing, wrong or by an unknown key.
            CorruptBundleError: If the content is not what was signed.
            ContractError: If it was made for another class list, graph interface or newer schema.
        """
        if path is None:
            with as_file(files("edge_sdk.models").joinpath(DEFAULT_BUNDLE)) as default:
                return cls.open(default, trust=trust, allow_unsigned=allow_unsigned)
        path = Path(path)
        try:
            sealed = _SealedFolder(path) if path.is_dir() else _SealedFile(path)
            signer = None
            if not (allow_unsigned and sealed.signature == UNSIGNED):
                signer = verify(sealed.manifest, sealed.signature, trusted_keys(trust))
            manifest = manifest_from_json(sealed.manifest, where=str(path))
            content = sealed.content(manifest.files)
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: no such bundle, or a file is missing from it; fetch it again") from error
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        except UntrustedBundleError as error:
            raise UntrustedBundleError(f"{path}: {error}") from None
        return cls(manifest, hashlib.sha256(sealed.manifest).hexdigest(), signer, content)

    @property
    def identity(self) -> str:
        """Name, version and the start of the digest: what logs and reports call this bundle."""
        return f"{self.manifest.name}-{self.manifest.version}-{self.sha256[:12]}"

    def read(self, name: str) -> bytes:
        """The verified bytes of one file.

        Raises:
            CorruptBundleError: If the manifest lists no such file.
        """
        if name not in self._content:
            raise CorruptBundleError(f"{self.identity} has no file {name}")
        return self._content[name]

    def without_files(self) -> "Bundle":
        """What a record says of the bundle, without the tens of MB that its files take."""
        return replace(self, _content={})

    def golden(self) -> GoldenSet:
        """The golden frames with their expected scores."""
        return golden_from_json(self.read(self.manifest.golden))


def file_entries(content: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """Manifest entries for the files of a bundle, in the mapping's order."""
    return tuple(FileEntry(name, len(data), hashlib.sha256(data).hexdigest()) for name, data in content.items())


def write_bundle(path: Path, manifest: Manifest, content: Mapping[str, bytes], key: Ed25519PrivateKey | None) -> None:
    """Write a bundle as one file, whole or not at all.

    Args:
        path: Where to; an existing file is replaced.
        manifest: Its `files` must be `file_entries(content)`.
        content: The files by name.
        key: The signing key; None leaves the bundle unsigned.

    Raises:
        ValueError: If manifest and content do not agree.
        OutputError: If the file cannot be written.
    """
    if manifest.files != file_entries(content):
        raise ValueError("manifest.files does not describe the content; fill it with file_entries(content)")
    data = json_from_manifest(manifest)
    manifest_from_json(data, where=str(path))
    line = sign(data, key) if key else UNSIGNED
    blob = b"\n".join([MAGIC, line.encode(), str(len(data)).encode(), data]) + b"".join(content.values())
    temporary = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(blob)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(f"{path}: {error.strerror}") from error


def unpack_bundle(path: Path, out: Path) -> None:
    """Write a bundle file as a directory of the same content, for looking at; it opens as a bundle too.

    The signature is carried over, not checked: `Bundle.open` on either form checks it.

    Raises:
        InputError: If there is no such file.
        CorruptBundleError: If the file is no bundle or its content is not what its manifest says.
        OutputError: If the directory is not empty or cannot be written.
    """
    try:
        sealed = _SealedFile(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    content = sealed.content(manifest_from_json(sealed.manifest, where=str(path)).files)
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(f"{out} is not empty; choose another directory")
        for name, data in {**content, MANIFEST: sealed.manifest, SIGNATURE: sealed.signature.encode() + b"\n"}.items():
            (out / name).write_bytes(data)
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}") from error


class _SealedFile:
    """The single-file form, cut into signature line, manifest and the rest without interpreting any."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            magic = file.readline(MAX_LINE_BYTES).rstrip(b"\n")
            if magic != MAGIC:
                raise CorruptBundleError(f"{path}: not a sewer-edge bundle, or of a newer form; expected '{MAGIC.decode()}'")
            self.signature = file.readline(MAX_LINE_BYTES).decode("ascii", "replace").removesuffix("\n")
            length = file.readline(MAX_LINE_BYTES).rstrip(b"\n")
            if not (length.isdigit() and len(length) <= 6 and int(length) <= MAX_MANIFEST_BYTES):
                raise CorruptBundleError(f"{path}: the manifest's length is damaged; fetch the bundle again")
            self.manifest = file.read(int(length))
            self._rest = file.read(MAX_FILE_BYTES + 1)
        self._path = path

    def content(self, entries: Iterable[FileEntry]) -> dict[str, bytes]:
        content, start = {}, 0
        for entry in entries:
            content[entry.name] = _checked(self._rest[start : start + entry.size], entry, self._path)
            start += entry.size
        if start != len(self._rest):
            raise CorruptBundleError(f"{self._path}: {len(self._rest) - start:+d} bytes against the manifest; fetch the bundle again")
        return content


class _SealedFolder:
    """The directory form. Links are not followed, and a file nobody signed is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.manifest = self._read(MANIFEST, MAX_MANIFEST_BYTES)
        self.signature = self._read(SIGNATURE, MAX_LINE_BYTES).decode("ascii", "replace").removesuffix("\n")

    def content(self, entries: Iterable[FileEntry]) -> dict[str, bytes]:
        content = {entry.name: _checked(self._read(entry.name, entry.size), entry, self._path) for entry in entries}
        extra = sorted({item.name for item in self._path.iterdir()} - {*content, MANIFEST, SIGNATURE})
        if extra:
            raise CorruptBundleError(f"{self._path}: {extra[0]} is not in the manifest; remove it or fetch the bundle again")
        return content

    def _read(self, name: str, limit: int) -> bytes:
        path = self._path / name
        if path.is_symlink():
            raise CorruptBundleError(f"{path}: not a plain file; fetch the bundle again")
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CorruptBundleError(f"{path}: not a plain file; fetch the bundle again")
            return file.read(limit + 1)


def _checked(data: bytes, entry: FileEntry, path: Path) -> bytes:
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise CorruptBundleError(f"{path}: {entry.name} is not what was signed; fetch the bundle again")
    return data
