"""Statements on an open connection: bounded answers, read-only sessions, what a session looks like from inside."""

from __future__ import annotations

import json
from typing import Any

from pymysql.err import MySQLError

from proofs.channels.sql.answers import CLIENT_SIDE, error_answer, in_words, rows_answer
from proofs.channels.sql.client import Client
from proofs.errors import ChannelError
from proofs.model import Target
from proofs.ports import CHANGE_USER, RESET_CONNECTION

MAX_ROWS = 20_000
MAX_BYTES = 8 << 20
BATCH = 500
SESSION_STATUS = ("Ssl_version", "Ssl_cipher")


def run(client: Client, statement: str, *, warnings: bool = False) -> dict[str, Any]:
    """One statement: {"ok", "error", "columns", "rows", "truncated", "affected", "warnings", "local_file"}.

    At most `MAX_ROWS` rows or `MAX_BYTES` bytes of JSON are kept; a longer answer is `truncated` and the connection
    closed (`closed`), since the rest of it would have to be read first.
    """
    cursor: Any = client.cursor()
    kept: list[Any] = []
    size = 0
    truncated = False
    try:
        cursor.execute(statement)
        description = cursor.description
        while description is not None and not truncated:
            batch = cursor.fetchmany(BATCH)
            if not batch:
                break
            rows = rows_answer(description, batch)["rows"]
            size += len(json.dumps(rows))
            truncated = len(kept) + len(rows) > MAX_ROWS or size > MAX_BYTES
            if not truncated:
                kept.extend(rows)
    except (MySQLError, *CLIENT_SIDE) as error:
        failed: dict[str, Any] = {"ok": False, "error": error_answer(error), "local_file": client.local_file}
        if not client.open or isinstance(error, CLIENT_SIDE):
            failed["closed"] = True
            client.abandon()
        return failed
    answer: dict[str, Any] = {
        "ok": True,
        "error": None,
        "columns": rows_answer(description, ())["columns"],
        "rows": kept,
        "truncated": truncated,
        "affected": cursor.rowcount if description is None else None,
        "local_file": client.local_file,
    }
    if truncated:
        answer["closed"] = True
        client.abandon()
        return answer
    cursor.close()
    if warnings:
        shown = run(client, "SHOW WARNINGS")
        answer["warnings"] = [
            {"level": row[0], "code": row[1], "message": row[2]} for row in (shown.get("rows") or ()) if len(row) == 3
        ]
    return answer


PLAIN = "SET SESSION sql_select_limit = 18446744073709551615, SESSION sql_mode = '', SESSION autocommit = 1"
"""What a server's defaults or its init_connect must not change: sql_select_limit would silently leave rows out of
every answer, modes as ANSI_QUOTES or PAD_CHAR_TO_FULL_LENGTH would change what statements and rows mean, and without
autocommit one transaction would last (and hold metadata locks) through the run."""


def prepare_session(client: Client, target: Target) -> None:
    """Make a kept session harmless and complete: read-only transactions, a time limit for statements, `PLAIN`.

    Raises `ChannelError` if the server does not take `PLAIN`.

    MySQL: `max_execution_time` in ms, for SELECT; MariaDB: `max_statement_time` in s (manuals, same names).
    """
    limit = (
        f"SET SESSION max_execution_time = {int(target.statement_timeout_s * 1000)}"
        if target.engine == "mysql"
        else f"SET SESSION max_statement_time = {target.statement_timeout_s:g}"
    )
    # The engine of the inventory may be wrong: then the variable does not exist, and the read time-out still holds.
    run(client, limit)
    run(client, "SET SESSION TRANSACTION READ ONLY")
    must(client, PLAIN, target.name)


def must(client: Client, statement: str, target: str) -> None:
    """A statement without which the rest would not be what it seems. Raises `ChannelError` if it is refused."""
    answer = run(client, statement)
    if not answer["ok"]:
        raise ChannelError(f"{target}: {statement}: {in_words(answer['error'])}")


LOCK_WAIT = "SET SESSION innodb_lock_wait_timeout = 1, SESSION lock_wait_timeout = 1"
"""In seconds, the least there is: no scenario holds up an application for longer."""


def step(client: Client, statement: str) -> dict[str, Any]:
    """One step of a scenario: a statement, or a command of the protocol by its name."""
    if statement not in (RESET_CONNECTION, CHANGE_USER):
        return run(client, statement)
    try:
        client.reset_connection() if statement == RESET_CONNECTION else client.change_user()
    except (MySQLError, *CLIENT_SIDE) as error:
        return {"ok": False, "error": error_answer(error), "local_file": None}
    return {"ok": True, "error": None, "columns": [], "rows": [], "truncated": False, "affected": 0, "local_file": None}


def session_facts(client: Client) -> dict[str, Any]:
    """The session as the server sees it: version, user, account, connection id, TLS version and cipher."""
    facts: dict[str, Any] = {"auth_plugin": client.negotiated_plugin}
    who = run(client, "SELECT VERSION(), USER(), CURRENT_USER(), CONNECTION_ID()")
    if who["ok"] and who["rows"] and len(who["columns"]) == 4:
        facts |= dict(zip(("version", "user", "current_user", "connection_id"), who["rows"][0], strict=True))
    status = run(client, "SHOW SESSION STATUS LIKE 'Ssl\\_%'")
    if status["ok"] and len(status["columns"]) == 2:
        facts |= {row[0].lower(): row[1] for row in status["rows"] if row[0] in SESSION_STATUS}
    return facts
