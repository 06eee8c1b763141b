"""The reference deployment's first records: sealed on this side, as an application's client would, then stored."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from proofs.lab import admin
from proofs.lab.files import write_private

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
    admin.run(socket, user, password, list(_statements(bytes.fromhex(key.read_text()))))


def _statements(wrapping_key: bytes) -> Iterator[str]:
    for name, tenant in TENANTS.items():
        for number, person in enumerate(PEOPLE):
            record = str(uuid.uuid4())
            text = f'{{"name": "{person}", "mail": "{name}{number}@example.org"}}'
            sealed = ", ".join(_hex(each) for each in _seal(wrapping_key, tenant, record, text))
            yield f"INSERT INTO securedb.users ({USER}) VALUES ({_id(tenant)}, {_id(record)}, {sealed}, {NAMES})"  # noqa: S608 - hexadecimal and constants
            account = ", ".join((_id(tenant), _id(str(uuid.uuid4())), _id(record), BALANCE))
            yield f"INSERT INTO securedb.accounts ({ACCOUNT}) VALUES ({account})"  # noqa: S608


def _seal(wrapping_key: bytes, tenant: str, record: str, text: str) -> tuple[bytes, bytes, bytes, bytes]:
    from cryptography.hazmat.primitives import keywrap  # noqa: PLC0415 - imported late: a fast start matters
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    data_key, iv = AESGCM.generate_key(256), os.urandom(12)
    aad = f"tenant={tenant};table=users;record={record}".encode()
    wrapped = keywrap.aes_key_wrap(wrapping_key, data_key)
    return AESGCM(data_key).encrypt(iv, text.encode(), aad), iv, aad, wrapped


def _id(identifier: str) -> str:
    return _hex(uuid.UUID(identifier).bytes)


def _hex(value: bytes) -> str:
    return f"X'{value.hex()}'"
