"""The audit of a target: its names ready for statements, its newest event, its columns, and who may try what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import Audit, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import accounts
from proofs.probes.engines import schema_of
from proofs.probes.logins import account_of
from proofs.probes.sqltext import literal, quoted

ROLES = ("id", "previous", "current", "actor", "tenant", "table", "action", "key", "before", "after", "time")
THROW_AWAY = "scratch"


@dataclass(frozen=True, slots=True)
class Column:
    """A column as information_schema tells it. `generated`: computed, cannot be written."""

    table: str
    name: str
    type: str
    key: str
    generated: bool
    virtual: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where the audit is, as the inventory says."""

    target: Target
    schema: str
    audit: Audit

    @property
    def table(self) -> str:
        """The audit table as it stands in statements."""
        return self.name(self.audit.table)

    def name(self, table: str) -> str:
        """A table of the schema as it stands in statements."""
        return quoted(self.schema, table)

    def column(self, role: str) -> str:
        """The audit table's column with this role, quoted. `Indeterminate` where the inventory names none."""
        if role not in self.audit.columns:
            raise Indeterminate(f"the inventory names no column for the {role} of an event (audit.columns.{role})")
        return quoted(self.audit.columns[role])

    @property
    def reader(self) -> str:
        """The identity that may read the audit."""
        return self.audit.reader

    @property
    def keeper(self) -> str:
        """The identity that sees most: the operator, if there is one, else the reader."""
        return "operator" if "operator" in self.target.identities else self.reader


def place_of(target: Target) -> Place:
    """The audit of the target. Raises `Indeterminate` where the inventory does not tell of one."""
    if target.audit is None:
        raise Indeterminate("the inventory does not say where the audit is (audit)")
    if target.audit.reader not in target.identities:
        raise Indeterminate("the inventory has no identity that reads the audit (audit.reader)")
    return Place(target, schema_of(target), target.audit)


def columns_of(sql: SqlChannel, place: Place, table: str) -> Sequence[Column]:
    """The columns of a table of the schema, in order. Raises `Indeterminate` where none is seen."""
    rows = sql.rows(
        "SELECT TABLE_NAME AS tab, COLUMN_NAME AS name, DATA_TYPE AS type, COLUMN_KEY AS k, EXTRA AS extra"  # noqa: S608
        f" FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {literal(place.schema)}"
        " ORDER BY TABLE_NAME, ORDINAL_POSITION",
        identity=place.keeper,
    )
    found = [
        Column(
            str(row["tab"]),
            str(row["name"]),
            str(row["type"]).lower(),
            str(row["k"]),
            "GENERATED" in str(row["extra"]).upper() and "DEFAULT_GENERATED" not in str(row["extra"]).upper(),
            "VIRTUAL" in str(row["extra"]).upper(),
        )
        for row in rows
        if str(row["tab"]) == table
    ]
    if not found:
        raise Indeterminate(f"{place.keeper} sees no column of the table {table!a}")
    return found


@dataclass(frozen=True, slots=True)
class Aim:
    """A row that is there: what an attempt on a table aims at. An UPDATE that matches no row proves nothing."""

    table: str
    where: str
    values: Mapping[str, Any]
    spare: str

    @property
    def insert(self) -> str:
        """`(columns) VALUES (the row's own values)`."""
        names = ", ".join(map(quoted, self.values))
        return f"({names}) VALUES ({', '.join(map(literal, self.values.values()))})"


def newest_event(sql: SqlChannel, place: Place) -> Aim:
    """The newest event. Raises `Indeterminate` where there is none: nothing could be tried on it."""
    number = place.audit.columns["id"]
    return _aim(sql, place, place.audit.table, (number,), f" ORDER BY {quoted(number)} DESC LIMIT 1")


def some_row(sql: SqlChannel, place: Place, table: str) -> Aim:
    """The row of a table with the greatest primary key."""
    key = tuple(column.name for column in columns_of(sql, place, table) if column.key == "PRI")
    order = f" ORDER BY {', '.join(f'{quoted(name)} DESC' for name in key)}" if key else ""
    return _aim(sql, place, table, key, f"{order} LIMIT 1")


def _aim(sql: SqlChannel, place: Place, table: str, key: Sequence[str], which: str) -> Aim:
    reader = place.reader if table == place.audit.table else place.keeper
    columns = [column for column in columns_of(sql, place, table) if not column.generated]
    listed = ", ".join(quoted(column.name) for column in columns)
    rows = sql.rows(f"SELECT {listed} FROM {place.name(table)}{which}", identity=reader)  # noqa: S608
    if not rows:
        raise Indeterminate(f"{table!a} holds no row, so nothing can be tried on one")
    values = {column.name: rows[0][column.name.lower()] for column in columns}
    where = " AND ".join(f"{quoted(name)} <=> {literal(values[name])}" for name in key or values)
    spare = [column.name for column in columns if not column.key] or [column.name for column in columns]
    return Aim(place.name(table), where, values, spare[-1])


def attackers(sql: SqlChannel, target: Target) -> Sequence[str]:
    """The identities that can log in, each to try what it must not be able to do.

    Without locked ones, and without the throw-away identity where other probes may lock it out.
    """
    found = accounts(sql, target.engine)
    chosen = []
    for name, identity in target.identities.items():
        account = account_of(identity, found)
        locked = account is not None and not account.can_log_in
        if not locked and not (name == THROW_AWAY and target.allow_lockout_probe):
            chosen.append(name)
    return chosen
