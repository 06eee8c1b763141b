"""Records as an application seals them: AES-256-GCM under a data key of their own, bound to their tenant.

Sources: NIST SP 800-38D (GCM; a 96-bit random IV is safe here, each key encrypts one record), RFC 5116 (the tag is the
end of the ciphertext), NIST SP 800-57 part 1 (data keys wrapped by a key that stays in the key service).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

from proofs.records.keys import KeyService

CIPHER = "AES-256-GCM"
IV_BYTES = 12


class OpenRefused(Exception):  # noqa: N818 - an answer: this is not what was sealed for this tenant and record
    """The record does not open: other key, other tenant or record, or changed bytes."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record belongs: it opens nowhere else. Ids as text, in one spelling (UUIDs in lower case)."""

    tenant: str
    table: str
    record: str

    @property
    def aad(self) -> bytes:
        """The additional authenticated data. Raises `ValueError` for a part that would make it ambiguous."""
        for part in (self.tenant, self.table, self.record):
            if not part or not part.isascii() or not part.isprintable() or set(part) & set(";="):
                raise ValueError(f"not an id that can be bound: {part!a}")
        return f"tenant={self.tenant};table={self.table};record={self.record}".encode("ascii")

    @property
    def context(self) -> dict[str, str]:
        """The same for the key service."""
        return {"tenant": self.tenant, "table": self.table, "record": self.record}


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """What the database gets. `ciphertext` ends with the 16 bytes of the tag; `iv` has 12 bytes."""

    ciphertext: bytes
    iv: bytes
    aad: bytes
    wrapped_key: bytes
    wrapped_key_pq: bytes | None
    cipher: str
    wrap: str
    key_name: str


def seal(plaintext: bytes, place: Place, service: KeyService, second: KeyService | None = None) -> SealedRecord:
    """Seal under a fresh data key, wrapped by `service` (and by `second` once more, e.g. `HybridWrap`).

    Raises `KeyServiceError`, `ValueError` for ids that can't be bound.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - a fast start matters

    data_key, iv = AESGCM.generate_key(bit_length=256), os.urandom(IV_BYTES)
    return SealedRecord(
        ciphertext=AESGCM(data_key).encrypt(iv, plaintext, place.aad),
        iv=iv,
        aad=place.aad,
        wrapped_key=service.wrap(data_key, place.context),
        wrapped_key_pq=second.wrap(data_key, place.context) if second else None,
        cipher=CIPHER,
        wrap=service.algorithm,
        key_name=service.name,
    )


def open_record(sealed: SealedRecord, place: Place, service: KeyService) -> bytes:
    """The plaintext, if it was sealed for this place. The stored AAD is compared, never believed.

    Raises `OpenRefused`, `UnwrapRefused`, `KeyServiceError`.
    """
    _must_belong(sealed, place)
    return open_with(service.unwrap(sealed.wrapped_key, place.context), sealed, place)


def open_with(data_key: bytes, sealed: SealedRecord, place: Place) -> bytes:
    """`open_record` by whoever has unwrapped the data key already. Raises `OpenRefused`."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    _must_belong(sealed, place)
    try:
        return AESGCM(data_key).decrypt(sealed.iv, sealed.ciphertext, place.aad)
    except (InvalidTag, ValueError):
        raise OpenRefused("other key, other tenant or record, or changed bytes") from None


def rewrap(sealed: SealedRecord, place: Place, old: KeyService, new: KeyService) -> SealedRecord:
    """The record with its data key wrapped by `new`; its ciphertext stays as it is. Raises as `open_record` does.

    The record must open first, so that a rotation doesn't carry on what is broken.
    """
    _must_belong(sealed, place)
    data_key = old.unwrap(sealed.wrapped_key, place.context)
    open_with(data_key, sealed, place)
    wrapped = new.wrap(data_key, place.context)
    return replace(sealed, wrapped_key=wrapped, wrap=new.algorithm, key_name=new.name)


def _must_belong(sealed: SealedRecord, place: Place) -> None:
    if sealed.cipher != CIPHER:
        raise OpenRefused(f"cipher {sealed.cipher!a}, expected {CIPHER}")
    if sealed.aad != place.aad:
        raise OpenRefused("its AAD names another tenant, table or record")
