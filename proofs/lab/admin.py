"""The lab's administrator at work: SQL over the unix socket, to deploy and to sabotage. Never a look at a target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proofs.errors import ConfigurationError

# CLIENT_CAN_HANDLE_EXPIRED_PASSWORDS of the client/server protocol: let in to set a new password, and nothing else.
_CAN_HANDLE_EXPIRED_PASSWORDS = 1 << 22


def run(socket: Path, user: str, password: str, scripts: Sequence[str]) -> None:
    """Run SQL scripts (several statements each, bodies of routines included) in order.

    Raises `ConfigurationError` with the server's message; the statement itself may hold a password and is not shown.
    """
    import pymysql  # noqa: PLC0415 - imported late: a fast start matters
    from pymysql.constants import CLIENT  # noqa: PLC0415

    try:
        connection = pymysql.connect(
            unix_socket=str(socket),
            user=user,
            password=password,
            ssl_disabled=True,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS | _CAN_HANDLE_EXPIRED_PASSWORDS,
            connect_timeout=10,
            read_timeout=60,
        )
    except pymysql.MySQLError as error:
        raise ConfigurationError(f"lab: the administrator cannot log in over {socket}: {error}") from error
    with connection, connection.cursor() as cursor:
        for number, script in enumerate(scripts, start=1):
            statement = 1
            try:
                cursor.execute(script)
                while cursor.nextset():
                    statement += 1
            except pymysql.MySQLError as error:
                raise ConfigurationError(f"lab: SQL script {number}, statement {statement}: {error}") from error
