"""P8: nothing unverified is parsed, and one changed byte anywhere is noticed."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiny
from edge_sdk import bundle as bundle_module
from edge_sdk.bundle import Bundle, unpack_bundle, write_bundle
from edge_sdk.errors import BundleError, ContractError, CorruptBundleError, EdgeSdkError, InputError, OutputError, UntrustedBundleError
from edge_sdk.trust import key_id, private_key_from_pem, trusted_keys, write_key_pair


def test_a_bundle_opens_as_file_and_as_folder_with_the_same_identity(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    unpack_bundle(bundle_path, tmp_path / "folder")

    as_file, as_folder = (Bundle.open(path, trust=[trust]) for path in (bundle_path, tmp_path / "folder"))

    assert as_file.identity == as_folder.identity
    assert as_file.signed_by == key_id(tiny.KEY.public_key())
    assert as_file.read("card.md") == as_folder.read("card.md") == b"# Painted\n"


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_bundle_with_a_flipped_bit_anywhere_is_rejected(bundle_path: Path, trust: Path, tmp_path: Path, position: float, bit: int) -> None:
    data = bytearray(bundle_path.read_bytes())
    data[int(position * len(data))] ^= 1 << bit
    damaged = tmp_path / "damaged.bundle"
    damaged.write_bytes(data)

    with pytest.raises(BundleError):
        Bundle.open(damaged, trust=[trust])


@pytest.mark.parametrize("percent", range(0, 100, 5))
def test_bundle_cut_off_anywhere_is_rejected(bundle_path: Path, trust: Path, tmp_path: Path, percent: int) -> None:
    data = bundle_path.read_bytes()
    (tmp_path / "cut.bundle").write_bytes(data[: len(data) * percent // 100])

    with pytest.raises(BundleError):
        Bundle.open(tmp_path / "cut.bundle", trust=[trust])


def test_bundle_with_bytes_behind_it_is_rejected(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    (tmp_path / "long.bundle").write_bytes(bundle_path.read_bytes() + b"x")

    with pytest.raises(CorruptBundleError, match=r"\+1 bytes"):
        Bundle.open(tmp_path / "long.bundle", trust=[trust])


def test_every_file_of_a_folder_is_covered(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    unpack_bundle(bundle_path, tmp_path / "folder")
    names = [item.name for item in (tmp_path / "folder").iterdir()]

    for name in names:
        path = tmp_path / "folder" / name
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(BundleError):
            Bundle.open(tmp_path / "folder", trust=[trust])
        path.write_bytes(data)
    assert Bundle.open(tmp_path / "folder", trust=[trust])


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "model.onnx", "golden-0.png"])
def test_a_missing_file_is_named(bundle_path: Path, trust: Path, tmp_path: Path, name: str) -> None:
    unpack_bundle(bundle_path, tmp_path / "folder")
    (tmp_path / "folder" / name).unlink()

    with pytest.raises(EdgeSdkError, match=name):
        Bundle.open(tmp_path / "folder", trust=[trust])


def test_a_file_nobody_signed_and_a_link_are_refused(bundle_path: Path, trust: Path, tmp_path: Path) -> None:
    unpack_bundle(bundle_path, tmp_path / "folder")
    (tmp_path / "folder" / "extra.bin").write_bytes(b"x")
    with pytest.raises(CorruptBundleError, match=r"extra\.bin is not in the manifest"):
        Bundle.open(tmp_path / "folder", trust=[trust])
    (tmp_path / "folder" / "extra.bin").unlink()

    card = tmp_path / "folder" / "card.md"
    card.rename(tmp_path / "card.md")
    card.symlink_to(tmp_path / "card.md")
    with pytest.raises(CorruptBundleError, match="not a plain file"):
        Bundle.open(tmp_path / "folder", trust=[trust])


def test_an_unknown_key_is_refused_and_named(tmp_path: Path) -> None:
    path = tiny.tiny_bundle(tmp_path / "b.bundle")

    with pytest.raises(UntrustedBundleError, match=f"key {key_id(tiny.KEY.public_key())}, not trusted here"):
        Bundle.open(path)


def test_a_right_key_over_another_manifest_is_refused(tmp_path: Path, trust: Path) -> None:
    one, two = (tiny.tiny_bundle(tmp_path / f"{v}.bundle", version=v).read_bytes().split(b"\n", 3) for v in ("1.0.0", "2.0.0"))
    (tmp_path / "mixed.bundle").write_bytes(b"\n".join([one[0], two[1], one[2], one[3]]))

    with pytest.raises(UntrustedBundleError, match="does not fit"):
        Bundle.open(tmp_path / "mixed.bundle", trust=[trust])


def test_unsigned_bundles_open_only_when_asked_to(tmp_path: Path, trust: Path) -> None:
    path = tiny.tiny_bundle(tmp_path / "unsigned.bundle", key=None)

    with pytest.raises(UntrustedBundleError, match="not signed"):
        Bundle.open(path, trust=[trust])
    assert Bundle.open(path, allow_unsigned=True).signed_by is None


def test_allowing_unsigned_does_not_allow_wrongly_signed(tmp_path: Path) -> None:
    path = tiny.tiny_bundle(tmp_path / "foreign.bundle", key=Ed25519PrivateKey.generate())

    with pytest.raises(UntrustedBundleError):
        Bundle.open(path, allow_unsigned=True)


def test_nothing_is_parsed_before_the_signature_is_verified(
    bundle_path: Path, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bundle_path.read_bytes().split(b"\n", 3)
    (tmp_path / "evil.bundle").write_bytes(b"\n".join([data[0], b"ed25519 " + b"0" * 16 + b" " + b"0" * 128, data[2], data[3]]))
    calls: list[str] = []
    monkeypatch.setattr(bundle_module, "manifest_from_json", lambda *a, **k: calls.append("manifest"))
    monkeypatch.setattr(bundle_module, "golden_from_json", lambda *a, **k: calls.append("golden"))

    with pytest.raises(UntrustedBundleError):
        Bundle.open(tmp_path / "evil.bundle", trust=[trust])
    assert calls == []


@pytest.mark.parametrize("change", [{"schema_version": 2}, {"interface_version": 7}])
def test_a_bundle_of_another_contract_cannot_be_written(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(ContractError):
        tiny.tiny_bundle(tmp_path / "b.bundle", **change)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_no_bundles(tmp_path: Path) -> None:
    (tmp_path / "a.bundle").write_bytes(b"PK\x03\x04")
    (tmp_path / "empty.bundle").write_bytes(b"")

    for name in ("a.bundle", "empty.bundle"):
        with pytest.raises(CorruptBundleError, match="not a sewer-edge bundle"):
            Bundle.open(tmp_path / name)
    with pytest.raises(InputError, match="no such bundle"):
        Bundle.open(tmp_path / "absent.bundle")


def test_writing_is_whole_or_not_at_all(tmp_path: Path) -> None:
    content = tiny.tiny_content()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "x").touch()

    with pytest.raises(OutputError):
        write_bundle(tmp_path / "taken", tiny.tiny_manifest(content), content, None)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["taken"]
    with pytest.raises(ValueError, match="file_entries"):
        write_bundle(tmp_path / "b", tiny.tiny_manifest(content), content | {"card.md": b""}, None)


def test_key_pairs_are_private_and_never_overwritten(tmp_path: Path) -> None:
    public = write_key_pair(tmp_path / "keys" / "mine.key")

    assert (tmp_path / "keys" / "mine.key").stat().st_mode & 0o077 == 0
    assert key_id(private_key_from_pem(tmp_path / "keys" / "mine.key").public_key()) in trusted_keys([public])
    with pytest.raises(OutputError, match="exists"):
        write_key_pair(tmp_path / "keys" / "mine.key")


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_other_files_are_no_keys(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "k").write_bytes(content)

    with pytest.raises(InputError, match="public key"):
        trusted_keys([tmp_path / "k"])
    with pytest.raises(InputError, match="private key"):
        private_key_from_pem(tmp_path / "k")
    with pytest.raises(InputError, match="No such file"):
        trusted_keys([tmp_path / "absent"])
