"""What is asked of an audit table, in SQL: which columns, in which form, from where on."""

# ruff: noqa: S608 - identifiers are quoted, values are literals made here, numbers are int
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.ledger import Wanted

UTF8 = frozenset({"ascii", "utf8", "utf8mb3", "utf8mb4"})
BINARY_TYPES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "bit"})
INTEGER_TYPES = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})


def quoted(name: str) -> str:
    """An identifier between backticks (MySQL manual, "Schema Object Names")."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A text as a literal that needs no escapes in any sql_mode."""
    return f"CONVERT(0x{text.encode().hex()} USING utf8mb4)" if text else "''"


@dataclass(frozen=True, slots=True)
class Column:
    """A column to read: its value in SQL (`expression`), and whether it may be NULL."""

    expression: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A table's columns to read, each once; `places` says which of them is previous, current and each of the parts.

    `unique` says whether ids are distinct and never NULL, so that a statement can begin after the last id of the one
    before; `first` is the id to begin with, None for the first row.
    """

    schema: str
    table: str
    id: str
    columns: tuple[Column, ...]
    places: tuple[int, ...]
    unique: bool
    first: int | None = None

    @property
    def source(self) -> str:
        """The table, quoted."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    def select(self, after: int | None, limit: int | None) -> str:
        """The rows in order: the id, then the columns."""
        fields = ", ".join([quoted(self.id), *(column.expression for column in self.columns)])
        where = f" WHERE {quoted(self.id)} > {after}" if after is not None else ""
        most = f" LIMIT {limit}" if limit is not None else ""
        return f"SELECT {fields} FROM {self.source}{where} ORDER BY {quoted(self.id)}{most}"

    def grouped(self, after: int, upto: int, *, digits: bool) -> str:
        """The rows with `after` < id <= `upto`: their number, the highest id, all fields as one value, NUL between.

        With `digits` the fields are hexadecimal: for rows in which a value holds a NUL itself. A column that may be
        NULL begins with `=` when it is not. Nothing is said of the order within: the id is carried along, last.
        """
        name = quoted(self.id)
        fields = [_field(column, digits=digits) for column in self.columns]
        joined = ", '\\0', ".join([*fields, name])
        return (
            f"SELECT COUNT(*), MAX({name}), GROUP_CONCAT(CONCAT({joined}) SEPARATOR '\\0') "
            f"FROM {self.source} WHERE {name} > {after} AND {name} <= {upto}"
        )

    def ends(self, after: int | None) -> str:
        """The lowest and the highest id of the table, or of the rows after an id."""
        name = quoted(self.id)
        where = f" WHERE {name} > {after}" if after is not None else ""
        return f"SELECT MIN({name}), MAX({name}) FROM {self.source}{where}"


def _field(column: Column, *, digits: bool) -> str:
    value = f"HEX({column.expression})" if digits else column.expression
    return f"IF({column.expression} IS NULL, '', CONCAT('=', {value}))" if column.nullable else value


def expression(wanted: Wanted, charset: str | None, kind: str) -> str:
    """A column's value as text in UTF-8, or as the bytes that are stored.

    Text that is UTF-8 anyway is asked for as it is: a conversion costs more than all the rest of the row. Numbers and
    times are made text; where bytes are wanted, or are all there is, they are binary, and so is everything put together
    with them.
    """
    name = quoted(wanted.column)
    if charset in UTF8 and wanted.text:
        return name
    if not wanted.text or kind in BINARY_TYPES:
        return f"CAST({name} AS BINARY)"
    return f"CONVERT({name} USING utf8mb4)"


def describe_columns(schema: str, table: str) -> str:
    """The statement that tells of a table's columns."""
    return (
        "SELECT COLUMN_NAME, IS_NULLABLE, DATA_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS "
        f"WHERE TABLE_SCHEMA = {literal(schema)} AND TABLE_NAME = {literal(table)}"
    )


def describe_keys(schema: str, table: str) -> str:
    """The statement that tells of a table's unique keys."""
    return (
        "SELECT INDEX_NAME, COLUMN_NAME, SEQ_IN_INDEX, SUB_PART FROM information_schema.STATISTICS "
        f"WHERE TABLE_SCHEMA = {literal(schema)} AND TABLE_NAME = {literal(table)} AND NON_UNIQUE = 0"
    )


def unique_alone(keys: Sequence[Sequence[object]], column: str) -> bool:
    """Whether one of the unique keys consists of this column alone, whole."""
    widths: dict[object, list[tuple[object, object]]] = {}
    for name, member, _, part in keys:
        widths.setdefault(name, []).append((member, part))
    return any(
        len(members) == 1 and str(members[0][0]).lower() == column.lower() and members[0][1] is None
        for members in widths.values()
    )
