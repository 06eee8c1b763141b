"""Control audit-ddl-blocked."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.audit.place import attackers, newest_event, place_of
from proofs.probes.audit.refusals import NO_RIGHT
from proofs.probes.audit.ways import routines_of, tables_of, told, ways
from proofs.probes.rights.objects import account_of, read_rights
from proofs.probes.rights.sessions import Thing

REMOVING = ("DROP", "ALTER", "CREATE")
"""DROP also empties (TRUNCATE) and drops the schema, ALTER also exchanges partitions and, with DROP, renames. The owner
of the triggers needs none of them; TRIGGER it does."""


def test_nobody_can_remove_or_redefine(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but a principal's has a way to DROP, TRUNCATE, ALTER or RENAME what the audit consists of.

    Nor to drop or define triggers there, be it on an audited table, nor to redefine a routine that writes events. None
    of this can be rolled back, so none is tried: who may is told from grants, roles, wildcards, proxies and definers.
    """
    place = place_of(target)
    tables = tables_of(place, audited=True)
    wanted = [(action, table) for table in tables for action in REMOVING]
    found = ways(sql, target, place, wanted, params, lending=("PROCEDURE",), owners_lend=True)
    wanted = [("TRIGGER", table) for table in tables] + [("ALTER ROUTINE", routine) for routine in routines_of(place)]
    found += ways(sql, target, place, wanted, params, lending=("PROCEDURE",))
    assert not found, f"ways to take the audit apart: {told(found)}"


def test_altering_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Who has no way to ALTER the audit table by the grants is refused by the server too: 1142.

    Asked for is something no table could be given (a partition less, of a name it does not have), so nothing happens
    even if the grants were misread. Control experiment: the table is there, and its reader sees its rows.
    """
    place = place_of(target)
    event = newest_event(sql, place)
    rights = read_rights(sql, target)
    table = Thing("table", place.schema, place.audit.table)
    with experiment("alter the audit table") as e:
        e.control(sql.attempt(place.reader, f"SELECT 1 FROM {event.table} LIMIT 1"))  # noqa: S608
        for name in attackers(sql, target):
            if not any(path.through == () for path in rights.paths(account_of(sql, target, name), "ALTER", table)):
                statement = f"ALTER TABLE {event.table} DROP PARTITION `no such partition`"
                e.attack(sql.attempt(name, statement), refused_with=NO_RIGHT)
