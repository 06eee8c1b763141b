"""The channel `records`: an application's client at work, and a survey of what is stored. It never judges."""

from __future__ import annotations

import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proofs.channels.sql.connect import Connector, Wish
from proofs.channels.sql.results import Result
from proofs.channels.survey import Survey, survey_rows
from proofs.errors import ChannelError, Indeterminate
from proofs.model import Json, Records, Request, Target
from proofs.ports import ExchangeSink, Secrets
from proofs.records.file_key import AesKeyWrap
from proofs.records.keys import KeyService, UnwrapRefused
from proofs.records.seal import CIPHER, OpenRefused, Place, SealedRecord, open_record, seal
from proofs.records.services import open_key_service


@dataclass(frozen=True)
class OpenAttempt(Result):
    """`proofs.ports.Attempt`: a record that was tried to be opened."""


class RecordsLooks:
    """See `proofs.ports.RecordsChannel`."""

    def __init__(self, target: Target, sink: ExchangeSink, secrets_: Secrets) -> None:
        self._target = target
        self._sink = sink
        self._secrets = secrets_
        self._connector = Connector(target, secrets_)
        self._services: dict[str, KeyService] = {}

    def canary(self, tenant: str) -> Json:
        """See `proofs.ports.RecordsChannel.canary`."""
        records, identifier = self._records(), self._tenant(tenant)

        def perform() -> Json:
            token = f"canary{secrets.token_hex(12)}"
            text = json.dumps({"name": f"{token} example", "mail": f"{token}@example.org"})
            record = str(uuid.uuid4())
            sealed = seal(text.encode(), Place(identifier, records.table, record), self._service("own"))
            fields = {name: getattr(sealed, name) for name in SealedRecord.__dataclass_fields__}
            coded = {name: {"$hex": v.hex()} if isinstance(v, bytes) else v for name, v in fields.items()}
            return {"token": token, "text": text, "record": record, "tenant": identifier, "fields": coded}

        return self._sink.exchange(Request("records", "canary", {"tenant": tenant}), perform, memo=True).answer

    def open(self, fields: Mapping[str, Any], *, tenant: str, record: str, key: str = "own") -> OpenAttempt:
        """See `proofs.ports.RecordsChannel.open`."""
        records = self._records()
        arguments = {"fields": dict(fields), "tenant": tenant, "record": record, "key": key}

        def perform() -> Json:
            try:
                text = open_record(
                    _sealed(fields), Place(self._tenant(tenant), records.table, record), self._service(key)
                )
            except (OpenRefused, UnwrapRefused) as refusal:
                error = {"errno": None, "message": str(refusal), "local": type(refusal).__name__, "alert": None}
                return {"ok": False, "error": error}
            return {"ok": True, "error": None, "length": len(text)}

        exchange = self._sink.exchange(Request("records", "open", arguments), perform)
        whose = "" if key == "own" else f" with the {key} key"
        return OpenAttempt(f"open the record as one of tenant {tenant}{whose}", exchange.answer, exchange.number)

    def survey(self) -> Json:
        """See `proofs.ports.RecordsChannel.survey`."""
        records = self._records()
        if self._target.schema is None:
            raise Indeterminate("the inventory names no schema of the application (schema)")
        reader = "operator" if "operator" in self._target.identities else "inspector"

        def perform() -> Json:
            # Only here: in a replay there are no keys.
            service = self._service("own") if records.key_service else None
            wish = Wish(reader)
            survey = Survey(records.table, service)
            client = self._connector.open(wish, self._connector.prepare(wish))
            try:
                survey_rows(client, self._target, records, survey)
            finally:
                client.abandon()
            return survey.as_json()

        return self._sink.exchange(Request("records", "survey", {"identity": reader}), perform, memo=True).answer

    def _records(self) -> Records:
        if self._target.records is None:
            raise Indeterminate("the inventory does not say where personal data is kept (records)")
        return self._target.records

    def _tenant(self, name: str) -> str:
        if self._target.tenancy is None or name not in self._target.tenancy.tenants:
            raise Indeterminate(f"the inventory has no tenant {name!r} (tenancy.tenants)")
        return self._target.tenancy.tenants[name].id

    def _service(self, which: str) -> KeyService:
        """The target's key service, or (`other`) a key that was made up: what somebody without it would have."""
        if which not in self._services:
            settings = self._records().key_service
            if not settings:
                raise Indeterminate("the inventory does not say how to reach the keys (records.key_service)")
            self._services[which] = (
                AesKeyWrap(secrets.token_bytes(32), "made up") if which == "other" else self._open_service(settings)
            )
        return self._services[which]

    def _open_service(self, settings: Mapping[str, Any]) -> KeyService:
        pin = settings.get("pin")
        if pin is None:
            return open_key_service(settings)
        return open_key_service(settings, lambda: self._secrets.resolve(pin))


def _sealed(fields: Mapping[str, Any]) -> SealedRecord:
    parts = {name: _bytes(fields.get(name)) for name in ("ciphertext", "iv", "aad", "wrapped_key")}
    missing = [name for name, value in parts.items() if value is None]
    if missing:
        raise ChannelError(f"not a record: no {', '.join(missing)}")
    stored = [value or b"" for value in parts.values()]
    wrap, key_name = (str(fields.get(name) or "") for name in ("wrap", "key_name"))
    cipher = str(fields.get("cipher") or CIPHER)
    return SealedRecord(stored[0], stored[1], stored[2], stored[3], None, cipher, wrap, key_name)


def _bytes(value: Any) -> bytes | None:
    if value is None:
        return None
    return bytes.fromhex(value["$hex"]) if isinstance(value, Mapping) else str(value).encode()
