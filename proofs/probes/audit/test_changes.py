"""Control audit-update-delete-blocked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, QueryResult, SqlChannel
from proofs.probes.audit.place import Aim, attackers, newest_event, place_of, some_row
from proofs.probes.audit.refusals import rights_or_guard
from proofs.probes.audit.stored import mentions_of, triggers_of, unlocked, wrong_definitions
from proofs.probes.audit.ways import LENDERS, tables_of, told, ways
from proofs.probes.audit.wording import session_words
from proofs.probes.engines import must_roll_back
from proofs.probes.sqltext import literal, quoted


def test_change_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """No identity gets an UPDATE, an upsert, a REPLACE or a DELETE through, on the newest event and on guarded rows.

    1142, 1143: it has no right to; 1644: a trigger refuses whoever has one (so must it the operator's). Statements
    without a WHERE clause are refused for want of the very right, not for want of SELECT. Control experiment: the row
    is there, and its reader sees it; a row-level guard is silent when no row matches.
    """
    place = place_of(target)
    must_roll_back(sql, target)
    aims = [newest_event(sql, place), *(some_row(sql, place, table) for table in place.audit.guarded)]
    with experiment("change or delete what the audit rests on") as e:
        for aim in aims:
            reader = place.reader if aim.table == place.table else place.keeper
            seen = sql.query(f"SELECT 1 AS here FROM {aim.table} WHERE {aim.where}", identity=reader)  # noqa: S608
            if seen.ok and not seen.rows:
                raise Indeterminate(f"the row that the attempts aim at is gone: {aim.table!a} WHERE {aim.where!a}")
            e.control(seen)
        for name in attackers(sql, target):
            for aim in aims:
                for result in _try(sql, name, _changes(aim)):
                    rights_or_guard(e, place, name, result)


def test_guards_are_in_place(sql: SqlChannel, target: Target) -> None:
    """Every row of the audit table is guarded against UPDATE and DELETE by triggers, unchanged and always in force.

    Looked at: both triggers are there, on the audit table and on what the chain rests on; every trigger of these tables
    is one the inventory knows, with the definition it knows by its hash; none depends on something a session can set;
    their definers are locked.
    """
    place = place_of(target)
    tables = (place.audit.table, *place.audit.guarded)
    triggers = triggers_of(sql, place, tables)
    for table in tables:
        for event in ("UPDATE", "DELETE"):
            there = [each for each in triggers if (each.table, each.event, each.timing) == (table, event, "BEFORE")]
            assert there, f"no BEFORE {event} trigger guards the table {table!a}"
    for each in triggers:
        words = session_words(each.body)
        assert not words, f"the guard {each.name!a} can be steered by its session: {', '.join(words)!a}"
    awake = unlocked(sql, target, triggers)
    assert not awake, f"definers of guards are not locked: {', '.join(awake)}"
    wrong = wrong_definitions(place, triggers)
    assert not wrong, "; ".join(wrong)


def test_nothing_stored_changes_the_audit(sql: SqlChannel, target: Target) -> None:
    """No routine, event or trigger but the declared ones writes to the audit's tables, at once or at some later time.

    A stored program runs with its definer's rights: one that belongs to an administrator is a door to whoever may
    start it, and an event needs nobody to start it.
    """
    place = place_of(target)
    found = mentions_of(sql, place)
    assert not found, f"stored programs that are not declared reach into the audit: {'; '.join(found)}"


def test_nobody_has_a_way_to_change_it(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but a principal's has a way to UPDATE or DELETE an event or what the chain rests on.

    By own rights, on columns, roles, wildcards, proxies, or stored objects of a definer who has the right. What the
    locked owner of the audit's routines does in them is not counted: it is how events come to be.
    """
    place = place_of(target)
    wanted = [(action, table) for table in tables_of(place) for action in ("UPDATE", "DELETE")]
    found = ways(sql, target, place, wanted, params, lending=LENDERS)
    assert not found, f"ways to change the audit: {told(found)}"


def _changes(aim: Aim) -> Sequence[str]:
    spare = quoted(aim.spare)
    value = literal(aim.values[aim.spare])
    return [
        f"UPDATE {aim.table} SET {spare} = {spare} WHERE {aim.where}",  # noqa: S608
        f"UPDATE {aim.table} SET {spare} = {value} LIMIT 1",  # noqa: S608
        f"INSERT INTO {aim.table} {aim.insert} ON DUPLICATE KEY UPDATE {spare} = {value}",
        f"REPLACE INTO {aim.table} {aim.insert}",
        f"DELETE {aim.table} FROM {aim.table} JOIN (SELECT 1 AS proof_one) AS proof_other WHERE {aim.where}",
        f"DELETE FROM {aim.table} LIMIT 1",  # noqa: S608
    ]


def _try(sql: SqlChannel, identity: str, statements: Sequence[str]) -> Sequence[QueryResult]:
    """Each in a transaction of its own on one connection, all rolled back."""
    steps = [each for statement in statements for each in (statement, "ROLLBACK", "START TRANSACTION")]
    return sql.script(identity, steps)[::3]
