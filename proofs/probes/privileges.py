"""What accounts may do server-wide in the end: own grants, roles, the schema `mysql`, and accounts they may proxy.

Sources: MySQL Reference Manual, "Privileges Provided by MySQL", "Using Roles", "Proxy Users", "Privilege Restriction
Using Partial Revokes", "Grant Tables" (rows of `mysql.db` apply by host pattern, and those without a user to
everybody); MariaDB Knowledge Base, "GRANT", "Roles Overview", "mysql.global_priv Table". Observed on MySQL 9.7.4 and
MariaDB 10.11.19.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proofs.model import Engine
from proofs.ports import SqlChannel

Key = tuple[str, str]
"""User and host of an account or role."""
Held = dict[str, str]
"""Privilege → how it is held: `granted`, or the role or account it comes from."""

WRITES_GRANT_TABLES = "WRITE GRANT TABLES"
"""INSERT or UPDATE on the grant tables: whoever has it can give itself everything else."""
MAY_PROXY_ANYBODY = "PROXY ANY ACCOUNT"

STATIC = {
    "Select_priv": "SELECT", "Insert_priv": "INSERT", "Update_priv": "UPDATE", "Delete_priv": "DELETE",
    "Create_priv": "CREATE", "Drop_priv": "DROP", "Reload_priv": "RELOAD", "Shutdown_priv": "SHUTDOWN",
    "Process_priv": "PROCESS", "File_priv": "FILE", "Grant_priv": "GRANT OPTION", "References_priv": "REFERENCES",
    "Index_priv": "INDEX", "Alter_priv": "ALTER", "Show_db_priv": "SHOW DATABASES", "Super_priv": "SUPER",
    "Create_tmp_table_priv": "CREATE TEMPORARY TABLES", "Lock_tables_priv": "LOCK TABLES", "Execute_priv": "EXECUTE",
    "Repl_slave_priv": "REPLICATION SLAVE", "Repl_client_priv": "REPLICATION CLIENT",
    "Create_view_priv": "CREATE VIEW", "Show_view_priv": "SHOW VIEW", "Create_routine_priv": "CREATE ROUTINE",
    "Alter_routine_priv": "ALTER ROUTINE", "Create_user_priv": "CREATE USER", "Event_priv": "EVENT",
    "Trigger_priv": "TRIGGER", "Create_tablespace_priv": "CREATE TABLESPACE",
}  # fmt: skip
"""Columns of `mysql.user` both engines have, in the order of the bits of MariaDB's `access` from bit 0."""
MYSQL_ROLE_COLUMNS = {"Create_role_priv": "CREATE ROLE", "Drop_role_priv": "DROP ROLE"}
MARIADB_BITS = (
    *STATIC.values(), "DELETE HISTORY", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
    "REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY", "SLAVE MONITOR",
    "SHOW CREATE ROUTINE",
)  # fmt: skip
"""Bits of `access` in `mysql.global_priv`, from bit 0."""
EVERYBODYS_ROLE = "PUBLIC"
"""MariaDB (from 10.11): what is granted to it, everybody has."""

MYSQL_GLOBAL = """SELECT user, host,
 Select_priv, Insert_priv, Update_priv, Delete_priv, Create_priv, Drop_priv, Reload_priv, Shutdown_priv,
 Process_priv, File_priv, Grant_priv, References_priv, Index_priv, Alter_priv, Show_db_priv, Super_priv,
 Create_tmp_table_priv, Lock_tables_priv, Execute_priv, Repl_slave_priv, Repl_client_priv, Create_view_priv,
 Show_view_priv, Create_routine_priv, Alter_routine_priv, Create_user_priv, Event_priv, Trigger_priv,
 Create_tablespace_priv, Create_role_priv, Drop_role_priv,
 user_attributes ->> '$.Restrictions' AS restrictions FROM mysql.user"""
MARIADB_GLOBAL = "SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.access') AS access FROM mysql.global_priv"
SCHEMA_WRITERS = """SELECT user, host FROM mysql.db
 WHERE 'mysql' LIKE db AND (insert_priv = 'Y' OR update_priv = 'Y')
 UNION SELECT user, host FROM mysql.tables_priv
 WHERE db = 'mysql' AND (FIND_IN_SET('Insert', table_priv) > 0 OR FIND_IN_SET('Update', table_priv) > 0
 OR FIND_IN_SET('Insert', column_priv) > 0 OR FIND_IN_SET('Update', column_priv) > 0)"""
IN_FORCE = "SELECT GRANTEE AS grantee, PRIVILEGE_TYPE AS privilege FROM information_schema.USER_PRIVILEGES"
"""What accounts hold in memory: a grant table that was written by hand counts only after FLUSH PRIVILEGES."""
PROXIES = "SELECT user, host, proxied_user, proxied_host FROM mysql.proxies_priv"


def effective_privileges(sql: SqlChannel, engine: Engine) -> Mapping[Key, Mapping[str, str]]:
    """Account or role → server-wide privilege → how it is held, e.g. `{"SUPER": "role 'dba'@'%'"}`.

    Roles count whether or not they are active by default, since SET ROLE needs no further right. Besides the
    engines' own privileges there are `WRITES_GRANT_TABLES` and `MAY_PROXY_ANYBODY`. What is held by the tables counts,
    and what is held in memory. Raises `Indeterminate` where a
    grant table cannot be read.
    """
    own = _mysql(sql) if engine == "mysql" else _mariadb(sql)
    for row in sql.rows(SCHEMA_WRITERS):
        for key in own:
            if _covers(row, key):
                own[key].setdefault(WRITES_GRANT_TABLES, "granted")
    edges = _roles_mysql(sql, own) if engine == "mysql" else _roles_mariadb(sql, own)
    for row in sql.rows(PROXIES):
        proxied = (str(row["proxied_user"]), str(row["proxied_host"]))
        for key in own:
            if _covers(row, key):
                if proxied == ("", ""):
                    own[key].setdefault(MAY_PROXY_ANYBODY, "granted")
                else:
                    edges.setdefault(key, []).append((proxied, "as proxy for"))
    return {key: reached(key, own, edges) for key in own}


def reached(start: Key, own: Mapping[Key, Held], edges: Mapping[Key, Iterable[tuple[Key, str]]]) -> Held:
    """Everything held by `start` or by whatever it leads to, over any number of steps."""
    found = dict(own.get(start, {}))
    seen, waiting = {start}, list(edges.get(start, ()))
    while waiting:
        key, how = waiting.pop(0)
        if key not in seen:
            seen.add(key)
            for privilege in own.get(key, {}):
                found.setdefault(privilege, f"{how} {key[0]!a}@{key[1]!a}")
            waiting += edges.get(key, ())
    return found


def _in_force(sql: SqlChannel) -> dict[tuple[str, str], Held]:
    found: dict[tuple[str, str], Held] = {}
    for row in sql.rows(IN_FORCE):
        user, _, host = str(row["grantee"])[1:-1].rpartition("'@'")
        if str(row["privilege"]) != "USAGE":
            found.setdefault((user, host.lower()), {})[str(row["privilege"]).upper()] = "granted"
    return found


def _mysql(sql: SqlChannel) -> dict[Key, Held]:
    own: dict[Key, Held] = {}
    in_force = _in_force(sql)
    columns = {column.lower(): name for column, name in (STATIC | MYSQL_ROLE_COLUMNS).items()}
    for row in sql.rows(MYSQL_GLOBAL):
        held = {name: "granted" for column, name in columns.items() if str(row[column]) == "Y"}
        revoked = {
            str(privilege)
            for restriction in json.loads(row["restrictions"] or "[]")
            if restriction.get("Database") == "mysql"
            for privilege in restriction.get("Privileges", ())
        }
        user, host = _key(row)
        own[user, host] = _with_writes(held | in_force.get((user, host.lower()), {}), revoked)
    for row in sql.rows("SELECT user, host, priv FROM mysql.global_grants"):
        own.setdefault(_key(row), {})[str(row["priv"]).upper()] = "granted"
    return own


def _mariadb(sql: SqlChannel) -> dict[Key, Held]:
    own: dict[Key, Held] = {}
    in_force = _in_force(sql)
    for row in sql.rows(MARIADB_GLOBAL):
        bits = int(row["access"] or 0)
        held = {name: "granted" for bit, name in enumerate(MARIADB_BITS) if bits >> bit & 1}
        user, host = _key(row)
        own[user, host] = _with_writes(held | in_force.get((user, host.lower()), {}), set())
    return own


def _with_writes(held: Held, revoked: set[str]) -> Held:
    if {"INSERT", "UPDATE"} & held.keys() - revoked:
        held[WRITES_GRANT_TABLES] = "granted"
    return held


def _roles_mysql(sql: SqlChannel, own: Mapping[Key, Held]) -> dict[Key, list[tuple[Key, str]]]:
    edges: dict[Key, list[tuple[Key, str]]] = {}
    for row in sql.rows("SELECT to_user, to_host, from_user, from_host FROM mysql.role_edges"):
        role = (str(row["from_user"]), str(row["from_host"]))
        edges.setdefault((str(row["to_user"]), str(row["to_host"])), []).append((role, "by role"))
    for name in (sql.variable("mandatory_roles") or "").split(","):
        user, _, host = name.strip().replace("`", "").replace("'", "").partition("@")
        if user:
            for key in own:
                edges.setdefault(key, []).append(((user, host or "%"), "by mandatory role"))
    return edges


def _roles_mariadb(sql: SqlChannel, own: Mapping[Key, Held]) -> dict[Key, list[tuple[Key, str]]]:
    edges: dict[Key, list[tuple[Key, str]]] = {}
    for row in sql.rows("SELECT user, host, role FROM mysql.roles_mapping"):
        edges.setdefault(_key(row), []).append(((str(row["role"]), ""), "by role"))
    if (EVERYBODYS_ROLE, "") in own:
        for key in own:
            edges.setdefault(key, []).append(((EVERYBODYS_ROLE, ""), "by role"))
    return edges


def _covers(row: Mapping[str, Any], key: Key) -> bool:
    """A row of a lower grant table speaks of this account: by name, and by host pattern when the hosts differ."""
    user, host = _key(row)
    pattern = not host or any(sign in host for sign in "%_/")
    return user in ("", key[0]) and (host.lower() == key[1].lower() or pattern)


def _key(row: Mapping[str, Any]) -> Key:
    return str(row["user"]), str(row["host"])
