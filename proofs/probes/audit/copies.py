"""Changes of a table tried on a copy of one of its rows, under a key of its own: no row that is there is touched.

All in one transaction that is rolled back. Its session checks no foreign keys, so that every column can change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proofs.ports import QueryResult, SqlChannel
from proofs.probes.audit.place import Column, Place, columns_of, some_row
from proofs.probes.audit.scene import Event, Played, Scene
from proofs.probes.sqltext import literal, quoted

NUMBERS = ("tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "float", "double", "year")
TEXTS = ("char", "varchar", "binary", "varbinary")
FEW = 4
"""Events a look brings here; one is expected."""


def changed(column: Column, value: str) -> str | None:
    """SQL for another value than `value` (SQL too) that fits the column, or None for a type with no such rule."""
    if column.type in NUMBERS:
        return f"COALESCE({value}, 0) + 1"
    if column.type in TEXTS or column.type.endswith(("text", "blob")):
        return f"IF(COALESCE({value}, '') = '', 'x', INSERT({value}, 1, 1, IF(LEFT({value}, 1) = 'x', 'y', 'x')))"
    if column.type in ("date", "datetime", "timestamp"):
        return f"COALESCE({value}, '2001-01-01 00:00:00') + INTERVAL 1 DAY"
    return None


@dataclass(frozen=True)
class Change:
    """One change that was tried: what it was, how it came out, and the events it caused."""

    what: str
    column: str | None
    result: QueryResult
    events: Sequence[Event]


@dataclass(frozen=True)
class Tried:
    """The changes tried on a table, and columns no rule tells another value of."""

    inserted: Change
    updates: Sequence[Change]
    deleted: Change
    unchanged: Sequence[str]


def try_changes(sql: SqlChannel, place: Place, table: str, identity: str) -> Tried:
    """INSERT a copy of a row, UPDATE each of its columns alone, DELETE it. `Indeterminate` where no row is there."""
    columns = [column for column in columns_of(sql, place, table) if not column.generated]
    aim = some_row(sql, place, table)
    values = {column.name: literal(aim.values[column.name]) for column in columns}
    new = {column.name: changed(column, quoted(column.name)) for column in columns}
    copied = [(new[column.name] if column.key else None) or quoted(column.name) for column in columns]
    keys = [column for column in columns if column.key == "PRI"] or columns
    where = " AND ".join(f"{quoted(key.name)} <=> {changed(key, values[key.name]) or values[key.name]}" for key in keys)
    names = ", ".join(quoted(column.name) for column in columns)
    scene = Scene(sql, place, FEW)
    scene.session("writer", identity)
    scene.step("writer", "SET SESSION foreign_key_checks = 0")
    insert = scene.step(
        "writer",
        f"INSERT INTO {aim.table} ({names}) SELECT {', '.join(copied)} FROM {aim.table} WHERE {aim.where}",  # noqa: S608
    )
    first = scene.look()
    scene.step("writer", "SAVEPOINT copied")
    updates: dict[str, tuple[int, int]] = {}
    for name, value in new.items():
        if value is not None:
            step = scene.step("writer", f"UPDATE {aim.table} SET {quoted(name)} = {value} WHERE {where}")  # noqa: S608
            updates[name] = (step, scene.look())
            scene.step("writer", "ROLLBACK TO SAVEPOINT copied")
    delete, last = scene.step("writer", f"DELETE FROM {aim.table} WHERE {where}"), scene.look()  # noqa: S608
    played = scene.play()
    known = {event.roles["id"]: None for event in played.events(first)}
    return Tried(
        Change(f"INSERT of a row of {table}", None, played[insert], played.events(first)),
        [
            Change(f"UPDATE of {table}.{name}", name, played[step], _more(played, look, known))
            for name, (step, look) in updates.items()
        ],
        Change(f"DELETE of a row of {table}", None, played[delete], _more(played, last, known)),
        [name for name, value in new.items() if value is None],
    )


def _more(played: Played, look: int, known: Mapping[object, None]) -> list[Event]:
    return [event for event in played.events(look) if event.roles["id"] not in known]
