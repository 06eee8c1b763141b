"""A session that sees one moment of the database: read-only, with a time limit on every block, none on the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymysql.err import MySQLError

from proofs.channels.chain.plan import (
    INTEGER_TYPES,
    Column,
    Plan,
    describe_columns,
    describe_keys,
    expression,
    unique_alone,
)
from proofs.channels.sql.answers import CLIENT_SIDE, error_answer, in_words
from proofs.channels.sql.client import Client
from proofs.channels.sql.statements import PLAIN
from proofs.errors import ChannelError
from proofs.ledger import Wanted
from proofs.model import Engine

GROUP_LIMIT = 8 << 20
"""Bytes of a block at most. The servers cut GROUP_CONCAT off at `group_concat_max_len` and at `max_allowed_packet`
without an error (MySQL manual, "GROUP_CONCAT"; a warning 1260 is all)."""

Ask = Callable[[str], Sequence[Sequence[Any]]]


def begin(engine: Engine, statement_timeout_s: float) -> tuple[str, ...]:
    """The statements that open the snapshot.

    MySQL: `max_execution_time` in ms; MariaDB: `max_statement_time` in s. A consistent snapshot needs REPEATABLE READ
    (both manuals, START TRANSACTION). Times are told in UTC, so that a TIMESTAMP is spelled the same everywhere.
    """
    limit = (
        f"SET SESSION max_execution_time = {int(statement_timeout_s * 1000)}"
        if engine == "mysql"
        else f"SET SESSION max_statement_time = {statement_timeout_s:g}"
    )
    return (
        limit,
        PLAIN,
        f"SET SESSION group_concat_max_len = {GROUP_LIMIT}, SESSION time_zone = '+00:00'",
        "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    )


def asker(client: Client) -> Ask:
    """A function that runs a statement on this connection and gives all its (few) rows, as bytes.

    It raises `ChannelError`.
    """

    def ask(statement: str) -> Sequence[Sequence[Any]]:
        try:
            with client.cursor() as cursor:
                cursor.execute(statement)
                return list(cursor.fetchall()) if cursor.description else []
        except (MySQLError, OSError, *CLIENT_SIDE) as error:
            raise ChannelError(f"{statement[:100]}: {in_words(error_answer(error))}") from error

    return ask


def group_limit(ask: Ask) -> int:
    """Bytes at which this server, in this session, cuts a block off."""
    ((length, packet),) = ask("SELECT @@session.group_concat_max_len, @@session.max_allowed_packet")
    return min(int(length), int(packet))


def in_text(ask: Ask) -> Ask:
    """The same, with texts in place of bytes."""

    def decoded(statement: str) -> Sequence[Sequence[Any]]:
        return [
            [cell.decode(errors="backslashreplace") if isinstance(cell, bytes) else cell for cell in row]
            for row in ask(statement)
        ]

    return decoded


def make_plan(
    ask: Ask, *, schema: str, table: str, id_column: str, columns: tuple[Wanted, ...], first: int | None = None
) -> Plan:
    """A plan to read `columns` (previous, current, parts) of a table as it is.

    Raises `ChannelError` where the table, a column, or an id to count by is missing.
    """
    known = {str(row[0]).lower(): tuple(row[1:]) for row in ask(describe_columns(schema, table))}
    if not known:
        raise ChannelError(f"{schema}.{table}: no such table, or nothing of it may be read")
    for name in (id_column, *(wanted.column for wanted in columns)):
        if name.lower() not in known:
            raise ChannelError(f"{schema}.{table}: no column {name!r}, or it may not be read")
    nullable, kind, _ = known[id_column.lower()]
    if str(kind).lower() not in INTEGER_TYPES:
        raise ChannelError(f"{schema}.{table}: {id_column} is {kind!a}, expected whole numbers that order the events")
    distinct = tuple(dict.fromkeys(columns))
    fetched = []
    for wanted in distinct:
        may_be_null, of_kind, charset = known[wanted.column.lower()]
        spelled = expression(wanted, str(charset).lower() if charset else None, str(of_kind).lower())
        fetched.append(Column(spelled, may_be_null != "NO"))
    return Plan(
        schema=schema,
        table=table,
        id=id_column,
        columns=tuple(fetched),
        places=tuple(distinct.index(wanted) for wanted in columns),
        unique=nullable == "NO" and unique_alone(ask(describe_keys(schema, table)), id_column),
        first=first,
    )
