"""One text in every spelling a careless program may store it in, and the statements that look for it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proofs.probes.sqltext import quoted

TEXT = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json", "enum", "set")
BINARY = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")


@dataclass(frozen=True, slots=True)
class Place:
    """The text and binary columns of one table that a value could be in."""

    schema: str
    table: str
    columns: tuple[str, ...]

    def count(self, text: str) -> str:
        """A query whose one row `n` counts rows that hold the text in any spelling."""
        hits = [
            f"INSTR(CAST({quoted(column)} AS BINARY), X'{needle.hex()}') > 0"
            for column in self.columns
            for needle in spellings(text)
        ]
        return f"SELECT COUNT(*) AS n FROM {quoted(self.schema, self.table)} WHERE {' OR '.join(hits)}"  # noqa: S608


def spellings(text: str) -> list[bytes]:
    """Plain, upper case, UTF-16, hexadecimal, and base64 wherever the text begins within three bytes."""
    plain = text.encode()
    found = [plain, text.upper().encode(), text.encode("utf-16-le"), text.encode("utf-16-be")]
    found += [plain.hex().encode(), plain.hex().upper().encode()]
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + plain).rstrip(b"=")
        # The first and the last digits depend on what stands beside the text.
        found.append(coded[4 if shift else 0 : len(coded) - 2])
    return found


def places(rows: Iterable[Mapping[str, object]]) -> Sequence[Place]:
    """One place for each table of rows of information_schema.COLUMNS (db, tab, col, kind)."""
    columns: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        if str(row["kind"]).lower() in (*TEXT, *BINARY):
            columns.setdefault((str(row["db"]), str(row["tab"])), []).append(str(row["col"]))
    return [Place(schema, table, tuple(names)) for (schema, table), names in columns.items()]
