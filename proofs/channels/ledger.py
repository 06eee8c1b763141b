"""The channel `ledger`: the audit's hash chain verified as a stream, and the anchors' store. It never judges."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from proofs.channels.chain import store
from proofs.channels.chain.plan import quoted
from proofs.channels.chain.session import make_plan
from proofs.channels.chain.source import Source, opened
from proofs.channels.sql.connect import Connector
from proofs.errors import ChannelError, Indeterminate
from proofs.ledger import Checkpoint, Hasher, Wanted, survey, verify
from proofs.ledger.anchors import Anchor, parse_anchors
from proofs.ledger.report import shown
from proofs.model import Audit, Json, Request, Target
from proofs.ports import ExchangeSink, Secrets


@dataclass(frozen=True, slots=True)
class Since:
    """Where an earlier proof ended: the last row it verified, and which proof that was (`origin`, for people)."""

    id: int
    hash: str
    origin: str


class Ledger:
    """See `proofs.ports.LedgerChannel`. With `since`, only what came after that row is verified, and it says so."""

    def __init__(self, target: Target, sink: ExchangeSink, secrets: Secrets, since: Since | None = None) -> None:
        self._target = target
        self._sink = sink
        self._connector = Connector(target, secrets)
        self._since = since

    def chain(self) -> Json:
        """See `proofs.ports.LedgerChannel.chain`."""
        audit, schema = self._audit()
        # Where it begins is no part of the question, so that a replay needs not know: the answer tells.
        exchange = self._sink.exchange(Request("ledger", "chain", {}), lambda: self._verify(audit, schema), memo=True)
        return exchange.answer

    def anchors(self, window_s: int) -> Json:
        """See `proofs.ports.LedgerChannel.anchors`."""
        audit, _ = self._audit()
        if audit.anchors is None:
            raise Indeterminate("the inventory names no anchors (audit.anchors)")
        path = audit.anchors.file

        def perform() -> Json:
            now = datetime.now(UTC)
            facts = survey(store.lines(path, store.size_of(path)), now - timedelta(seconds=window_s))
            database = self._target.database
            return {
                **facts.as_json(),
                "read_at": now.isoformat(timespec="milliseconds"),
                "place": store.place_of(path),
                "same_machine": store.same_machine(database.host, database.port),
                "boot_id": store.boot_id(),
            }

        return self._sink.exchange(Request("ledger", "anchors", {"window_s": window_s}), perform, memo=True).answer

    def _audit(self) -> tuple[Audit, str]:
        if self._target.audit is None or self._target.schema is None:
            raise Indeterminate("the inventory describes no audit (audit, schema)")
        return self._target.audit, self._target.schema

    def _verify(self, audit: Audit, schema: str) -> Json:
        began = time.monotonic()
        # Before the snapshot: an anchor that is written during the walk is of a row the snapshot may not have.
        anchors, trouble = self._anchors(audit)
        hasher, binary = Hasher(audit.recipe), audit.recipe.encoding == "bytes"
        names = audit.columns
        wanted = (Wanted(names["previous"], not binary), Wanted(names["current"], not binary), *hasher.columns)
        genesis = _stored(audit.genesis, binary=binary)
        since = Checkpoint(self._since.id, _stored(self._since.hash, binary=binary)) if self._since else None
        with opened(self._target, self._connector, audit.reader) as source:
            plan = make_plan(
                source.ask,
                schema=schema,
                table=audit.table,
                id_column=names["id"],
                columns=wanted,
                first=since.id if since else None,
            )
            head = _head(source, audit, schema, binary=binary)
            report = verify(
                lambda: source.read(plan),
                hasher,
                previous=names["previous"],
                genesis=genesis,
                head=head,
                since=since,
                anchors=anchors,
            )
        return {
            **report.as_json(),
            "since": asdict(self._since) if self._since else None,
            "bound": any(part.column == names["previous"] for part in audit.recipe.parts),
            "stored_head": {"id": head.id, "hash": shown(head.hash)} if head else None,
            "anchors_unread": trouble,
            "driver": source.driver,
            "driver_note": source.note,
            "seconds": round(time.monotonic() - began, 3),
        }

    def _anchors(self, audit: Audit) -> tuple[Iterable[Anchor], str | None]:
        if audit.anchors is None:
            return (), "the inventory names no anchors (audit.anchors)"
        path = audit.anchors.file
        try:
            found = parse_anchors(store.lines(path, store.size_of(path)))
        except ChannelError as error:
            return (), str(error)
        if audit.recipe.encoding == "bytes":
            found = (replace(anchor, hash=_stored(anchor.hash.decode(), binary=True)) for anchor in found)
        return found, None


def read_head(target: Target, source: Source) -> Checkpoint:
    """The last row of the chain: id and stored hash; id 0 and the genesis value of an empty one."""
    audit = target.audit
    if audit is None or target.schema is None:
        raise Indeterminate("the inventory describes no audit (audit, schema)")
    row_id, current = quoted(audit.columns["id"]), quoted(audit.columns["current"])
    value = f"LOWER(HEX({current}))" if audit.recipe.encoding == "bytes" else current
    table = f"{quoted(target.schema)}.{quoted(audit.table)}"
    rows = source.ask(f"SELECT {row_id}, {value} FROM {table} ORDER BY {row_id} DESC LIMIT 1")  # noqa: S608
    return Checkpoint(int(rows[0][0]), str(rows[0][1]).encode()) if rows else Checkpoint(0, audit.genesis.encode())


def _head(source: Source, audit: Audit, schema: str, *, binary: bool) -> Checkpoint | None:
    """What the table that holds the chain's end says, if there is one. Raises `ChannelError` unless it is one row."""
    if audit.head is None:
        return None
    value = f"HEX({quoted(audit.head.hash)})" if binary else quoted(audit.head.hash)
    table = f"{quoted(schema)}.{quoted(audit.head.table)}"
    rows = source.ask(f"SELECT {quoted(audit.head.id)}, {value} FROM {table} LIMIT 2")  # noqa: S608
    if len(rows) != 1:
        raise ChannelError(
            f"{schema}.{audit.head.table} holds {len(rows) or 'no'} rows, expected the chain's end in one"
        )
    try:
        return Checkpoint(int(rows[0][0]), _stored(str(rows[0][1]), binary=binary))
    except (TypeError, ValueError):
        raise ChannelError(f"{schema}.{audit.head.table} holds no id and hash") from None


def _stored(text: str, *, binary: bool) -> bytes:
    """A hash as the table holds it, from how people write it: hexadecimal digits where bytes are stored."""
    try:
        return bytes.fromhex(text) if binary else text.encode()
    except ValueError:
        raise ChannelError(
            f"{text[:80]!a} is no hash in hexadecimal digits, as recipe.encoding bytes asks for"
        ) from None
