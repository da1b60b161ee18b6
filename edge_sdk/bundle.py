r"""The bundle: a model with everything that decides what it means, signed as one thing.

A bundle is a directory (`manifest.json`, `manifest.sig` and the files) or one file that holds the same:

    sewer-edge bundle 1\n
    ed25519 <key id> <signature of the manifest>\n      or: unsigned\n
    <length of the manifest>\n
    manifest, then the files in the manifest's order, without gaps

The manifest names each file's length and SHA-256, so the one signature covers every byte. `Bundle.open` keeps an order: lengths,
signature, digests, and only then does any parser see the content (manifest, JSON, pictures, ONNX). There is no archive format to
unpack and no path to follow. The files stay on disk; `Bundle.read` brings one and holds it against its digest again.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge_sdk.contract.golden import GoldenSet, golden_from_json
from edge_sdk.contract.manifest import FileEntry, Manifest, json_from_manifest, manifest_from_json
from edge_sdk.errors import CorruptBundleError, InputError, OutputError, UntrustedBundleError
from edge_sdk.sealed import MAGIC, MANIFEST, SIGNATURE, Sealed, SealedFile, open_sealed
from edge_sdk.trust import UNSIGNED, sign, trusted_keys, verify

DEFAULT_BUNDLE = "default.bundle"


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened, verified bundle. May be read from several threads.

    `sha256` is the manifest's digest and names the whole bundle; `signed_by` is the key's id, or None for an unsigned one. The file (or
    directory) stays open for as long as the bundle lives: replacing or deleting it does no harm.
    """

    manifest: Manifest
    sha256: str
    signed_by: str | None
    _sealed: Sealed | None = field(repr=False, compare=False)

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
            sealed = open_sealed(path)
            signer = None
            if not (allow_unsigned and sealed.signature == UNSIGNED):
                signer = verify(sealed.manifest, sealed.signature, trusted_keys(trust))
            manifest = manifest_from_json(sealed.manifest, where=str(path))
            sealed.check(manifest.files)
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: no such bundle, or a file is missing from it; fetch it again") from error
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        except UntrustedBundleError as error:
            raise UntrustedBundleError(f"{path}: {error}") from None
        return cls(manifest, hashlib.sha256(sealed.manifest).hexdigest(), signer, sealed)

    @property
    def identity(self) -> str:
        """Name, version and the start of the digest: what logs and reports call this bundle."""
        return f"{self.manifest.name}-{self.manifest.version}-{self.sha256[:12]}"

    def read(self, name: str) -> bytes:
        """The bytes of one file, verified as they are read; nobody else holds them.

        Raises:
            CorruptBundleError: If the manifest lists no such file, or it was altered on the disk since the bundle was opened.
        """
        entry = next((entry for entry in self.manifest.files if entry.name == name), None)
        if entry is None or self._sealed is None:
            raise CorruptBundleError(f"{self.identity} has no file {name}")
        return self._sealed.read(entry)

    def without_files(self) -> "Bundle":
        """What a record says of the bundle, without its files: they need not stay open, nor take room on the disk once deleted."""
        return replace(self, _sealed=None)

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
        sealed = SealedFile(path)
        entries = manifest_from_json(sealed.manifest, where=str(path)).files
        sealed.check(entries)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise OutputError(f"{out} is not empty; choose another directory")
        (out / MANIFEST).write_bytes(sealed.manifest)
        (out / SIGNATURE).write_bytes(sealed.signature.encode() + b"\n")
        for entry in entries:
            (out / entry.name).write_bytes(sealed.read(entry))
    except OSError as error:
        raise OutputError(f"{out}: {error.strerror}") from error
