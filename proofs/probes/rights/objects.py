"""What is stored on a server, and who may do what to it: every question of `paths` about one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.readers import complete_reader
from proofs.probes.rights.facts import Key
from proofs.probes.rights.paths import Rights, Stored
from proofs.probes.rights.sessions import Thing
from proofs.probes.rights.shown import read_shown
from proofs.probes.rights.tables import read

ROUTINES = """SELECT ROUTINE_SCHEMA AS db, ROUTINE_NAME AS name, ROUTINE_TYPE AS kind, SECURITY_TYPE AS security,
 DEFINER AS definer FROM information_schema.ROUTINES"""
VIEWS = """SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name, 'VIEW' AS kind, SECURITY_TYPE AS security, DEFINER AS definer
 FROM information_schema.VIEWS"""
TRIGGERS = """SELECT EVENT_OBJECT_SCHEMA AS db, EVENT_OBJECT_TABLE AS name, 'TRIGGER' AS kind, 'DEFINER' AS security,
 DEFINER AS definer FROM information_schema.TRIGGERS"""
TABLES = "SELECT TABLE_SCHEMA AS db, TABLE_NAME AS name, ENGINE AS engine FROM information_schema.TABLES"
SYSTEM = ("mysql", "sys", "performance_schema", "information_schema")


@dataclass(frozen=True, slots=True)
class BaseTable:
    """A table that stores rows; `transactional` where its engine can roll back."""

    schema: str
    name: str
    transactional: bool

    @property
    def thing(self) -> Thing:
        """For questions about it."""
        return Thing("table", self.schema, self.name)


def read_rights(sql: SqlChannel, target: Target) -> Rights:
    """Grants, roles and proxies, with every stored object that acts as its definer. Raises `Indeterminate`."""
    return Rights(read(sql, target.engine), tuple(each for each in stored(sql, target) if each.schema not in SYSTEM))


def granted_to(sql: SqlChannel, target: Target, identities: Sequence[str]) -> Rights:
    """What these identities hold themselves: by the grant tables, or out of their reach by what each is shown.

    Only on MySQL: MariaDB's SHOW GRANTS answers with what verifies the password, which has no place in evidence.
    """
    try:
        return Rights(read(sql, target.engine))
    except Indeterminate:
        if target.engine == "mariadb":
            raise
        return Rights(read_shown(sql, target.engine, identities))


def stored(sql: SqlChannel, target: Target) -> Sequence[Stored]:
    """Routines, views and triggers that act as their definer, of every schema."""
    reader = complete_reader(sql, target)
    return [
        Stored(str(row["kind"]).upper(), str(row["db"]), str(row["name"]), _definer(str(row["definer"])))
        for statement in (ROUTINES, VIEWS, TRIGGERS)
        for row in sql.rows(statement, identity=reader)
        if str(row["security"]).upper() == "DEFINER"
    ]


def routines(sql: SqlChannel, target: Target) -> Sequence[Thing]:
    """Every procedure and function outside the system schemas."""
    rows = sql.rows(ROUTINES, identity=complete_reader(sql, target))
    things = [Thing(str(row["kind"]).upper(), str(row["db"]), str(row["name"])) for row in rows]
    return [thing for thing in things if thing.schema not in SYSTEM]


def base_tables(sql: SqlChannel, target: Target) -> Sequence[BaseTable]:
    """The tables of the target's schema; never empty.

    Raises `Indeterminate` where the inventory names no schema, or none of its tables was seen.
    """
    if target.schema is None:
        raise Indeterminate("the inventory names no schema of the application (schema)")
    rows = sql.rows(f"{TABLES} WHERE TABLE_TYPE = 'BASE TABLE'", identity=complete_reader(sql, target))
    found = [
        BaseTable(str(row["db"]), str(row["name"]), str(row["engine"]).upper() == "INNODB")
        for row in rows
        if str(row["db"]).lower() == target.schema.lower()
    ]
    if not found:
        raise Indeterminate(f"no table of the schema {target.schema!a} was seen")
    return found


def account_of(sql: SqlChannel, target: Target, identity: str) -> Key:
    """The account that the server takes an identity for, as grants name it.

    Asked of the server: the inventory may name another of several accounts, or one that is gone, and what that one may
    not do proves nothing. `Indeterminate` where the inventory has no such identity, or it can't log in.
    """
    if identity not in target.identities:
        raise Indeterminate(f"the inventory has no identity {identity!r} for {target.name}")
    user, _, host = str(sql.rows("SELECT CURRENT_USER() AS account", identity=identity)[0]["account"]).rpartition("@")
    return user, host


def _definer(name: str) -> Key:
    user, _, host = name.rpartition("@")
    return user, host
