"""Who signs: a named Ed25519 key from a PKCS#8 PEM file, or an ephemeral one that proves integrity, not origin."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from proofs.bundle.publish import draft
from proofs.errors import ConfigurationError, UnreadableError

Kind = Literal["named", "ephemeral"]
_MAX_KEY_FILE = 64 << 10


class PublicKey:
    """An Ed25519 public key; `keyid` is the SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        info = serialization.PublicFormat.SubjectPublicKeyInfo
        self._key = key
        self.keyid = hashlib.sha256(key.public_bytes(serialization.Encoding.DER, info)).hexdigest()
        self.pem = key.public_bytes(serialization.Encoding.PEM, info)

    @classmethod
    def parse(cls, data: bytes, what: str) -> PublicKey:
        """From PEM. Raises `UnreadableError` for anything but an Ed25519 public key."""
        try:
            key = serialization.load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm):
            raise UnreadableError(f"{what}: not a public key in PEM form") from None
        if not isinstance(key, Ed25519PublicKey):
            raise UnreadableError(f"{what}: not an Ed25519 key")
        return cls(key)

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raises `cryptography.exceptions.InvalidSignature`."""
        self._key.verify(signature, data)


class Signer:
    """Signs bytes. `kind` says whether the key is somebody's or was made for this one bundle."""

    def __init__(self, key: Ed25519PrivateKey, kind: Kind) -> None:
        self._key = key
        self.kind: Kind = kind
        public = PublicKey(key.public_key())
        self.keyid = public.keyid
        self.public_pem = public.pem

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature (RFC 8032); the same data gives the same signature."""
        return self._key.sign(data)


def ephemeral() -> Signer:
    """A key made now, used once and never written."""
    return Signer(Ed25519PrivateKey.generate(), "ephemeral")


def load(path: Path, passphrase: Callable[[], str] | None = None) -> Signer:
    """The named key in `path`; `passphrase` is asked only if the file is encrypted.

    Raises `ConfigurationError`: unreadable, readable by others, wrong or missing passphrase, not Ed25519.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MAX_KEY_FILE)
    except OSError as error:
        raise ConfigurationError(f"signing key {path}: {error.strerror}; give a readable PKCS#8 PEM file") from None
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError(
            f"signing key {path}: mode {stat.S_IMODE(mode):04o} lets others read it; run: chmod 600 {path}"
        )
    key = _private(data, path, passphrase)
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError(f"signing key {path}: not an Ed25519 key; make one with `proofs keygen`")
    return Signer(key, "named")


def _private(data: bytes, path: Path, passphrase: Callable[[], str] | None) -> object:
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError:
        pass  # encrypted
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError(f"signing key {path}: not a PKCS#8 private key in PEM form") from None
    if passphrase is None:
        raise ConfigurationError(f"signing key {path}: it is encrypted, and no passphrase reference was given")
    try:
        return serialization.load_pem_private_key(data, passphrase().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ConfigurationError(f"signing key {path}: the passphrase does not open it") from None


def generate(private_path: Path, public_path: Path, passphrase: str | None = None) -> PublicKey:
    """A new key pair in two files (0600 and 0644), neither of which may exist. Raises `ConfigurationError`."""
    key = Ed25519PrivateKey.generate()
    public = PublicKey(key.public_key())
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    for path in (private_path, public_path):
        if path.exists() or path.is_symlink():
            raise ConfigurationError(f"{path}: exists already; keys are never overwritten, choose another name")
    _store(private_path, private, 0o600)
    try:
        _store(public_path, public.pem, 0o644)
    except ConfigurationError:
        private_path.unlink()  # half a key pair helps nobody, and it was made by this call
        raise
    return public


def _store(path: Path, data: bytes, mode: int) -> None:
    try:
        with draft(path.parent) as new:
            new.file.write(data)
            new.path.chmod(mode)
            new.publish(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: the key can't be written: {error.strerror}") from None
