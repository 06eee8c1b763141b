"""Which tables can roll back: nothing is written to a schema that holds one that can't."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.sqltext import literal

TRANSACTIONAL = ("InnoDB",)
"""MySQL Reference Manual, "Alternative Storage Engines"; MariaDB's Aria is crash-safe, yet does not roll back."""


def schema_of(target: Target) -> str:
    """The application's schema. Raises `Indeterminate` where the inventory names none."""
    if target.schema is None:
        raise Indeterminate("the inventory does not name the application's schema (schema)")
    return target.schema


def table_engines(sql: SqlChannel, target: Target) -> Mapping[str, str]:
    """Base table of the application's schema → its storage engine, as the inspector or the operator sees them."""
    reader = "operator" if "operator" in target.identities else "inspector"
    found = sql.rows(
        "SELECT TABLE_NAME AS name, ENGINE AS engine FROM information_schema.TABLES"  # noqa: S608 - a quoted literal
        f" WHERE TABLE_SCHEMA = {literal(schema_of(target))} AND TABLE_TYPE <> 'VIEW' ORDER BY TABLE_NAME",
        identity=reader,
    )
    if not found:
        raise Indeterminate(f"{reader} sees no table of the schema {target.schema!a}")
    return {str(row["name"]): str(row["engine"]) for row in found}


def must_roll_back(sql: SqlChannel, target: Target) -> None:
    """Raises `Indeterminate` where a write to the schema might stay although it is rolled back."""
    fixed = {name: engine for name, engine in table_engines(sql, target).items() if engine not in TRANSACTIONAL}
    if fixed:
        listed = ", ".join(f"{name} ({engine})" for name, engine in fixed.items())
        raise Indeterminate(f"nothing is tried that could not be rolled back: {listed!a}")
