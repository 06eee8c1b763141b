"""Control audit-covers-cascades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.apicalls import must_allow_writes
from proofs.probes.audit.place import Place, place_of
from proofs.probes.sqltext import literal, quoted

HARMLESS = ("RESTRICT", "NO ACTION")
REFERENCED = (1451, 1217)
"""ER_ROW_IS_REFERENCED_2, and what it is for who may not see the child, on both engines."""


def test_no_cascades_around_audited_tables(sql: SqlChannel, target: Target) -> None:
    """No foreign key of or to an audited table has CASCADE, SET NULL or SET DEFAULT.

    What a foreign key changes fires no trigger (so seen on MySQL 9.7.4 and MariaDB 10.11.19). MySQL's
    `enable_cascade_triggers` is no remedy: any session may set it OFF for itself (so seen on 9.7.4).
    """
    place = place_of(target)
    found = [
        f"{row['tab']}.{row['name']} to {row['parent']} ON DELETE {row['on_delete']} ON UPDATE {row['on_update']}"
        for row in _keys(sql, place)
        if not {str(row["on_delete"]), str(row["on_update"])} <= set(HARMLESS)
    ]
    assert not found, f"foreign keys that change rows past the audit: {'; '.join(found)!a}"


def test_parent_of_audited_rows_stays(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """A row that audited rows refer to cannot be deleted, nor its key changed: 1451.

    Tried by the operator, rolled back. Control experiment: its foreign keys not checked, the same session can do it.
    """
    place = place_of(target)
    keys = [row for row in _keys(sql, place) if row["tab"] in place.audit.tables]
    if not keys:
        raise Indeterminate("no audited table refers to another, so there is nothing that a cascade could reach")
    must_allow_writes(sql, target)
    if "operator" not in target.identities:
        raise Indeterminate("the inventory has no operator, who could delete a row (identities.operator)")
    with experiment("delete a row that audited rows refer to") as e:
        for row in keys:
            parent, where = _parent(sql, place, row)
            statement = f"DELETE FROM {parent} WHERE {where} LIMIT 1"  # noqa: S608 - quoted names and literals
            checked, unchecked = (
                sql.script("operator", [f"SET SESSION foreign_key_checks = {checks}", statement])[1]
                for checks in (1, 0)
            )
            e.control(unchecked)
            e.attack(checked, refused_with=REFERENCED)


def _keys(sql: SqlChannel, place: Place) -> Sequence[dict[str, Any]]:
    """Foreign keys of or to audited tables, from any schema, as the operator or the inspector sees them."""
    reader = "operator" if "operator" in place.target.identities else "inspector"
    tables = ", ".join(literal(name) for name in (place.audit.table, *place.audit.guarded, *place.audit.tables))
    schema = literal(place.schema)
    return sql.rows(
        "SELECT CONSTRAINT_SCHEMA AS db, CONSTRAINT_NAME AS name, TABLE_NAME AS tab, REFERENCED_TABLE_NAME AS parent,"  # noqa: S608
        " DELETE_RULE AS on_delete, UPDATE_RULE AS on_update FROM information_schema.REFERENTIAL_CONSTRAINTS"
        f" WHERE (CONSTRAINT_SCHEMA = {schema} AND TABLE_NAME IN ({tables}))"
        f" OR (UNIQUE_CONSTRAINT_SCHEMA = {schema} AND REFERENCED_TABLE_NAME IN ({tables})) ORDER BY 1, 3, 2",
        identity=reader,
    )


def _parent(sql: SqlChannel, place: Place, key: dict[str, Any]) -> tuple[str, str]:
    """The referenced table, and the condition that leads to a row of it which is referred to."""
    pairs = sql.rows(
        "SELECT COLUMN_NAME AS child, REFERENCED_COLUMN_NAME AS parent, REFERENCED_TABLE_SCHEMA AS db"  # noqa: S608
        f" FROM information_schema.KEY_COLUMN_USAGE WHERE CONSTRAINT_SCHEMA = {literal(key['db'])}"
        f" AND CONSTRAINT_NAME = {literal(key['name'])} AND TABLE_NAME = {literal(key['tab'])}"
        " ORDER BY ORDINAL_POSITION",
        identity="operator",
    )
    listed = ", ".join(quoted(str(pair["child"])) for pair in pairs)
    present = " AND ".join(f"{quoted(str(pair['child']))} IS NOT NULL" for pair in pairs)
    rows = sql.rows(f"SELECT {listed} FROM {place.name(key['tab'])} WHERE {present} LIMIT 1", identity="operator")  # noqa: S608
    if not rows:
        raise Indeterminate(f"no row of {key['tab']!a} refers to one of {key['parent']!a}, so nothing can be tried")
    values = [rows[0][str(pair["child"]).lower()] for pair in pairs]
    where = " AND ".join(
        f"{quoted(str(pair['parent']))} = {literal(value)}" for pair, value in zip(pairs, values, strict=True)
    )
    return quoted(str(pairs[0]["db"]), str(key["parent"])), where
