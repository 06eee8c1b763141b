"""The grant tables of both engines as `Facts`.

Sources: MySQL Reference Manual, "Grant Tables", "Using Roles" (mandatory_roles), "Privilege Restriction Using Partial
Revokes"; MariaDB Knowledge Base, "mysql.global_priv Table", "mysql.roles_mapping Table". Observed on MySQL 9.7.4 and
MariaDB 10.11.19. What is held in memory counts beside what the tables say: a table written by hand is in force only
after FLUSH PRIVILEGES, and one that a row was deleted from only then forgets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from proofs.model import Engine
from proofs.ports import SqlChannel
from proofs.probes.rights.facts import Facts, Grant, Key, Proxy, Scope
from proofs.probes.rights.vocabulary import COLUMNS, MARIADB_BITS, from_set

MYSQL_SERVER = """SELECT user, host,
 Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, Reload_priv, Shutdown_priv,
 Process_priv, File_priv, Grant_priv, References_priv, Index_priv, Alter_priv, Show_db_priv, Super_priv,
 Create_tmp_table_priv, Lock_tables_priv, Execute_priv, Repl_slave_priv, Repl_client_priv, Create_view_priv,
 Show_view_priv, Create_routine_priv, Alter_routine_priv, Create_user_priv, Event_priv, Trigger_priv,
 Create_tablespace_priv, Create_role_priv, Drop_role_priv,
 user_attributes ->> '$.Restrictions' AS restrictions FROM mysql.user"""
MARIADB_SERVER = "SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.access') AS access FROM mysql.global_priv"
SCHEMAS = "SELECT * FROM mysql.db"
TABLES = "SELECT user, host, db, table_name AS name, table_priv AS held FROM mysql.tables_priv"
COLUMNS_OF_TABLES = (
    "SELECT user, host, db, table_name AS name, column_name AS col, column_priv AS held FROM mysql.columns_priv"
)
ROUTINES = "SELECT user, host, db, routine_name AS name, routine_type AS kind, proc_priv AS held FROM mysql.procs_priv"
PROXIES = "SELECT user, host, proxied_user, proxied_host FROM mysql.proxies_priv"
SERVER_IN_FORCE = "SELECT GRANTEE AS grantee, PRIVILEGE_TYPE AS privilege FROM information_schema.USER_PRIVILEGES"
SCHEMAS_IN_FORCE = (
    "SELECT GRANTEE AS grantee, TABLE_SCHEMA AS db, PRIVILEGE_TYPE AS privilege"
    " FROM information_schema.SCHEMA_PRIVILEGES"
)
TABLES_IN_FORCE = (
    "SELECT GRANTEE AS grantee, TABLE_SCHEMA AS db, TABLE_NAME AS name, PRIVILEGE_TYPE AS privilege"
    " FROM information_schema.TABLE_PRIVILEGES"
)


def read(sql: SqlChannel, engine: Engine) -> Facts:
    """Everything the tables hold about privileges. `Indeterminate` where one of them cannot be read."""
    grants: list[Grant] = []
    revoked: dict[Key, dict[str, frozenset[str]]] = {}
    accounts = _mysql_server(sql, grants, revoked) if engine == "mysql" else _mariadb_server(sql, grants)
    grants += _lower(sql)
    grants += _in_force(sql, accounts)
    members = _mysql_roles(sql) if engine == "mysql" else _mariadb_roles(sql)
    proxies = tuple(Proxy(_key(row), (str(row["proxied_user"]), str(row["proxied_host"]))) for row in sql.rows(PROXIES))
    fold = sql.variable("lower_case_table_names") not in ("0", None)
    literal = engine == "mysql" and sql.variable("partial_revokes") in ("ON", "1")
    mandatory = tuple(_mandatory(sql.variable("mandatory_roles") or "")) if engine == "mysql" else ()
    return Facts(engine, tuple(accounts), _merged(grants), members, mandatory, proxies, revoked, literal, fold)


def _mysql_server(sql: SqlChannel, grants: list[Grant], revoked: dict[Key, dict[str, frozenset[str]]]) -> list[Key]:
    accounts = []
    for row in sql.rows(MYSQL_SERVER):
        key = _key(row)
        accounts.append(key)
        grants.append(Grant(key, Scope("server"), _flags(row)))
        for each in json.loads(row["restrictions"] or "[]"):
            names = frozenset(str(name).upper() for name in each.get("Privileges", ()))
            revoked.setdefault(key, {})[str(each.get("Database"))] = names
    for row in sql.rows("SELECT user, host, priv FROM mysql.global_grants"):
        grants.append(Grant(_key(row), Scope("server"), frozenset((str(row["priv"]).upper(),))))
    return accounts


def _mariadb_server(sql: SqlChannel, grants: list[Grant]) -> list[Key]:
    accounts = []
    for row in sql.rows(MARIADB_SERVER):
        bits = int(row["access"] or 0)
        accounts.append(_key(row))
        held = frozenset(name for bit, name in enumerate(MARIADB_BITS) if bits >> bit & 1)
        grants.append(Grant(_key(row), Scope("server"), held))
    return accounts


def _lower(sql: SqlChannel) -> Iterator[Grant]:
    for row in sql.rows(SCHEMAS):
        yield Grant(_key(row), Scope("schema", str(row["db"])), _flags(row))
    for row in sql.rows(TABLES):
        yield Grant(_key(row), Scope("table", str(row["db"]), str(row["name"])), from_set(row["held"]))
    for row in sql.rows(COLUMNS_OF_TABLES):
        scope = Scope("column", str(row["db"]), str(row["name"]), column=str(row["col"]))
        yield Grant(_key(row), scope, from_set(row["held"]))
    for row in sql.rows(ROUTINES):
        scope = Scope("routine", str(row["db"]), str(row["name"]), kind=str(row["kind"]).upper())
        yield Grant(_key(row), scope, from_set(row["held"]))


def _in_force(sql: SqlChannel, accounts: Iterable[Key]) -> Iterator[Grant]:
    """What information_schema shows of the privileges in memory, for the accounts of the tables."""
    known = {_grantee(key): key for key in accounts}
    looks = ((SERVER_IN_FORCE, "server"), (SCHEMAS_IN_FORCE, "schema"), (TABLES_IN_FORCE, "table"))
    for statement, level in looks:
        for row in sql.rows(statement):
            key = known.get(str(row["grantee"]).lower())
            if key is not None and str(row["privilege"]) != "USAGE":
                scope = Scope(level, str(row.get("db", "")), str(row.get("name", "")))  # type: ignore[arg-type]
                yield Grant(key, scope, frozenset((str(row["privilege"]).upper(),)))


def _mysql_roles(sql: SqlChannel) -> dict[Key, tuple[Key, ...]]:
    members: dict[Key, tuple[Key, ...]] = {}
    for row in sql.rows("SELECT to_user, to_host, from_user, from_host FROM mysql.role_edges"):
        to = (str(row["to_user"]), str(row["to_host"]))
        members[to] = (*members.get(to, ()), (str(row["from_user"]), str(row["from_host"])))
    return members


def _mariadb_roles(sql: SqlChannel) -> dict[Key, tuple[Key, ...]]:
    members: dict[Key, tuple[Key, ...]] = {}
    for row in sql.rows("SELECT user, host, role FROM mysql.roles_mapping"):
        members[_key(row)] = (*members.get(_key(row), ()), (str(row["role"]), ""))
    return members


def _mandatory(value: str) -> Iterator[Key]:
    for name in value.split(","):
        user, _, host = name.strip().replace("`", "").replace("'", "").partition("@")
        if user:
            yield user, host or "%"


def _merged(grants: Iterable[Grant]) -> tuple[Grant, ...]:
    """One grant for each holder and scope, in the order they came; the empty ones stay, since a row that gives nothing
    still hides less specific ones."""
    found: dict[tuple[Key, Scope], frozenset[str]] = {}
    for grant in grants:
        place = (grant.holder, grant.scope)
        found[place] = found.get(place, frozenset()) | grant.privileges
    return tuple(Grant(holder, scope, held) for (holder, scope), held in found.items())


def _flags(row: Mapping[str, Any]) -> frozenset[str]:
    """Privileges whose `…_priv` column says Y; a column that is not known here counts under its own name."""
    found = set()
    for column, value in row.items():
        if column.endswith("_priv") and str(value) == "Y":
            found.add(COLUMNS.get(column, column.removesuffix("_priv").replace("_", " ").upper()))
    return frozenset(found)


def _grantee(key: Key) -> str:
    return f"'{key[0]}'@'{key[1]}'".lower()


def _key(row: Mapping[str, Any]) -> Key:
    return str(row["user"]), str(row["host"])
