"""Generated sets of grants, put on a real server, and what that server then really allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pymysql
from hypothesis import strategies as st
from pymysql.constants import CLIENT

from proofs.lab.state import LabState
from proofs.probes.rights.sessions import Thing
from proofs.probes.sqltext import quoted

PASSWORD = "Rights-Of-All-Sorts-2026"
SCHEMAS = ("pr_a", "pr_b", "prxa", "pr_")
PATTERNS = ("pr_a", r"pr\_a", r"pr\_b", "pr%", "p%", "%", "pr__", r"pr\_%", "prxa", "_r%", "%a", "pr\\_", "%_a")
USERS = ("rights_u1", "rights_u2")
ROLES = ("rights_r1", "rights_r2", "rights_r3")
SCHEMA_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "INDEX", "TRIGGER", "EXECUTE",
    "ALTER ROUTINE", "CREATE ROUTINE", "CREATE VIEW", "LOCK TABLES", "EVENT")  # fmt: skip
TABLE_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE", "DROP", "ALTER", "CREATE", "INDEX", "TRIGGER", "CREATE VIEW")
COLUMN_RIGHTS = ("SELECT", "INSERT", "UPDATE")
ROUTINE_RIGHTS = ("EXECUTE", "ALTER ROUTINE")
DENIED = frozenset({1044, 1142, 1143, 1227, 1370})
"""Denied: the schema, the table, the column, a privilege, the routine."""

TRIES: tuple[tuple[str, str, str], ...] = (
    ("table", "SELECT", "SELECT c1 FROM {schema}.t1 LIMIT 0"),
    ("table", "INSERT", "INSERT INTO {schema}.t1 (c1) SELECT 1 FROM DUAL WHERE 1 = 0"),
    ("table", "UPDATE", "UPDATE {schema}.t1 SET c1 = 1 LIMIT 0"),
    ("table", "DELETE", "DELETE FROM {schema}.t1 LIMIT 0"),
    ("table", "TRUNCATE", "TRUNCATE TABLE {schema}.t1"),
    ("table", "ALTER", "ALTER TABLE {schema}.t1 COMMENT = ''"),
    ("table", "CREATE", "CREATE TABLE {schema}.t1 (c1 INT)"),
    ("table", "INDEX", "CREATE INDEX i1 ON {schema}.t1 (no_such_column)"),
    ("table", "CREATE TRIGGER", "CREATE TRIGGER {schema}.g1 BEFORE INSERT ON {schema}.t1 FOR EACH ROW SET @x = 1"),
    ("table", "LOCK", "LOCK TABLES {schema}.t1 READ"),
    ("PROCEDURE", "EXECUTE", "CALL {schema}.p1()"),
    ("PROCEDURE", "DROP ROUTINE", "ALTER PROCEDURE {schema}.p1 COMMENT ''"),
    ("schema", "CREATE ROUTINE", "CREATE PROCEDURE {schema}.p1() SELECT 1"),
    ("table", "CREATE VIEW", "CREATE VIEW {schema}.t1 AS SELECT 1 AS c1"),
    ("schema", "EVENT", "ALTER EVENT {schema}.no_such_event COMMENT ''"),
)
"""Kind of thing, action, and a statement that is refused for want of privilege or else changes nothing."""


@dataclass(frozen=True)
class GrantSet:
    """Statements after `CREATE USER`/`CREATE ROLE`, and the server's settings for them."""

    statements: tuple[str, ...]
    mandatory: tuple[str, ...] = ()
    partial_revokes: bool = False
    hosts: Mapping[str, str] = field(default_factory=dict)


def _some(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True).map(", ".join)


@st.composite
def grant_sets(draw: Any, engine: str) -> GrantSet:
    """Up to a dozen grants over four schemas, two accounts and three roles that may hold each other."""
    partial = engine == "mysql" and draw(st.integers(0, 3)) == 0
    people = [*USERS, *ROLES] + (["PUBLIC"] if engine == "mariadb" else [])
    statements = []
    for _ in range(draw(st.integers(1, 12))):
        who = spelled(draw(st.sampled_from(people)), engine)
        kind = draw(st.sampled_from(("schema",) * 5 + ("table",) * 2 + ("column", "routine", "server")))
        schema = draw(st.sampled_from(SCHEMAS))
        if kind == "schema":
            what = f"{_some_of(draw, SCHEMA_RIGHTS)} ON {quoted(draw(st.sampled_from(PATTERNS)))}.*"
        elif kind == "table":
            what = f"{_some_of(draw, TABLE_RIGHTS)} ON {quoted(schema)}.t1"
        elif kind == "column":
            what = f"{draw(st.sampled_from(COLUMN_RIGHTS))} (c1) ON {quoted(schema)}.t1"
        elif kind == "routine":
            what = f"{_some_of(draw, ROUTINE_RIGHTS)} ON PROCEDURE {quoted(schema)}.p1"
        else:
            what = f"{_some_of(draw, SCHEMA_RIGHTS)} ON *.*"
        statements.append(f"GRANT {what} TO {who}")
        if partial and kind == "server" and draw(st.booleans()):
            one = draw(st.sampled_from(what.split(" ON ")[0].split(", ")))
            statements.append(f"REVOKE {one} ON {quoted(schema)}.* FROM {who}")
    for member in (*USERS, *ROLES):
        for role in draw(st.lists(st.sampled_from(ROLES), max_size=2, unique=True)):
            if member not in ROLES or ROLES.index(member) < ROLES.index(role):
                statements.append(f"GRANT {spelled(role, engine)} TO {spelled(member, engine)}")
    mandatory = draw(st.lists(st.sampled_from(ROLES), max_size=1)) if engine == "mysql" else []
    return GrantSet(tuple(statements), tuple(mandatory), partial)


def _some_of(draw: Any, names: tuple[str, ...]) -> str:
    return str(draw(_some(names)))


def spelled(name: str, engine: str) -> str:
    """An account or role in a GRANT."""
    if name == "PUBLIC" or (engine == "mariadb" and name in ROLES):
        return name
    return f"'{name}'@'{'%' if name in ROLES else 'localhost'}'"


class Server:
    """A lab whose administrator makes schemas once, and accounts anew for each set of grants."""

    def __init__(self, lab: LabState, engine: str) -> None:
        self.engine = engine
        self._lab = lab
        self.admin = self.connect("root", (lab.directory / "secrets" / "operator").read_text())
        # Of no special power: MySQL lets nobody without SYSTEM_USER alter what belongs to an account that has it.
        self.run(f"CREATE USER IF NOT EXISTS 'rights_owner'@'localhost' IDENTIFIED BY '{PASSWORD}' ACCOUNT LOCK")
        for schema in SCHEMAS:
            self.run(f"CREATE DATABASE IF NOT EXISTS {quoted(schema)}")
            self.run(f"CREATE TABLE IF NOT EXISTS {quoted(schema)}.t1 (c1 INT, c2 INT)")
            self.run(f"DROP PROCEDURE IF EXISTS {quoted(schema)}.p1")
            owner = "DEFINER = 'rights_owner'@'localhost'"
            self.run(f"CREATE {owner} PROCEDURE {quoted(schema)}.p1() SQL SECURITY INVOKER SELECT 1")
            self.run(f"DROP TRIGGER IF EXISTS {quoted(schema)}.g1")
            self.run(f"CREATE TRIGGER {quoted(schema)}.g1 BEFORE INSERT ON {quoted(schema)}.t1 FOR EACH ROW SET @x = 1")

    def connect(self, user: str, password: str = PASSWORD) -> Any:
        return pymysql.connect(
            unix_socket=str(self._lab.socket), user=user, password=password, ssl_disabled=True, autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )  # fmt: skip

    def run(self, statement: str) -> list[Any]:
        with self.admin.cursor() as cursor:
            cursor.execute(statement)
            rows = list(cursor.fetchall())
            while cursor.nextset():
                pass
            return rows

    def apply(self, grants: GrantSet) -> None:
        """Make the accounts and roles anew, and grant."""
        if self.engine == "mysql":
            self.run("SET GLOBAL mandatory_roles = ''")
        else:
            for (schema,) in self.run("SELECT DISTINCT Db FROM mysql.db WHERE User = 'PUBLIC'"):
                self.run(f"REVOKE ALL ON {quoted(schema)}.* FROM PUBLIC")
            for schema, table in self.run("SELECT Db, Table_name FROM mysql.tables_priv WHERE User = 'PUBLIC'"):
                self.run(f"REVOKE ALL ON {quoted(schema, table)} FROM PUBLIC")
            for schema, name in self.run("SELECT Db, Routine_name FROM mysql.procs_priv WHERE User = 'PUBLIC'"):
                self.run(f"REVOKE ALL ON PROCEDURE {quoted(schema, name)} FROM PUBLIC")
            self.run("DELETE FROM mysql.password_reuse_check_history")
            if self.run("SELECT 1 FROM mysql.global_priv WHERE User = 'PUBLIC'"):
                self.run("REVOKE ALL ON *.* FROM PUBLIC")
        users = ", ".join(spelled(user, self.engine) for user in USERS)
        roles = ", ".join(spelled(role, self.engine) for role in ROLES)
        self.run(f"DROP USER IF EXISTS {users}; DROP ROLE IF EXISTS {roles}; CREATE ROLE {roles}")
        if self.engine == "mysql":
            self.run(f"SET GLOBAL partial_revokes = {'ON' if grants.partial_revokes else 'OFF'}")
        for user in USERS:
            self.run(f"CREATE USER {spelled(user, self.engine)} IDENTIFIED BY '{PASSWORD}'")
        self.run("; ".join(grants.statements))
        if grants.mandatory:
            self.run(f"SET GLOBAL mandatory_roles = '{','.join(grants.mandatory)}'")

    def allows(self, user: str, active: tuple[str, ...]) -> dict[tuple[str, Thing], bool]:
        """What a session of this user with these roles may do, as tried."""
        found = {}
        with closing(self.connect(user)) as session, session.cursor() as cursor:
            names = ", ".join(spelled(role, self.engine) for role in active)
            cursor.execute(f"SET ROLE {names or 'NONE'}")
            for schema in SCHEMAS:
                for kind, action, statement in TRIES:
                    name = {"table": "t1", "schema": "", "PROCEDURE": "p1"}[kind]
                    try:
                        cursor.execute(statement.format(schema=quoted(schema)))
                        refused = False
                    except pymysql.MySQLError as error:
                        refused = error.args[0] in DENIED
                    if action == "LOCK" and not refused:
                        cursor.execute("UNLOCK TABLES")
                    found[action, Thing(kind, schema, name)] = not refused
        return found


@dataclass
class Reader:
    """The parts of `SqlChannel` that the engine reads through: the administrator is the inspector."""

    server: Server

    def rows(self, statement: str, *, identity: str = "inspector") -> list[dict[str, Any]]:
        if identity == "inspector":
            return self._asked(self.server.admin, statement)
        with closing(self.server.connect(identity)) as session:
            return self._asked(session, statement)

    def _asked(self, session: Any, statement: str) -> list[dict[str, Any]]:
        with session.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(statement)
            return [{name.lower(): value for name, value in row.items()} for row in cursor.fetchall()]

    def variable(self, name: str) -> str | None:
        rows = self.server.run(f"SHOW GLOBAL VARIABLES LIKE '{name}'")
        return str(rows[0][1]) if rows else None


def things() -> Iterator[Thing]:
    """Everything that is tried."""
    for schema in SCHEMAS:
        yield from (Thing("table", schema, "t1"), Thing("schema", schema), Thing("PROCEDURE", schema, "p1"))
