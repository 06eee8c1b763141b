"""Who holds which global privileges, roles and proxies counted in, on either engine."""

from __future__ import annotations

from collections import defaultdict

from proofs.errors import Indeterminate
from proofs.ports import SqlChannel
from proofs.probes.hardening.rules import Holder, bits

MARIADB_BITS = {
    "SUPER": 15,
    "SET USER": 30,
    "FEDERATED ADMIN": 31,
    "CONNECTION ADMIN": 32,
    "READ_ONLY ADMIN": 33,
    "REPLICATION SLAVE ADMIN": 34,
    "REPLICATION MASTER ADMIN": 35,
    "BINLOG ADMIN": 36,
    "BINLOG REPLAY": 37,
}
"""Positions in `access` of mysql.global_priv (MariaDB source, sql/privilege.h; since 10.5)."""

Held = dict[Holder, set[str]]
Edges = dict[Holder, list[Holder]]


def mysql_privileges(sql: SqlChannel) -> tuple[Held, Edges, list[Holder]]:
    """Global privileges by account, what an account may become, and the roles that everybody has.

    Read from the grant tables themselves, so roles that are granted but not active by default count
    (`SET ROLE` makes them so), and an account with PROXY on another counts as that one.
    """
    held: Held = defaultdict(set)
    for row in sql.rows("SELECT user, host FROM mysql.user WHERE Super_priv = 'Y'"):
        held[row["user"], row["host"]].add("SUPER")
    for row in sql.rows("SELECT user, host, priv FROM mysql.global_grants"):
        held[row["user"], row["host"]].add(str(row["priv"]).upper())
    edges: Edges = defaultdict(list)
    for row in sql.rows("SELECT from_host, from_user, to_host, to_user FROM mysql.role_edges"):
        edges[row["to_user"], row["to_host"]].append((row["from_user"], row["from_host"]))
    _proxies(sql, edges)
    return held, edges, _mandatory(sql.variable("mandatory_roles"))


def mariadb_privileges(sql: SqlChannel) -> tuple[Held, Edges, list[Holder]]:
    """As `mysql_privileges`; a role's host is empty. PUBLIC (since 10.11) is a role of everybody."""
    held: Held = {}
    rows = sql.rows("SELECT User AS user, Host AS host, JSON_VALUE(Priv, '$.access') AS access FROM mysql.global_priv")
    for row in rows:
        held[row["user"], row["host"]] = bits(int(row["access"] or 0), MARIADB_BITS)
    edges: Edges = defaultdict(list)
    for row in sql.rows("SELECT Host AS host, User AS user, Role AS role FROM mysql.roles_mapping"):
        edges[row["user"], row["host"]].append((row["role"], ""))
    _proxies(sql, edges)
    return held, edges, [("PUBLIC", "")]


def _proxies(sql: SqlChannel, edges: Edges) -> None:
    rows = sql.rows(
        "SELECT User AS user, Host AS host, Proxied_user AS other, Proxied_host AS other_host FROM mysql.proxies_priv"
    )
    for row in rows:
        edges[row["user"], row["host"]].append((row["other"], row["other_host"]))


def _mandatory(value: str | None) -> list[Holder]:
    if value is None:
        raise Indeterminate("the server shows no variable mandatory_roles")
    roles = []
    for part in filter(None, (part.strip() for part in value.split(","))):
        user, _, host = part.rpartition("@") if "@" in part else (part, "", "%")
        roles.append((user.strip("`'\""), host.strip("`'\"")))
    return roles
