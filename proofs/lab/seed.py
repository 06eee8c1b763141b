"""The reference deployment's first records: sealed on this side, as an application's client would, then stored."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from proofs.lab import admin
from proofs.lab.files import write_private
from proofs.records.file_key import FileKeyService
from proofs.records.keys import KeyService
from proofs.records.seal import Place
from proofs.records.seal import seal as seal_record

KEY_NAME = "lab-2026"
TENANTS = {"alpha": "2b1f8a52-6d0e-4c3b-9a57-f0c1d2e3a4b5", "beta": "c7d94e10-3f8b-4a6d-8e21-5b6a7c8d9e0f"}
PEOPLE = ("Ada Example", "Berta Sample", "Carl Specimen")
BALANCE = "'EUR', 1000.0000"
USER = "tenant_id, user_id, pii_ct, pii_iv, pii_aad, dek_wrapped, role, cipher_name, wrap_name, key_name, created_at"
NAMES = f"'member', 'AES-256-GCM', 'AES-256-KW', '{KEY_NAME}', UTC_TIMESTAMP(6)"
ACCOUNT = "tenant_id, account_id, user_id, currency, balance"


def make_key(directory: Path) -> None:
    """The key that wraps data keys, in the prover's part of the lab: the server never has it."""
    write_private(directory / "kek", os.urandom(32).hex().encode())


def seed(socket: Path, user: str, password: str, key: Path) -> None:
    """Store three people and their accounts for each tenant. Raises as `admin.run` does."""
    admin.run(socket, user, password, list(_statements(FileKeyService(key, KEY_NAME))))


def _statements(service: KeyService) -> Iterator[str]:
    for name, tenant in TENANTS.items():
        for number, person in enumerate(PEOPLE):
            record = str(uuid.uuid4())
            text = f'{{"name": "{person}", "mail": "{name}{number}@example.org"}}'
            one = seal_record(text.encode(), Place(tenant, "users", record), service)
            sealed = ", ".join(_hex(each) for each in (one.ciphertext, one.iv, one.aad, one.wrapped_key))
            yield f"INSERT INTO securedb.users ({USER}) VALUES ({_id(tenant)}, {_id(record)}, {sealed}, {NAMES})"  # noqa: S608 - hexadecimal and constants
            account = ", ".join((_id(tenant), _id(str(uuid.uuid4())), _id(record), BALANCE))
            yield f"INSERT INTO securedb.accounts ({ACCOUNT}) VALUES ({account})"  # noqa: S608


def _id(identifier: str) -> str:
    return _hex(uuid.UUID(identifier).bytes)


def _hex(value: bytes) -> str:
    return f"X'{value.hex()}'"
