"""The accounts of a server, for every probe that judges accounts: one typed view of both engines' tables.

`accounts` is all of them, `login_accounts` and `network_accounts` those that somebody can log in to. They raise
`Indeterminate` rather than hand out an empty list, or one that is not what the server goes by.
"""

from __future__ import annotations

from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.model import Engine, ParameterValue
from proofs.ports import SqlChannel
from proofs.probes.account_tables import read_mariadb, read_mysql
from proofs.probes.account_types import Account, Method

__all__ = ["Account", "Method", "accounts", "listed", "login_accounts", "network_accounts", "unlisted", "without"]

IN_FORCE = "SELECT DISTINCT GRANTEE AS grantee FROM information_schema.USER_PRIVILEGES"
"""Both engines fill it from the accounts in memory, to a reader with SELECT on the schema mysql with all of them."""


def accounts(sql: SqlChannel, engine: Engine) -> tuple[Account, ...]:
    """Every account and role of the server.

    Raises `Indeterminate` where the tables cannot be read, do not even hold the account that reads them, or lack one
    that is in force.
    """
    found = _tables(sql, engine)
    if hidden := unlisted(sql, engine):
        raise Indeterminate(f"accounts are in force that the account tables do not hold: {listed(hidden)}")
    return found


def unlisted(sql: SqlChannel, engine: Engine) -> tuple[str, ...]:
    """Accounts the server lets in though its tables do not hold them, as it names them (`'user'@'host'`).

    Who deletes the row of an account instead of dropping the account hides it: it lives on in memory until FLUSH
    PRIVILEGES or a restart, and still gets in (so seen on MySQL 9.7.4 and MariaDB 10.11.19).
    """
    known = {_grantee(account.user, account.host) for account in _tables(sql, engine)}
    in_force = {_grantee(*str(row["grantee"])[1:-1].rpartition("'@'")[::2]) for row in sql.rows(IN_FORCE)}
    if len(in_force) < 2 <= len(known):
        raise Indeterminate("the accounts in force do not show (they do to a reader with SELECT on the schema mysql)")
    return tuple(sorted(in_force - known))


def _tables(sql: SqlChannel, engine: Engine) -> tuple[Account, ...]:
    found = read_mysql(sql) if engine == "mysql" else read_mariadb(sql)
    myself = str(sql.rows("SELECT CURRENT_USER() AS account")[0]["account"])
    if myself.lower() not in {account.name.lower() for account in found}:
        raise Indeterminate(f"the account tables show {len(found)} accounts, but not {myself!a}, which reads them")
    return found


def login_accounts(sql: SqlChannel, engine: Engine) -> tuple[Account, ...]:
    """The accounts that somebody can log in to, over whatever transport; never empty."""
    return tuple(account for account in accounts(sql, engine) if account.can_log_in) or _nobody("log in")


def network_accounts(sql: SqlChannel, engine: Engine) -> tuple[Account, ...]:
    """The accounts that somebody can log in to over TCP; never empty, since the harness itself uses one."""
    setting = sql.variable("skip_name_resolve")
    if setting is None:
        raise Indeterminate("the server shows no variable skip_name_resolve")
    names_resolved = setting.upper() not in ("ON", "1")
    found = (account for account in accounts(sql, engine) if account.over_tcp(names_resolved=names_resolved))
    return tuple(found) or _nobody("log in over TCP")


def without(found: Sequence[Account], exempt: ParameterValue) -> tuple[Account, ...]:
    """The accounts that a list of `user@host` does not exempt (the host in any case of letters)."""
    names = {_folded(str(name)) for name in exempt} if isinstance(exempt, tuple) else set()
    return tuple(account for account in found if _folded(account.name) not in names)


def listed(found: Sequence[object], limit: int = 6) -> str:
    """Some accounts for a message, and how many more there are."""
    more = f" and {len(found) - limit} more" if len(found) > limit else ""
    return ", ".join(str(item) for item in found[:limit]) + more


def _grantee(user: str, host: str) -> str:
    return f"'{user}'@'{host.lower()}'"


def _folded(name: str) -> tuple[str, str]:
    user, _, host = name.rpartition("@")
    return user, host.lower()


def _nobody(what: str) -> tuple[Account, ...]:
    raise Indeterminate(f"by the account tables nobody can {what}, although the harness just did")
