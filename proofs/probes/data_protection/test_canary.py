"""Control no-plaintext-pii-in-tables: a canary written through the interface is nowhere to be found in clear."""

from __future__ import annotations

from typing import NamedTuple

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import HostChannel, RecordsChannel, SqlChannel
from proofs.probes.data_protection.needles import places
from proofs.probes.data_protection.scene import canary_of, records_of, write_canary


class Log(NamedTuple):
    """A log of statements: the variable that switches it on, and where it is kept with `log_output` TABLE."""

    switch: str
    table: str
    column: str


COLUMNS = """SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, COLUMN_NAME AS col, DATA_TYPE AS kind
 FROM information_schema.COLUMNS WHERE TABLE_SCHEMA NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')
 ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"""
SIZES = """SELECT TABLE_SCHEMA AS db, TABLE_NAME AS tab, COALESCE(DATA_LENGTH, 0) AS size
 FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE'"""
SEARCHED = 256 << 20
"""Bytes of a table at most: a search reads all of it."""
HISTORY = "SELECT COUNT(*) AS n FROM performance_schema.events_statements_history WHERE SQL_TEXT LIKE {}"
LOGS = (Log("general_log", "general_log", "argument"), Log("slow_query_log", "slow_log", "sql_text"))
DIRECTORIES = ("datadir", "tmpdir", "innodb_undo_directory", "innodb_log_group_home_dir")


def test_canary_is_in_no_column(sql: SqlChannel, records: RecordsChannel, target: Target) -> None:
    """No text or binary column of any application's schema holds the canary's token, in any usual spelling.

    The audit's documents are among them. Control experiment: the same search finds the name of the wrapping key, which
    is stored in clear beside the canary.
    """
    section = records_of(target)
    sizes = {(row["db"], row["tab"]): int(row["size"]) for row in sql.rows(SIZES, identity="operator")}
    searched = [
        place for place in places(sql.rows(COLUMNS, identity="operator")) if (place.schema, place.table) in sizes
    ]
    large = [place.table for place in searched if sizes[place.schema, place.table] > SEARCHED]
    if large:
        raise Indeterminate(f"tables too large to be searched: {', '.join(ascii(name) for name in large[:5])}")
    canary = canary_of(records, target)
    own = next((place for place in searched if place.table.lower() == section.table.lower()), None)
    if own is None:
        raise Indeterminate(f"the table of records was not seen: {section.table!a}")
    control = own.count(str(canary["fields"]["key_name"]))
    looks = [control, *(place.count(str(canary["token"])) for place in searched)]
    found = [int(look.rows[0]["n"]) for look in write_canary(sql, records, target, looks).looks]
    if not found[0]:
        raise Indeterminate("the search does not even find the key's name, which is stored in clear")
    hits = [f"{place.schema}.{place.table} ({n} rows)" for place, n in zip(searched, found[1:], strict=True) if n]
    assert not hits, f"the canary stands in clear in {', '.join(ascii(hit)[1:-1] for hit in hits)}"


def test_canary_is_in_no_log(sql: SqlChannel, records: RecordsChannel, target: Target, machine: HostChannel) -> None:
    """Neither the statement history nor a general or slow log holds the canary.

    The history of performance_schema is looked at while the writing session lives; logs only where they are on.
    """
    canary = canary_of(records, target)["token"]
    looks: list[str] = []
    if (sql.variable("performance_schema") or "").upper() in ("ON", "1"):
        looks.append(HISTORY.format(f"'%{canary}%'"))
    output = {word.strip().upper() for word in (sql.variable("log_output") or "").split(",")}
    on = [log for log in LOGS if (sql.variable(log.switch) or "").upper() in ("ON", "1")]
    if "TABLE" in output:
        looks += [
            f"SELECT COUNT(*) AS n FROM mysql.{log.table} WHERE CONVERT({log.column} USING utf8mb4) LIKE '%{canary}%'"  # noqa: S608
            for log in on
        ]
    written = write_canary(sql, records, target, looks)
    hits = [look.describe() for look in written.looks if int(look.rows[0]["n"])]
    assert not hits, f"the canary stands in clear in {'; '.join(hits)}"
    if "FILE" in output:
        for log in on:
            path = sql.variable(f"{log.switch}_file") or ""
            directory = path.rpartition("/")[0] if path.startswith("/") else sql.variable("datadir") or ""
            assert not machine.search(directory, canary), f"the canary stands in clear in the file {path!a}"


def test_canary_is_in_no_file(sql: SqlChannel, records: RecordsChannel, target: Target, machine: HostChannel) -> None:
    """No file of the server holds the canary: tables, redo and undo, binary logs, temporary files.

    Control experiment: the name of the wrapping key, which every record holds in clear, is found in them.
    """
    written = write_canary(sql, records, target)
    named = [sql.variable(name) or "" for name in DIRECTORIES]
    named.append((sql.variable("log_bin_basename") or "").rpartition("/")[0])
    datadir = (sql.variable("datadir") or "").rstrip("/")
    whole = dict.fromkeys(
        path.rstrip("/") if path.startswith("/") else datadir for path in named if path not in ("", ".", "./")
    )
    below = [path for path in whole if path == datadir or not path.startswith(f"{datadir}/")]
    if not machine.search(datadir, str(written.canary["fields"]["key_name"])):
        raise Indeterminate(f"the search does not even find the key's name in {datadir!a}, where it is stored in clear")
    found = [file for path in below for file in machine.search(path, str(written.canary["token"]))]
    assert not found, f"the canary stands in clear in {', '.join(ascii(name)[1:-1] for name in found[:5])}"
