"""All rows of encrypted records as one stream: what they look like, counted, with the first offenders by key.

Memory is bounded: of each row digests of eight bytes under a key of this run are kept, for at most `MOST` rows; that
two are equal by chance happens in one of a million tables of that size.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from array import array
from collections import Counter
from itertools import pairwise
from typing import Any

from proofs.channels.chain.plan import quoted
from proofs.channels.sql.client import Client
from proofs.channels.sql.statements import must, prepare_session, run
from proofs.errors import ChannelError
from proofs.model import Json, Records, Target
from proofs.records.keys import KeyService, KeyServiceError, UnwrapRefused
from proofs.records.seal import CIPHER, IV_BYTES, OpenRefused, Place, SealedRecord, open_with

COMPARED = ("iv", "ciphertext", "wrapped_key", "data_key")
MOST = 4_000_000
EARLY = 10_000
PAGE = 1_000
SAMPLE = 500
"""Rows whose data key is asked for at the key service: each is a call to it."""
SHOWN = 5
TAG = 16
LEAST_WRAPPED = 40
"""RFC 3394 makes 40 bytes of a 256-bit key; every other wrap is longer."""
ENOUGH_FOR_STATISTICS = 4096
PRINTABLE = frozenset(range(32, 127)) | {9, 10, 13}


class Survey:
    """Collects one row after another. `offenders`: what is wrong → number of rows, and the first keys."""

    def __init__(self, table: str, service: KeyService | None) -> None:
        self._table = table
        self._service = service
        self._salt = os.urandom(16)
        self._seen = {name: [array("Q") for _ in range(256)] for name in COMPARED}
        self._early: dict[str, set[int]] = {name: set() for name in COMPARED}
        self._histogram: Counter[int] = Counter()
        self._offenders: dict[str, int] = {}
        self._first: dict[str, list[str]] = {}
        self.rows = 0
        self.opened = 0
        self.tried = 0
        self.unreachable: str | None = None

    def row(self, tenant: str, record: str, sealed: SealedRecord) -> None:
        """One stored record."""
        self.rows += 1
        self._histogram.update(sealed.ciphertext)
        checks = {
            "ciphertext_short": len(sealed.ciphertext) <= TAG,
            "ciphertext_readable": _readable(sealed.ciphertext),
            "iv_length": len(sealed.iv) != IV_BYTES,
            "iv_zero": not any(sealed.iv),
            "wrapped_key_short": len(sealed.wrapped_key) < LEAST_WRAPPED,
            "aad_not_of_tenant": tenant.lower().encode() not in sealed.aad.lower()
            and _uuid_bytes(tenant) not in sealed.aad,
            "key_not_wrapped": _opens_by_itself(sealed),
        }
        for name, wrong in checks.items():
            if wrong:
                self._offend(name, record)
        if self.rows <= MOST:
            key = sealed.key_name.encode()
            self._keep("iv", key + b"\0" + sealed.iv, record)
            self._keep("ciphertext", sealed.ciphertext, record)
            self._keep("wrapped_key", sealed.wrapped_key, record)
        if self._service is not None and self.tried < SAMPLE and self.unreachable is None:
            self._try(self._service, tenant, record, sealed)

    def as_json(self) -> Json:
        """The facts; repeated values are counted now."""
        for name, buckets in self._seen.items():
            repeated = sum(one == other for bucket in buckets for one, other in pairwise(sorted(bucket)))
            if repeated:
                self._offenders[f"{name}_repeated"] = repeated
        size = sum(self._histogram.values())
        return {
            "rows": self.rows,
            "compared": min(self.rows, MOST),
            "ciphertext_bytes": size,
            "chi_square": round(self._chi_square(size), 1) if size >= ENOUGH_FOR_STATISTICS else None,
            "offenders": self._offenders,
            "first": self._first,
            "opened": self.opened,
            "tried": self.tried,
            "unreachable": self.unreachable,
        }

    def _try(self, service: KeyService, tenant: str, record: str, sealed: SealedRecord) -> None:
        place = Place(tenant, self._table, record)
        self.tried += 1
        try:
            data_key = service.unwrap(sealed.wrapped_key, place.context)
            self._keep("data_key", data_key, record)
            open_with(data_key, sealed, place)
            self.opened += 1
        except (OpenRefused, UnwrapRefused, ValueError):
            self._offend("does_not_open", record)
        except KeyServiceError as error:
            self.unreachable = str(error)[:300]

    def _keep(self, name: str, value: bytes, record: str) -> None:
        digest = int.from_bytes(hashlib.blake2b(value, digest_size=8, key=self._salt).digest(), "big")
        self._seen[name][digest >> 56].append(digest)
        # Which row repeats another is told where that is cheap: among the first ones.
        early = self._early[name]
        if digest in early and len(self._first.setdefault(f"{name}_repeated", [])) < SHOWN:
            self._first[f"{name}_repeated"].append(record)
        if len(early) < EARLY:
            early.add(digest)

    def _offend(self, name: str, record: str) -> None:
        self._offenders[name] = self._offenders.get(name, 0) + 1
        if len(self._first.setdefault(name, [])) < SHOWN:
            self._first[name].append(record)

    def _chi_square(self, size: int) -> float:
        expected = size / 256
        return sum((self._histogram[value] - expected) ** 2 for value in range(256)) / expected


def survey_rows(client: Client, target: Target, records: Records, survey: Survey) -> None:
    """Every row, page by page in the order of tenant and key, read-only. Raises `ChannelError`."""
    prepare_session(client, target)
    must(client, "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", target.name)
    names = (records.tenant, records.key, records.ciphertext, records.iv, records.aad, records.wrapped_key)
    columns = ", ".join(quoted(name) for name in (*names, records.key_name))
    source = f"FROM {quoted(str(target.schema))}.{quoted(records.table)}"
    place = f"({quoted(records.tenant)}, {quoted(records.key)})"
    after = ""
    while True:
        order = f"ORDER BY {quoted(records.tenant)}, {quoted(records.key)} LIMIT {PAGE}"
        answer = run(client, f"SELECT {columns} {source} {after} {order}")
        if not answer["ok"] or answer["truncated"]:
            said = answer["error"]["message"] if not answer["ok"] else "the answer was longer than is kept"
            raise ChannelError(f"{target.name}: {records.table} cannot be read: {said}")
        for row in answer["rows"]:
            tenant, record, ciphertext, iv, aad, wrapped, key_name = row
            stored = [_raw(value) for value in (ciphertext, iv, aad, wrapped)]
            sealed = SealedRecord(stored[0], stored[1], stored[2], stored[3], None, CIPHER, "", str(key_name))
            survey.row(_identifier(tenant), _identifier(record), sealed)
        if len(answer["rows"]) < PAGE:
            return
        last = answer["rows"][-1]
        after = f"WHERE {place} > ({_literal(last[0])}, {_literal(last[1])})"


def _uuid_bytes(text: str) -> bytes:
    """The 16 bytes of a UUID, or bytes that stand nowhere."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        return b"\0no uuid\0"


def _readable(data: bytes) -> bool:
    """Nine of ten bytes are printable ASCII: text, base64 or digits, never a ciphertext of some length."""
    return len(data) >= 2 * TAG and sum(byte in PRINTABLE for byte in data) >= 0.9 * len(data)


def _opens_by_itself(sealed: SealedRecord) -> bool:
    """The stored key opens the record without any key service."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - a fast start matters
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    stored = sealed.wrapped_key
    for key in {stored[:32], stored[-32:]}:
        try:
            AESGCM(key).decrypt(sealed.iv, sealed.ciphertext, sealed.aad)
        except (InvalidTag, ValueError):
            continue
        return True
    return False


def _raw(value: Any) -> bytes:
    return bytes.fromhex(value["$hex"]) if isinstance(value, dict) else str("" if value is None else value).encode()


def _identifier(value: Any) -> str:
    """An id as the client spells it: 16 bytes are a UUID."""
    data = _raw(value)
    return str(uuid.UUID(bytes=data)) if isinstance(value, dict) and len(data) == 16 else data.decode(errors="replace")


def _literal(value: Any) -> str:
    return f"X'{_raw(value).hex()}'"
