"""Keys: what is accepted, what is refused in one line, what is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from proofs.bundle import PublicKey, ephemeral, generate, load
from proofs.errors import ConfigurationError, UnreadableError


def test_generated_key_signs_and_verifies(tmp_path: Path) -> None:
    public = generate(tmp_path / "key.pem", tmp_path / "key.pub.pem")
    signer = load(tmp_path / "key.pem")
    assert (signer.kind, signer.keyid, signer.public_pem) == ("named", public.keyid, public.pem)
    assert (tmp_path / "key.pub.pem").read_bytes() == public.pem
    public.verify(signer.sign(b"data"), b"data")
    assert (tmp_path / "key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "key.pub.pem").stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key.pem", "key.pub.pem"]


def test_encrypted_key_asks_for_its_passphrase(tmp_path: Path) -> None:
    generate(tmp_path / "key.pem", tmp_path / "key.pub.pem", "open sesame")
    assert b"ENCRYPTED" in (tmp_path / "key.pem").read_bytes()
    assert load(tmp_path / "key.pem", lambda: "open sesame").kind == "named"
    for passphrase, reason in (
        (lambda: "wrong", "passphrase does not open"),
        (lambda: "", "does not open"),
        (None, "no passphrase"),
    ):
        with pytest.raises(ConfigurationError, match=reason):
            load(tmp_path / "key.pem", passphrase)


def test_plain_key_never_asks(tmp_path: Path) -> None:
    generate(tmp_path / "key.pem", tmp_path / "key.pub.pem")
    assert load(tmp_path / "key.pem", lambda: pytest.fail("asked")).kind == "named"


@pytest.mark.parametrize("taken", ["key.pem", "key.pub.pem"])
def test_keys_are_never_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).write_text("precious")
    with pytest.raises(ConfigurationError, match="exists already"):
        generate(tmp_path / "key.pem", tmp_path / "key.pub.pem")
    assert (tmp_path / taken).read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 1


def test_half_a_key_pair_is_not_left_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be written"):
        generate(tmp_path / "key.pem", tmp_path / "missing" / "key.pub.pem")
    assert list(tmp_path.iterdir()) == []


def test_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    generate(tmp_path / "key.pem", tmp_path / "key.pub.pem")
    (tmp_path / "key.pem").chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load(tmp_path / "key.pem")


def test_unusable_key_files_are_one_line(tmp_path: Path) -> None:
    other = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for content, reason in ((b"hello", "not a PKCS#8"), (b"", "not a PKCS#8"), (other, "not an Ed25519 key")):
        path = tmp_path / "key.pem"
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(ConfigurationError, match=reason) as caught:
            load(path)
        assert "\n" not in str(caught.value)
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(ConfigurationError, match="signing key"):
            load(path)


def test_public_key_must_be_ed25519() -> None:
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    other = generate_private_key(SECP256R1()).public_key().public_bytes(serialization.Encoding.PEM, info)
    with pytest.raises(UnreadableError, match="not an Ed25519 key"):
        PublicKey.parse(other, "x.pem")
    with pytest.raises(UnreadableError, match="not a public key"):
        PublicKey.parse(b"hello", "x.pem")


def test_ephemeral_keys_differ_and_say_what_they_are() -> None:
    assert ephemeral().keyid != ephemeral().keyid
    assert ephemeral().kind == "ephemeral"
