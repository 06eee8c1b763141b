"""Control system-schema-unreadable."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.privileges.application import TABLE_DENIED, told
from proofs.probes.rights.objects import account_of, read_rights
from proofs.probes.rights.sessions import Thing
from proofs.probes.sqltext import quoted
from proofs.probes.transport.settings import texts

CREDENTIALS = ("user", "global_priv", "password_history", "proxies_priv", "servers")
"""Tables of the schema `mysql` that hold verifiers and passwords: those of both engines, whichever exist."""


def test_credential_tables_are_for_administrators(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Of all accounts only administrators and the named readers may SELECT what verifies passwords (SV-235141).

    Readers are the inspector, the inventory's operator and the parameter's `user@host`.
    """
    rights = read_rights(sql, target)
    exempt = set(texts(params, "readers"))
    exempt |= {
        "@".join(account_of(sql, target, name)) for name in ("inspector", "operator") if name in target.identities
    }
    accounts = [account for account in rights.facts.accounts if "@".join(account) not in exempt]
    found = [
        path
        for table in CREDENTIALS
        for path in rights.who_can("SELECT", Thing("table", "mysql", table), accounts)
        if not _of_the_server(path.account)
    ]
    assert not found, f"{len(found)} ways to read credentials: {told(found)}"


def test_reading_credentials_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every ordinary identity is refused the account table and other accounts' grants; the inspector reads them.

    USE mysql: 1044 ER_DBACCESS_DENIED_ERROR; SELECT: 1142; SHOW GRANTS FOR another: 1142. That last one is left out on
    MariaDB, where SELECT on the schema mysql decides it, and the answer holds what verifies a password.
    """
    table = (
        "SELECT 1 FROM mysql.user LIMIT 0" if target.engine == "mysql" else "SELECT 1 FROM mysql.global_priv LIMIT 0"
    )
    control = sql.attempt("inspector", table)
    user, host = account_of(sql, target, "inspector")
    grants = f"SHOW GRANTS FOR {quoted(user)}@{quoted(host)}"
    for identity in target.identities:
        if identity in ("inspector", "operator", "definer", "scratch"):
            continue
        shows = ["SHOW GRANTS", grants] if target.engine == "mysql" else []
        use, read, *shown = sql.script(identity, ["USE mysql", table, *shows])
        with experiment(f"read credentials as {identity}") as e:
            e.control(control)
            e.attack(use, refused_with=1044)
            e.attack(read, refused_with=TABLE_DENIED)
            if shown:
                e.control(shown[0])
                e.attack(shown[1], refused_with=TABLE_DENIED)


def _of_the_server(account: tuple[str, str]) -> bool:
    """Locked accounts that the servers bring with them for their own use."""
    return account[0] in ("mysql.sys", "mysql.session", "mysql.infoschema", "mariadb.sys") and account[1] == "localhost"
