"""The reference deployment's first records: sealed on this side, as an application's client would, then stored."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from proofs.lab import admin
from proofs.lab.files import write_private
from proofs.records.file_key import FileKeyService
from proofs.records.keys import KeyService
from proofs.records.seal import Place, SealedRecord
from proofs.records.seal import seal as seal_record

KEY_NAME = "lab-2026"
TENANTS = {"alpha": "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5", "beta": "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"}
PEOPLE = ("Ada Example", "Berta Sample", "Carl Specimen")
BALANCE = "'EUR', 1000.0000"
USER = "tenant_id, user_id, pii_ct, pii_iv, pii_aad, dek_wrapped, role, cipher_name, wrap_name, key_name, created_at"
NAMES = f"'member', 'AES-256-GCM', 'AES-256-KW', '{KEY_NAME}', UTC_TIMESTAMP(6)"
ACCOUNT = "tenant_id, account_id, user_id, currency, balance"


def _sealed_with(text: bytes, service: KeyService, data_key: bytes, iv: bytes, aad: bytes) -> SealedRecord:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - a fast start matters

    ciphertext = AESGCM(data_key).encrypt(iv, text, aad)
    return SealedRecord(ciphertext, iv, aad, service.wrap(data_key, {}), None, "AES-256-GCM", "AES-256-KW", KEY_NAME)


def _unwrapped(text: bytes, good: SealedRecord, service: KeyService) -> SealedRecord:
    data_key = os.urandom(32)
    return replace(_sealed_with(text, service, data_key, good.iv, good.aad), wrapped_key=bytes(8) + data_key)


_CONSTANT = os.urandom(32)
MISTAKES: Mapping[str, Callable[[bytes, SealedRecord, KeyService], SealedRecord]] = {
    "one-data-key": lambda text, good, service: _sealed_with(text, service, _CONSTANT, good.iv, good.aad),
    "one-iv": lambda text, good, service: _sealed_with(text, service, os.urandom(32), _CONSTANT[:12], good.aad),
    "aad-of-another-tenant": lambda text, good, service: _sealed_with(
        text, service, os.urandom(32), good.iv, good.aad.replace(TENANTS["alpha"].encode(), TENANTS["beta"].encode())
    ),
    "aad-not-used": lambda text, good, service: replace(
        _sealed_with(text, service, os.urandom(32), good.iv, b""), aad=good.aad
    ),
    "key-not-wrapped": _unwrapped,
}
"""What a careless client does with records, each of them stored without an error."""


def make_key(directory: Path) -> None:
    """The key that wraps data keys, in the prover's part of the lab: the server never has it."""
    write_private(directory / "kek", os.urandom(32).hex().encode())


def seed(socket: Path, user: str, password: str, key: Path, mistake: str | None = None) -> None:
    """Store three people and their accounts for each tenant. Raises as `admin.run` does.

    `mistake` is one of `MISTAKES` that the client makes with the first tenant's records.
    """
    admin.run(socket, user, password, list(_statements(FileKeyService(key, KEY_NAME), mistake)))


def _statements(service: KeyService, mistake: str | None) -> Iterator[str]:
    for name, tenant in TENANTS.items():
        for number, person in enumerate(PEOPLE):
            record = str(uuid.uuid4())
            text = f'{{"name": "{person}", "mail": "{name}{number}@example.org"}}'
            one = seal_record(text.encode(), Place(tenant, "users", record), service)
            if mistake is not None and name == "alpha":
                one = MISTAKES[mistake](text.encode(), one, service)
            sealed = ", ".join(_hex(each) for each in (one.ciphertext, one.iv, one.aad, one.wrapped_key))
            yield f"INSERT INTO securedb.users ({USER}) VALUES ({_id(tenant)}, {_id(record)}, {sealed}, {NAMES})"  # noqa: S608 - hexadecimal and constants
            account = ", ".join((_id(tenant), _id(str(uuid.uuid4())), _id(record), BALANCE))
            yield f"INSERT INTO securedb.accounts ({ACCOUNT}) VALUES ({account})"  # noqa: S608


def _id(identifier: str) -> str:
    return _hex(uuid.UUID(identifier).bytes)


def _hex(value: bytes) -> str:
    return f"X'{value.hex()}'"
