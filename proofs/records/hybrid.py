"""A second wrap of the data key that also holds against quantum computers: X25519 with ML-KEM-768 (extra `pq`).

The shared secret is X-Wing's (draft-connolly-cfrg-xwing-kem): SHA3-256 over both secrets, the X25519 ciphertext and
public key, and a label. It holds as long as one of the two does. ML-KEM-768 is FIPS 203, by the package pqcrypto.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.errors import ConfigurationError
from proofs.records.keys import KeyServiceError, UnwrapRefused, context_bytes

_LABEL = bytes.fromhex("5c2e2f2f5e5c")
_X25519 = 32
_ML_KEM_CIPHERTEXT = 1088
_LENGTHS = {"x25519_public": 32, "ml_kem_public": 1184, "x25519_secret": 32, "ml_kem_secret": 2400}
_HEADER = b"\x01"
_NONCE = bytes(12)
"""Fixed, since the key encrypts nothing else: each wrap has a shared secret of its own."""


@dataclass(frozen=True, slots=True, repr=False)
class HybridKey:
    """Both key pairs; without the secret halves it can only wrap."""

    name: str
    x25519_public: bytes
    ml_kem_public: bytes
    x25519_secret: bytes | None = None
    ml_kem_secret: bytes | None = None

    def public(self) -> HybridKey:
        """The half that applications have."""
        return HybridKey(self.name, self.x25519_public, self.ml_kem_public)

    def to_json(self) -> str:
        """For a file of mode 0600 (or any mode, if public)."""
        fields = ("x25519_public", "ml_kem_public", "x25519_secret", "ml_kem_secret")
        present = {field: value.hex() for field in fields if (value := getattr(self, field)) is not None}
        return json.dumps({"name": self.name, **present}, indent=1) + "\n"


class HybridWrap:
    """A `KeyService` of one's own keys. Wrapped: version ‖ X25519 ciphertext ‖ ML-KEM ciphertext ‖ AES-256-GCM."""

    algorithm = "X-Wing-AES-256-GCM"

    def __init__(self, key: HybridKey) -> None:
        self.name = key.name
        self._key = key

    def wrap(self, data_key: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.wrap`."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        ephemeral = X25519PrivateKey.generate()
        ours = ephemeral.public_key().public_bytes_raw()
        classical = ephemeral.exchange(X25519PublicKey.from_public_bytes(self._key.x25519_public))
        encapsulated, quantum = _ml_kem().encaps(self._key.ml_kem_public)
        secret = shared_secret(quantum, classical, ours, self._key.x25519_public)
        sealed = AESGCM(secret).encrypt(_NONCE, data_key, context_bytes(context))
        return b"".join((_HEADER, ours, encapsulated, sealed))

    def unwrap(self, wrapped: bytes, context: Mapping[str, str]) -> bytes:
        """See `KeyService.unwrap`."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        key = self._key
        if key.x25519_secret is None or key.ml_kem_secret is None:
            raise KeyServiceError(f"hybrid key {self.name!a}: only its public half is here")
        body = wrapped[len(_HEADER) :]
        theirs, encapsulated = body[:_X25519], body[_X25519 : _X25519 + _ML_KEM_CIPHERTEXT]
        if not wrapped.startswith(_HEADER) or len(encapsulated) != _ML_KEM_CIPHERTEXT:
            raise UnwrapRefused("not a key wrapped this way")
        try:
            # X25519 refuses a public value that leads to an all-zero secret (RFC 7748, section 6.1): ValueError.
            classical = X25519PrivateKey.from_private_bytes(key.x25519_secret).exchange(
                X25519PublicKey.from_public_bytes(theirs)
            )
            secret = shared_secret(
                _ml_kem().decaps(key.ml_kem_secret, encapsulated), classical, theirs, key.x25519_public
            )
            sealed = body[_X25519 + _ML_KEM_CIPHERTEXT :]
            return AESGCM(secret).decrypt(_NONCE, sealed, context_bytes(context))
        except (InvalidTag, ValueError):
            raise UnwrapRefused("other key, other context, or changed bytes") from None


def shared_secret(quantum: bytes, classical: bytes, ciphertext: bytes, public: bytes) -> bytes:
    """X-Wing's combiner: 32 bytes from ML-KEM's secret, X25519's secret, its ciphertext and the public key."""
    return hashlib.sha3_256(quantum + classical + ciphertext + public + _LABEL).digest()


def generate(name: str) -> HybridKey:
    """A new key. Raises `KeyServiceError` without the package pqcrypto."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415

    classical = X25519PrivateKey.generate()
    public, secret = _ml_kem().keygen()
    return HybridKey(name, classical.public_key().public_bytes_raw(), public, classical.private_bytes_raw(), secret)


def load(path: Path) -> HybridKey:
    """A key from its file. Raises `ConfigurationError`: unreadable, open to others though secret, or not a key."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        name = str(data.pop("name"))
        halves = {field: bytes.fromhex(value) for field, value in data.items()}
        key = HybridKey(name, **halves)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ConfigurationError(f"{path}: not a hybrid key as `tools/records.py new-hybrid-key` writes it") from None
    if any(len(value) != _LENGTHS[field] for field, value in halves.items()):
        raise ConfigurationError(f"{path}: not a hybrid key: one of its halves has another length")
    if key.x25519_secret is not None and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path}: others may read this secret key; chmod 600 it")
    return key


def _ml_kem() -> Any:
    try:
        from pqcrypto.kem import ml_kem_768  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise KeyServiceError("the hybrid wrap needs pqcrypto: pip install 'proof-of-controls[pq]'") from None
    return ml_kem_768
