"""Opens the stream: our own client always (it verifies the server and plans), mysqlclient beside it where it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import pymysql
from pymysql.err import MySQLError

from proofs.channels.chain import fast, grouped, streamed
from proofs.channels.chain.plan import Plan
from proofs.channels.chain.prefetch import prefetched
from proofs.channels.chain.session import Ask, asker, begin, group_limit, in_text
from proofs.channels.sql.answers import CLIENT_SIDE, error_answer, in_words
from proofs.channels.sql.client import Client
from proofs.channels.sql.connect import Connector, Wish
from proofs.errors import ChannelError
from proofs.ledger import Block
from proofs.model import Target

Read = Callable[[Plan], Iterator[Block]]


@dataclass(frozen=True, slots=True)
class Source:
    """One moment of a database: `ask` runs a statement in it, `read` streams a table.

    `driver` says who reads, `note` why it is not the faster one.
    """

    ask: Ask
    read: Read
    driver: str
    note: str | None = None


@contextmanager
def opened(target: Target, connector: Connector, identity: str, *, use_fast: bool = True) -> Iterator[Source]:
    """A consistent snapshot as `identity` sees it. Raises `ChannelError`, `Indeterminate` as a login does."""
    wish = Wish(identity)
    prepared = connector.prepare(wish) | {"use_unicode": False}
    with ExitStack() as stack:
        try:
            client = connector.open(wish, prepared)
        except (MySQLError, OSError, *CLIENT_SIDE) as error:
            reason = in_words(error_answer(error))
            raise ChannelError(f"{target.name}: cannot log in as {identity}: {reason}") from error
        stack.callback(client.abandon)
        source, note = None, "mysqlclient was not asked for"
        if use_fast:
            try:
                source = _by_mysqlclient(target, connector, wish, client, stack)
            except fast.NotFast as reason:
                note = str(reason)
        source = source or _by_pymysql(client, note)
        for statement in begin(target.engine, target.statement_timeout_s):
            source.ask(statement)
        yield source


def _by_pymysql(client: Client, note: str) -> Source:
    ask = asker(client)

    def read(plan: Plan) -> Iterator[Block]:
        if plan.unique:
            return prefetched(grouped.blocks(ask, plan, group_limit(ask)))
        return _told(streamed.blocks(client, plan), (MySQLError, OSError, *CLIENT_SIDE))

    return Source(in_text(ask), read, f"pymysql {pymysql.__version__}", note)


def _by_mysqlclient(target: Target, connector: Connector, wish: Wish, client: Client, stack: ExitStack) -> Source:
    leaf = client.server_certificate()
    if leaf is None:
        raise fast.NotFast("mysqlclient is used over TLS only")
    connection = fast.connect(
        target.database,
        connector.keypair(wish),
        connector.identity(wish.identity).user,
        connector.password(wish),
        leaf=leaf,
        limit_s=target.statement_timeout_s,
    )
    stack.callback(connection.close)

    def ask(statement: str) -> Sequence[Sequence[Any]]:
        try:
            with closing(connection.cursor()) as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else ()
        except fast.errors() as error:
            raise ChannelError(f"{statement[:100]}: {fast.words(error)}") from None

    read: Read = lambda plan: _told(streamed.blocks(connection, plan), fast.errors())  # noqa: E731
    return Source(in_text(ask), read, fast.name(connection))


def _told(blocks: Iterator[Block], failures: tuple[type[BaseException], ...]) -> Iterator[Block]:
    """The same blocks; what the driver raises becomes a `ChannelError`."""
    try:
        yield from blocks
    except failures as error:
        raise ChannelError(f"the stream of the audit table broke off: {fast.words(error)}") from None
