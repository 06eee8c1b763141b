"""Statements that tell by an error whether the server evaluated them on one certain row. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from proofs.probes.sqltext import literal, quoted

OUT_OF_RANGE = 1690
"""ER_DATA_OUT_OF_RANGE: EXP(710) is more than a DOUBLE holds, on both engines and in every sql_mode."""

SETTINGS = (
    "SET SESSION join_cache_level = 8",
    "SET SESSION optimizer_switch = 'derived_merge=off'",
    "SET SESSION optimizer_switch = 'derived_merge=on'",
    "SET SESSION optimizer_switch = 'hypergraph_optimizer=on'",
)
"""What a session may tell the optimizer, one after the other; a server refuses what it does not know. With the last,
MySQL 9.7 moves conditions into a view's joins that it otherwise keeps out."""


def telling(view: str, tenant: str, row: Mapping[str, Any]) -> list[str]:
    """Statements over a (quoted) view that raise error 1690 if their condition is evaluated on `row`, and only then.

    `row` as an answer holds it, `tenant` its tenant column. The error rests on a column that no other condition fixes,
    so that it cannot be raised from what the statement says. Empty if the row has no such column. The row is asked for
    in every way: all rows, its tenant, its other columns alone and together, and in a join that need not find it.
    """
    known: dict[str, Any] = {name: value for name, value in row.items() if isinstance(value, dict) and value["$hex"]}
    known |= {name: value for name, value in row.items() if isinstance(value, int) and value and name not in known}
    told = next((name for name in reversed(known) if name != tenant and isinstance(known[name], dict)), None)
    told = told or next((name for name in reversed(known) if name != tenant), None)
    if told is None or row.get(tenant) is None:
        return []

    def equal(table: str, name: str) -> str:
        return f"{quoted(table, name)} = {literal(row[name])}"

    def error(table: str) -> str:
        return f"EXP(IF({equal(table, tenant)} AND {equal(table, told)}, 710, 0)) > 1"

    others = [name for name in known if name not in (told, tenant)]
    conditions = ["TRUE", equal("v", tenant), *(equal("v", name) for name in others)]
    conditions.append(" AND ".join(equal("v", name) for name in (tenant, *others)))
    statements = [
        f"SELECT COUNT(*) AS n FROM {view} AS `v` WHERE {condition} AND {error('v')}"  # noqa: S608
        for condition in dict.fromkeys(conditions)
    ]
    joined = f"{equal('w', tenant)} AND {error('w')}"
    return [*statements, f"SELECT COUNT(*) AS n FROM {view} AS `v` LEFT JOIN {view} AS `w` ON {joined}"]  # noqa: S608
