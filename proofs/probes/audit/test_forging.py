"""Control audit-insert-only-by-owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.apicalls import api_calls, tenancy_of
from proofs.probes.audit.place import Aim, Place, attackers, newest_event, place_of, some_row
from proofs.probes.audit.refusals import NO_RIGHT, rights_or_guard
from proofs.probes.audit.scene import Scene
from proofs.probes.audit.ways import LENDERS, routines_of, tables_of, told, ways
from proofs.probes.engines import must_roll_back
from proofs.probes.sqltext import literal, quoted

NO_EXECUTE = 1370
"""ER_PROCACCESS_DENIED_ERROR, on both engines."""
NOT_RUN = (1046, 1305, 1318, 2006, 2013)
"""No schema, no such routine, wrong number of arguments, connection lost: the routine was not reached."""


def test_insert_is_refused(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """No identity can insert an event; a principal none that does not continue the chain.

    The made-up event is the newest one again, further on: well-formed but for its place in the chain. Control
    experiment: a write through the application's interface does add an event.
    """
    place = place_of(target)
    must_roll_back(sql, target)
    event = _made_up(place, newest_event(sql, place))
    others = [some_row(sql, place, table) for table in place.audit.guarded]
    call = api_calls(sql, target, next(iter(tenancy_of(target).tenants)))[0]
    scene = Scene(sql, place)
    scene.session("writer", call.identity)
    scene.step("writer", call.context)
    write, look = scene.step("writer", call.statement), scene.look()
    played = scene.play()
    if played[write].ok and not played.events(look):
        raise Indeterminate(f"the application's write {call.name!a} added no event: nothing to compare with")
    with experiment("insert a made-up event") as e:
        e.control(played[write])
        for name in attackers(sql, target):
            rights_or_guard(e, place, name, sql.attempt(name, f"INSERT INTO {event.table} {event.insert}"))
            if name not in place.audit.principals:
                for aim in others:
                    e.attack(sql.attempt(name, f"INSERT INTO {aim.table} {aim.insert}"), refused_with=NO_RIGHT)


def test_append_is_not_callable(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Nobody but a principal can call a routine that writes events: 1370.

    An error raised inside the routine is an answer too: it ran. Control experiment: the caller can call another routine
    of the same definer.
    """
    place = place_of(target)
    must_roll_back(sql, target)
    if not place.audit.append:
        raise Indeterminate("the inventory names no routine that writes events (audit.append)")
    status = target.names.get("definer_routine")
    if status is None:
        raise Indeterminate("the inventory names no harmless routine of the definer (names.definer_routine)")
    with experiment("call the routine that writes events") as e:
        e.control(sql.attempt("app", f"CALL {quoted(place.schema, status)}()"))
        for routine in place.audit.append:
            statement = f"CALL {quoted(place.schema, routine)}({', '.join(['NULL'] * _arity(sql, place, routine))})"
            for name in attackers(sql, target):
                if name in place.audit.principals:
                    continue
                result = sql.attempt(name, statement)
                ran = (
                    not result.ok
                    and not result.codes & {NO_EXECUTE, *NOT_RUN}
                    and all(isinstance(code, int) for code in result.codes)
                )
                assert not ran, f"{name} was let in, the routine itself failed: {result.describe()}"
                e.attack(result, refused_with=NO_EXECUTE)


def test_nobody_has_a_way_to_insert(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """No account but a principal's has a way to INSERT an event, or to EXECUTE a routine that writes events."""
    place = place_of(target)
    wanted = [("INSERT", table) for table in tables_of(place)]
    wanted += [("EXECUTE", routine) for routine in routines_of(place)]
    found = ways(sql, target, place, wanted, params, lending=LENDERS)
    assert not found, f"ways to forge events: {told(found)}"


def _arity(sql: SqlChannel, place: Place, routine: str) -> int:
    rows = sql.rows(
        "SELECT ORDINAL_POSITION AS position FROM information_schema.PARAMETERS"  # noqa: S608 - quoted literals
        f" WHERE SPECIFIC_SCHEMA = {literal(place.schema)} AND SPECIFIC_NAME = {literal(routine)}"
        " AND ORDINAL_POSITION > 0",
        identity=place.keeper if place.keeper == "operator" else "inspector",
    )
    return len(rows)


def _made_up(place: Place, newest: Aim) -> Aim:
    key, previous, current = (place.audit.columns[role] for role in ("id", "previous", "current"))
    number = newest.values[key]
    if not isinstance(number, int):
        raise Indeterminate(f"the ids of events are no numbers: {number!a}")
    return replace(newest, values={**newest.values, key: number + 1000, previous: newest.values[current]})
