"""Control app-no-base-table-read."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.privileges.application import TABLE_DENIED, application_of, opening, others, reading, told
from proofs.probes.rights.objects import account_of, base_tables, read_rights
from proofs.probes.sqltext import quoted


def test_no_path_to_read_a_base_table(sql: SqlChannel, target: Target) -> None:
    """No application has a way to SELECT from a table but the views and routines it is approved to use.

    Roles, proxies, wildcards, single columns and every other routine or view count (SV-235141).
    """
    rights = read_rights(sql, target)
    accounts = [account_of(sql, target, name) for name in application_of(target).identities]
    paths = [path for table in base_tables(sql, target) for path in rights.who_can("SELECT", table.thing, accounts)]
    found = others(paths, target)
    assert not found, f"{len(found)} ways to read base tables: {told(found)}"


def test_reading_base_tables_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Every application's SELECT and HANDLER on every base table is refused, while it reads its view.

    1142 ER_TABLEACCESS_DENIED_ERROR, or 1143 where some column is granted. `LIMIT 0`: a read that is wrongly let
    through brings no row into the evidence.
    """
    tables = base_tables(sql, target)
    attacks = [f"SELECT 1 FROM {quoted(table.schema, table.name)} LIMIT 0" for table in tables]  # noqa: S608 - quoted
    attacks += [f"HANDLER {quoted(table.schema, table.name)} OPEN" for table in tables]
    for identity in application_of(target).identities:
        begin = [*opening(target, identity), reading(target)]
        results = sql.script(identity, [*begin, *attacks])
        with experiment(f"read base tables as {identity}") as e:
            e.control(results[len(begin) - 1])
            if not results[len(begin) - 1].rows:
                raise Indeterminate(f"{identity} sees no row in its own view, so that nothing is proven by a refusal")
            for result in results[len(begin) :]:
                e.attack(result, refused_with=TABLE_DENIED)
