"""Control audit-atomic-with-change."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.apicalls import api_calls, tenancy_of
from proofs.probes.audit.place import place_of
from proofs.probes.audit.scene import Scene
from proofs.probes.audit.stored import append_routines, triggers_of
from proofs.probes.audit.wording import swallowing_handlers
from proofs.probes.engines import TRANSACTIONAL, table_engines

WAITED = (1205, 1213)
"""ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK, on both engines."""


def test_tables_can_roll_back(sql: SqlChannel, target: Target) -> None:
    """The audit table, what the chain rests on, and every audited table are InnoDB: they commit and fail together."""
    place = place_of(target)
    engines = table_engines(sql, target)
    names = (place.audit.table, *place.audit.guarded, *place.audit.tables)
    missing = [name for name in names if name not in engines]
    if missing:
        raise Indeterminate(f"tables of the inventory are not to be seen: {', '.join(missing)!a}")
    fixed = [f"{name} ({engines[name]})" for name in names if engines[name] not in TRANSACTIONAL]
    assert not fixed, f"tables that do not roll back: {', '.join(fixed)!a}"


def test_no_error_is_swallowed(sql: SqlChannel, target: Target) -> None:
    """No trigger of an audited table and no routine that writes events has a handler after which an error is none."""
    place = place_of(target)
    stored = [*triggers_of(sql, place, (*place.audit.tables, *place.audit.guarded, place.audit.table))]
    stored += append_routines(sql, place)
    found = [f"{each.name}: {handler}" for each in stored for handler in swallowing_handlers(each.body)]
    assert not found, f"errors of the audit are swallowed: {'; '.join(found)!a}"


def test_rolled_back_change_leaves_no_event(sql: SqlChannel, target: Target) -> None:
    """An event is there while its change is, and gone when the change is rolled back."""
    place = place_of(target)
    call = api_calls(sql, target, next(iter(tenancy_of(target).tenants)))[0]
    scene = Scene(sql, place)
    scene.session("writer", call.identity)
    scene.step("writer", call.context)
    write, during = scene.step("writer", call.statement), scene.look()
    scene.step("writer", "ROLLBACK")
    after = scene.look()
    played = scene.play()
    played.must(write)
    written = {event.roles["current"] for event in played.events(during)}
    if not written:
        raise Indeterminate(f"the application's write {call.name!a} added no event, so none can go")
    stayed = [event.what for event in played.all(after) if event.roles["current"] in written]
    assert not stayed, f"events of a change that was rolled back are still there: {', '.join(stayed)}"


def test_change_without_event_is_refused(sql: SqlChannel, target: Target) -> None:
    """A change whose event cannot be written fails and leaves nothing, neither row nor event.

    What keeps the event from being written is a shared lock that the audit's reader holds behind the newest event, so
    that none can be added (1205 after a second). Control experiment: once the lock is gone, the same write goes
    through and has its event.
    """
    place = place_of(target)
    call = api_calls(sql, target, next(iter(tenancy_of(target).tenants)))[0]
    views = target.application.views if target.application else ()
    number = place.column("id")
    scene = Scene(sql, place)
    scene.session("holder", place.reader)
    scene.session("writer", call.identity)
    rows = [f"SELECT * FROM {place.name(view)} LIMIT 1000" for view in views]  # noqa: S608 - quoted names
    context = scene.step("writer", call.context)
    before = [scene.step("writer", each) for each in rows]
    held = [
        scene.step("holder", statement)
        for statement in (
            "ROLLBACK",
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",  # only then are gaps locked
            "START TRANSACTION",
            f"SELECT {number} FROM {place.table} ORDER BY {number} DESC LIMIT 1 LOCK IN SHARE MODE",  # noqa: S608
        )
    ]
    write, look = scene.step("writer", call.statement), scene.look()
    after = [scene.step("writer", each) for each in rows]
    scene.step("holder", "ROLLBACK")
    again = [scene.step("writer", each) for each in ("ROLLBACK", "START TRANSACTION", call.context, call.statement)]
    alone = scene.look()
    played = scene.play()
    for step in (context, *before, *held, *again):
        played.must(step)
    wanted, found = len(played.events(alone)), len(played.events(look))
    if not wanted:
        raise Indeterminate(f"the application's write {call.name!a} alone added no event")
    if played[write].ok:
        assert found >= wanted, (
            f"the change went through with {found} of {wanted} events, while none could be added:"
            f" {played[write].describe()}"
        )
        raise Indeterminate("the event could be written in spite of the lock behind the newest one: nothing failed")
    assert not found, f"the change was refused, yet left {found} events: {played[write].describe()}"
    if not played[write].codes & set(WAITED):
        raise Indeterminate(f"refused for another reason than a wait: {played[write].describe()}")
    left = [played.must(step).rows for step in after] != [played.must(step).rows for step in before]
    assert not left, f"the change was refused, yet left rows behind: {played[write].describe()}"
