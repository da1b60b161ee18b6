"""Who may speak for a model: Ed25519 signatures over a bundle's manifest, and the keys a robot trusts.

A signature line is ASCII text, `ed25519 <key id> <signature>`; the key id is the start of the SHA-256 of the raw public key. Nothing
here depends on the robot's clock, which may stand at 1970 (RAUC's checklist). Private keys are never part of the SDK.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from edge_sdk.errors import InputError, OutputError, UntrustedBundleError

UNSIGNED = "unsigned"
MAX_LINE_BYTES = 256
MAX_KEY_BYTES = 4096
_LINE = re.compile(r"ed25519 ([0-9a-f]{16}) ([0-9a-f]{128})")


def key_id(key: Ed25519PublicKey) -> str:
    """Short name of a public key: the first 16 hex digits of the SHA-256 of its 32 raw bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(data: bytes, key: Ed25519PrivateKey) -> str:
    """The signature line for `data`."""
    return f"ed25519 {key_id(key.public_key())} {key.sign(data).hex()}"


def verify(data: bytes, line: str, trusted: Mapping[str, Ed25519PublicKey]) -> str:
    """Check a signature line against the trusted keys.

    Returns:
        The id of the key that signed.

    Raises:
        UntrustedBundleError: If there is no signature, no trusted key made it, or it does not fit the data.
    """
    if line == UNSIGNED:
        raise UntrustedBundleError("the bundle is not signed; sign it when packing, or open it with --allow-unsigned for a trial")
    match = _LINE.fullmatch(line)
    if match is None:
        raise UntrustedBundleError("the bundle's signature line is damaged; fetch the bundle again")
    signer, signature = match.groups()
    if signer not in trusted:
        known = ", ".join(sorted(trusted)) or "none"
        raise UntrustedBundleError(f"signed with key {signer}, not trusted here (trusted: {known}); give its .pub file with --trust")
    try:
        trusted[signer].verify(bytes.fromhex(signature), data)
    except InvalidSignature:
        raise UntrustedBundleError(f"the signature of key {signer} does not fit the manifest: altered after signing") from None
    return signer


def trusted_keys(extra: Iterable[Path] = ()) -> dict[str, Ed25519PublicKey]:
    """The keys this installation trusts, by id: those packaged in `edge_sdk/keys`, and the given public key files.

    Raises:
        InputError: If a file is not an Ed25519 public key in PEM form.
    """
    packaged = (key_from_pem(item.read_bytes(), item.name) for item in files("edge_sdk.keys").iterdir() if item.name.endswith(".pub"))
    given = (key_from_pem(_read_key(path), str(path)) for path in extra)
    return {key_id(key): key for key in (*packaged, *given)}


def key_from_pem(data: bytes, where: str) -> Ed25519PublicKey:
    """Read an Ed25519 public key.

    Raises:
        InputError: If the bytes are something else.
    """
    try:
        key = serialization.load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{where}: not a public key in PEM form; give the .pub file that 'keygen' wrote") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"{where}: a public key, but not Ed25519")
    return key


def private_key_from_pem(path: Path) -> Ed25519PrivateKey:
    """Read a signing key.

    Raises:
        InputError: If the file is missing or no unencrypted Ed25519 private key.
    """
    try:
        key = serialization.load_pem_private_key(_read_key(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: not an unencrypted private key in PEM form; make one with 'python -m trainer.cli keygen'") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: a private key, but not Ed25519")
    return key


def write_key_pair(path: Path) -> Path:
    """Make a signing key at `path` (PEM, readable by its owner only) and its public half at `<path>.pub`.

    Returns:
        The path of the public half.

    Raises:
        OutputError: If either file exists or cannot be written.
    """
    key, public = Ed25519PrivateKey.generate(), path.with_name(path.name + ".pub")
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if public.exists():
            raise OutputError(f"{public} exists; choose another name, a key is never overwritten")
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(secret)
        public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    except FileExistsError:
        raise OutputError(f"{path} exists; choose another name, a key is never overwritten") from None
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror}") from error
    return public


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
