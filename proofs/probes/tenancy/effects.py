"""What a call that was let through changed: digests of views before and after it, read while nothing is committed."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.ports import SqlChannel
from proofs.probes.sqltext import literal, quoted

TRANSACTIONAL = frozenset({"innodb", "ndbcluster", "rocksdb", "tokudb"})

WATCH = ("ROLLBACK", "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", "SET SESSION autocommit = 0")
"""Makes a scenario's session one that sees what others have not committed. Its own reads begin the transaction."""


def digest(schema: str, view: str, columns: Sequence[str]) -> str:
    """The number of rows and a checksum that does not depend on their order; a change of a row changes it.

    CRC32 is no protection against an adversary; here it only has to notice an honest change.
    """
    parts = ", ".join(f"COALESCE(HEX({quoted(name)}), '-')" for name in columns) or "''"
    return f"SELECT COUNT(*) AS n, SUM(CRC32(CONCAT_WS('/', {parts}))) AS sum FROM {quoted(schema, view)}"  # noqa: S608


def engines_that_keep(sql: SqlChannel, schema: str) -> list[str]:
    """Tables of the schema whose changes a ROLLBACK does not undo, with their storage engine."""
    rows = sql.rows(
        "SELECT table_name AS name, engine AS engine FROM information_schema.tables "  # noqa: S608
        f"WHERE table_type = 'BASE TABLE' AND table_schema = {literal(schema)}"
    )
    if not rows:
        raise Indeterminate(
            f"the inspector is not shown the tables of {schema}, so their storage engines were not seen"
        )
    return sorted(f"{row['name']} ({row['engine']})" for row in rows if str(row["engine"]).lower() not in TRANSACTIONAL)
