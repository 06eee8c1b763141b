"""Control procedure-only-writes."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.apicalls import api_calls, tenancy_of
from proofs.probes.privileges.application import (
    ROUTINE_DENIED,
    TABLE_DENIED,
    application_of,
    calling,
    others,
    told,
)
from proofs.probes.readers import complete_reader
from proofs.probes.rights.objects import BaseTable, account_of, base_tables, read_rights, routines
from proofs.probes.rights.sessions import Thing
from proofs.probes.sqltext import quoted
from proofs.probes.transport.settings import texts

WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "DROP", "ALTER", "CREATE", "INDEX", "REFERENCES")


def test_no_path_to_write_a_base_table(sql: SqlChannel, target: Target) -> None:
    """No application has a way to write a table, nor to change it, but the routines it is approved to call.

    That goes for its views too: one that it may INSERT into or UPDATE is a table to it (SV-235141).
    """
    rights = read_rights(sql, target)
    accounts = [account_of(sql, target, name) for name in application_of(target).identities]
    tables = [table.thing for table in base_tables(sql, target)]
    views = [Thing("table", str(target.schema), name) for name in application_of(target).views]
    found = others(
        [path for action in WRITES for thing in tables for path in rights.who_can(action, thing, accounts)], target
    )
    written = [path for action in WRITES for view in views for path in rights.who_can(action, view, accounts)]
    found += [path for path in written if not path.through]
    assert not found, f"{len(found)} ways to write base tables: {told(found)}"


def test_only_approved_routines_can_be_called(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Of all routines outside the system schemas an application may EXECUTE the approved ones, and these exist."""
    application = application_of(target)
    schema = str(target.schema).lower()
    wanted = {(schema, name.lower()) for name in application.routines}
    wanted |= {(db, name) for db, _, name in (each.lower().partition(".") for each in texts(params, "also_approved"))}
    present = routines(sql, target)
    missing = sorted(wanted - {(thing.schema.lower(), thing.name.lower()) for thing in present})
    if missing:
        raise Indeterminate(f"approved routines that were not seen: {', '.join('.'.join(each) for each in missing)}")
    rights = read_rights(sql, target)
    accounts = [account_of(sql, target, name) for name in application.identities]
    beyond = [thing for thing in present if (thing.schema.lower(), thing.name.lower()) not in wanted]
    found = [path for thing in beyond for path in rights.who_can("EXECUTE", thing, accounts) if not path.through]
    assert not found, f"{len(found)} ways to call routines that are not approved: {told(found)}"


def test_writing_base_tables_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every application's INSERT, UPDATE, DELETE and REPLACE on every base table is refused, while it writes by a call.

    1142 ER_TABLEACCESS_DENIED_ERROR (1143 where some column is granted). The statements match no row, or are rolled
    back; tables that can't roll back are only tried with those that match none.
    """
    calls = [api_calls(sql, target, name)[0] for name in tenancy_of(target).tenants]
    attacks = [statement for table in base_tables(sql, target) for statement in _writes(sql, target, table)]
    for call in calls:
        _, written, *results = sql.script(call.identity, [call.context, call.statement, *attacks])
        with experiment(f"write base tables as {call.identity} (tenant {call.tenant})") as e:
            e.control(written)
            for result in results:
                e.attack(result, refused_with=TABLE_DENIED)


def test_internal_routines_are_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """What is not approved can't be called: 1370 ER_PROCACCESS_DENIED_ERROR.

    Only tried where no grant allows it: what a routine of a stranger does can't always be rolled back.
    """
    application = application_of(target)
    wanted = {name.lower() for name in application.routines}
    rights = read_rights(sql, target)
    counts = _parameters(sql, target)
    internal = [
        thing
        for thing in routines(sql, target)
        if thing.schema.lower() == str(target.schema).lower() and thing.name.lower() not in wanted
    ]
    if not internal:
        raise Indeterminate("no routine was seen beside the approved ones, so that there is none to be refused")
    for identity in application.identities:
        account = account_of(sql, target, identity)
        tried = [each for each in internal if all(path.through for path in rights.paths(account, "EXECUTE", each))]
        calls = []
        for thing in tried:
            arguments = ", ".join(["NULL"] * counts.get((thing.schema, thing.name), 0))
            name = quoted(thing.schema, thing.name)
            calls.append(f"CALL {name}({arguments})" if thing.kind == "PROCEDURE" else f"SELECT {name}({arguments})")
        begin = calling(target, identity)
        results = sql.script(identity, [*begin, *calls])
        with experiment(f"call internal routines as {identity}") as e:
            e.control(results[len(begin) - 1])
            for result in results[len(begin) :]:
                e.attack(result, refused_with=ROUTINE_DENIED)


def _writes(sql: SqlChannel, target: Target, table: BaseTable) -> list[str]:
    name = quoted(table.schema, table.name)
    columns = sql.rows(
        "SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS"  # noqa: S608 - hexadecimal
        f" WHERE TABLE_SCHEMA = X'{table.schema.encode().hex()}' AND TABLE_NAME = X'{table.name.encode().hex()}'"
        " AND COALESCE(GENERATION_EXPRESSION, '') = '' ORDER BY ORDINAL_POSITION LIMIT 1",
        identity=complete_reader(sql, target),
    )
    column = quoted(str(columns[0]["name"])) if columns else "`id`"
    statements = [f"UPDATE {name} SET {column} = NULL WHERE FALSE", f"DELETE FROM {name} WHERE FALSE"]  # noqa: S608
    if table.transactional:
        statements += [f"INSERT INTO {name} () VALUES ()", f"REPLACE INTO {name} () VALUES ()"]  # noqa: S608 - quoted
    return statements


def _parameters(sql: SqlChannel, target: Target) -> dict[tuple[str, str], int]:
    rows = sql.rows(
        "SELECT SPECIFIC_SCHEMA AS db, SPECIFIC_NAME AS name, COUNT(*) AS n FROM information_schema.PARAMETERS"
        " WHERE ORDINAL_POSITION > 0 GROUP BY SPECIFIC_SCHEMA, SPECIFIC_NAME",
        identity=complete_reader(sql, target),
    )
    return {(str(row["db"]), str(row["name"])): int(row["n"]) for row in rows}
