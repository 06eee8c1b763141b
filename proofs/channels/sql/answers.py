"""Driver exceptions and rows as JSON-able answers: bounded, decoded, with the TLS alert told apart."""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from typing import Any

from pymysql.constants import FIELD_TYPE
from pymysql.err import MySQLError

MAX_MESSAGE = 500
INTEGERS = {
    FIELD_TYPE.TINY,
    FIELD_TYPE.SHORT,
    FIELD_TYPE.LONG,
    FIELD_TYPE.LONGLONG,
    FIELD_TYPE.INT24,
    FIELD_TYPE.YEAR,
}
CLIENT_SIDE = (ValueError, IndexError, UnicodeError, RuntimeError, AssertionError, OverflowError, EOFError)
"""What a driver raises when the server's bytes make no sense; an attempt that met one was not answered."""


def error_answer(error: BaseException) -> dict[str, Any]:
    """{"errno", "sqlstate", "message", "alert", "local"} for a failed attempt.

    `alert` is the name of the TLS alert the server sent (RFC 8446 section 6), e.g. `unknown_ca`;
    `local` names a failure of this side's own checks, e.g. `certificate_verify_failed`.
    """
    errno = error.args[0] if error.args and isinstance(error.args[0], int) else None
    message = str(error.args[1]) if len(error.args) > 1 else str(error)
    answer: dict[str, Any] = {
        "errno": errno if isinstance(error, MySQLError) else None,
        "sqlstate": getattr(error, "sqlstate", None),
        "message": message[:MAX_MESSAGE],
        "alert": None,
        "local": None if isinstance(error, MySQLError) else type(error).__name__,
    }
    tls = _tls_error(error)
    if tls is not None:
        alert = alert_of(tls)
        answer["alert"] = alert
        if alert is None:
            answer["local"] = (tls.reason or type(tls).__name__).lower()
        if isinstance(tls, ssl.SSLCertVerificationError):
            answer["message"] = f"server certificate not verified: {tls.verify_message}"[:MAX_MESSAGE]
    return answer


def in_words(answer: Mapping[str, Any]) -> str:
    """An `error_answer` as people want it in a message: the number too, where the server gave one."""
    number = f"error {answer['errno']}: " if answer["errno"] else ""
    return f"{number}{answer['message']}"


def alert_of(error: ssl.SSLError) -> str | None:
    """The alert's name in the words of RFC 8446 (`TLSV1_ALERT_UNKNOWN_CA` → `unknown_ca`), or None."""
    reason = error.reason or ""
    _, found, name = reason.partition("_ALERT_")
    return name.lower() if found else None


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ssl.SSLError):
            return error
        seen.add(id(error))
        error = getattr(error, "original_exception", None) or error.__cause__ or error.__context__
    return None


def cell(value: Any, type_code: int) -> Any:
    """One value of a row: integers as int, text as it is, binary as `{"$hex": …}`, NULL as None."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if type_code in INTEGERS and isinstance(value, str):
        return int(value)
    return value


def rows_answer(description: Sequence[Any] | None, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """{"columns": [name…], "rows": [[cell…]…]}."""
    columns = description or ()
    return {
        "columns": [str(column[0]) for column in columns],
        "rows": [[cell(value, column[1]) for value, column in zip(row, columns, strict=True)] for row in rows],
    }
