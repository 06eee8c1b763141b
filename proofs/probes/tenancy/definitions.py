"""The schema as its dictionary describes it: texts of views and routines, tables with a tenant column."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.readers import complete_reader
from proofs.probes.rights.objects import account_of, read_rights
from proofs.probes.rights.patterns import fits
from proofs.probes.sqltext import literal

SYSTEM = "('information_schema', 'performance_schema', 'mysql', 'sys')"


@dataclass(frozen=True, slots=True)
class Body:
    """A view or a routine; `security` is DEFINER or INVOKER, `text` its definition without the head."""

    kind: str
    name: str
    security: str
    text: str

    def names(self, word: str) -> bool:
        """Whether the definition holds that name."""
        return re.search(rf"(?<![A-Za-z0-9_$]){re.escape(word)}(?![A-Za-z0-9_$])", self.text, re.IGNORECASE) is not None


def bodies(sql: SqlChannel, target: Target, schema: str) -> tuple[Body, ...]:
    """Every view and routine of the schema with its text; `Indeterminate` where a text is hidden from the reader."""
    who = complete_reader(sql, target)
    found = []
    for kind, statement in (("view", _VIEWS), ("routine", _ROUTINES)):
        for row in sql.rows(statement + literal(schema), identity=who):
            if not row["text"]:
                raise Indeterminate(f"{who} is not shown the text of {kind} {schema}.{row['name']}")
            found.append(Body(kind, str(row["name"]), str(row["security"]).upper(), str(row["text"])))
    if not found:
        raise Indeterminate(f"{who} sees no view and no routine in {schema}")
    return tuple(found)


def base_tables(sql: SqlChannel, target: Target, schema: str, column: str) -> tuple[str, ...]:
    """The base tables with that column; `Indeterminate` where the reader is not shown every table's columns."""
    who = complete_reader(sql, target)
    tables = {str(row["name"]) for row in sql.rows(_TABLES + literal(schema), identity=who)}
    columns = [
        (str(row["name"]), str(row["column_name"]).lower())
        for row in sql.rows(_COLUMNS + literal(schema), identity=who)
    ]
    hidden = sorted(tables - {name for name, _ in columns})
    if hidden or not tables:
        raise Indeterminate(f"{who} is not shown the columns of {schema}.{(hidden or ['(no table)'])[0]}")
    found = tuple(sorted(name for name in tables if (name, column.lower()) in columns))
    if not found:
        raise Indeterminate(f"no table of {schema} has a column {column} (tenancy.column)")
    return found


def table_columns(sql: SqlChannel, target: Target, schema: str) -> dict[str, list[str]]:
    """Columns by table, views included, as far as the reader is shown them."""
    found: dict[str, list[str]] = {}
    for row in sql.rows(
        _COLUMNS + literal(schema) + " ORDER BY table_name, ordinal_position", identity=complete_reader(sql, target)
    ):
        found.setdefault(str(row["name"]), []).append(str(row["column_name"]))
    return found


def visible(sql: SqlChannel, identity: str) -> list[tuple[str, str]]:
    """Tables and views outside the system schemas that the dictionary shows an identity: those it has a right on."""
    rows = sql.rows(
        "SELECT table_schema AS place, table_name AS name FROM information_schema.tables "  # noqa: S608
        f"WHERE table_schema NOT IN {SYSTEM}",
        identity=identity,
    )
    return [(str(row["place"]), str(row["name"])) for row in rows]


def granted(sql: SqlChannel, target: Target, identity: str) -> Callable[[str, str], bool]:
    """Whether an identity has a right on an object of its own, or on its schema: not only one on the whole server."""
    scopes = [grant.scope for _, grant in read_rights(sql, target).holdings(account_of(sql, target, identity))]
    schemas = [scope.schema for scope in scopes if scope.level == "schema"]
    objects = {
        (scope.schema.lower(), scope.name.lower()) for scope in scopes if scope.level not in ("server", "schema")
    }

    def is_granted(schema: str, name: str) -> bool:
        return (schema.lower(), name.lower()) in objects or any(fits(pattern, schema) for pattern in schemas)

    return is_granted


_TABLES = "SELECT table_name AS name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema = "
_COLUMNS = "SELECT table_name AS name, column_name AS column_name FROM information_schema.columns WHERE table_schema = "
_VIEWS = (
    "SELECT table_name AS name, security_type AS security, view_definition AS text "
    "FROM information_schema.views WHERE table_schema = "
)
_ROUTINES = (
    "SELECT routine_name AS name, security_type AS security, routine_definition AS text "
    "FROM information_schema.routines WHERE routine_schema = "
)
