"""Control audit-covers-every-dml."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.apicalls import api_calls, must_allow_writes, tenancy_of
from proofs.probes.audit.copies import Change, try_changes
from proofs.probes.audit.place import Place, columns_of, place_of
from proofs.probes.audit.scene import Event, Scene, follows
from proofs.probes.audit.stored import append_routines, triggers_of, unlocked, wrong_definitions
from proofs.probes.audit.wording import mentions
from proofs.probes.engines import schema_of, table_engines
from proofs.probes.sqltext import literal

KINDS = ("INSERT", "UPDATE", "DELETE")


def test_every_audited_table_has_its_triggers(sql: SqlChannel, target: Target) -> None:
    """Each audited table has a trigger for INSERT, UPDATE and DELETE that writes an event; all are as declared.

    Each names the audit table or a routine that writes events; triggers and routines have the definitions the inventory
    knows by their hashes; their definers are locked.
    """
    place = place_of(target)
    triggers = triggers_of(sql, place, place.audit.tables)
    routines = append_routines(sql, place)
    writers = (place.audit.table, *place.audit.append)
    missing = [
        f"{table}: {kind}"
        for table in place.audit.tables
        for kind in KINDS
        if not any((each.table, each.event) == (table, kind) and mentions(each.body, writers) for each in triggers)
    ]
    assert not missing, f"changes that no trigger writes down: {', '.join(missing)!a}"
    awake = unlocked(sql, target, [*triggers, *routines])
    assert not awake, f"definers of the audit's triggers and routines are not locked: {', '.join(awake)}"
    wrong = wrong_definitions(place, [*triggers, *routines])
    assert not wrong, "; ".join(wrong)


def test_every_table_of_tenants_is_audited(sql: SqlChannel, target: Target) -> None:
    """Each base table with the tenants' column is an audited one, but for the audit's own and session state."""
    place, tenancy = place_of(target), tenancy_of(target)
    reader = "operator" if "operator" in target.identities else "inspector"
    rows = sql.rows(
        "SELECT TABLE_NAME AS name FROM information_schema.COLUMNS"  # noqa: S608 - quoted literals
        f" WHERE TABLE_SCHEMA = {literal(schema_of(target))} AND COLUMN_NAME = {literal(tenancy.column)}",
        identity=reader,
    )
    if not rows:
        raise Indeterminate(f"{reader} sees no column {tenancy.column!a} in the schema {target.schema!a}")
    known = {place.audit.table, *place.audit.guarded, *place.audit.tables, *tenancy.state}
    tables = {str(row["name"]) for row in rows} & set(table_engines(sql, target))
    assert tables <= known, f"tables of tenants that are not audited: {', '.join(sorted(tables - known))!a}"


def test_api_writes_are_audited(sql: SqlChannel, target: Target) -> None:
    """Every write through the application's interface, by each tenant, appears in the audit, whole and chained.

    Each event names an audited table, its tenant and a key, its images name every column, and it continues the chain:
    its previous hash is the hash of the event before it, its own the one the inventory's recipe gives.
    """
    place = place_of(target)
    for role in ("table", "key", "before", "after"):
        place.column(role)
    for tenant, described in tenancy_of(target).tenants.items():
        for call in api_calls(sql, target, tenant):
            scene = Scene(sql, place)
            scene.session("writer", call.identity)
            scene.step("writer", call.context)
            write, look = scene.step("writer", call.statement), scene.look()
            played = scene.play()
            played.must(write)
            events = played.events(look)
            assert events, f"{call.name}: a write of {call.identity} is not in the audit: {played[write].describe()}"
            for event in events:
                _is_whole(sql, place, f"{call.name}: {event.what}", event)
                _is_of(place, call.name, event, described.id)
            wrong = follows(place, played.newest_committed(look), events)
            assert wrong is None, f"{call.name}: {wrong}"


def test_every_kind_of_change_is_audited(sql: SqlChannel, target: Target) -> None:
    """One row of each audited table, inserted, changed in each column alone, deleted: one whole event each.

    The images before and after an UPDATE differ in the column that changed, be it ciphertext. The row is a copy of one
    that is there, made and unmade by the operator in a transaction that is rolled back.
    """
    place = place_of(target)
    for role in ("table", "key", "before", "after", "action"):
        place.column(role)
    must_allow_writes(sql, target)
    if "operator" not in target.identities:
        raise Indeterminate("the inventory has no operator, who could change any table (identities.operator)")
    untried: list[str] = []
    for table in place.audit.tables:
        tried = try_changes(sql, place, table, "operator")
        _one_event(sql, place, tried.inserted, images=("after",))
        untried += [f"{table}.{name}" for name in tried.unchanged]
        for change in tried.updates:
            if not change.result.ok:
                untried.append(f"{table}.{change.column}: {change.result.describe()}")
                continue
            event = _one_event(sql, place, change, images=("before", "after"))
            column = str(change.column).lower()
            before, after = event.image("before") or {}, event.image("after") or {}
            assert before.get(column) != after.get(column), f"{change.what!a}: the images before and after are the same"
        _one_event(sql, place, tried.deleted, images=("before",))
        actions = [change.events[0].roles.get("action") for change in (tried.inserted, tried.deleted)]
        assert len(set(actions)) == 2, f"{table!a}: INSERT and DELETE are both recorded as {actions[0]!a}"
    if untried:
        raise Indeterminate(f"columns that could not be changed for a try: {'; '.join(untried)}")


def _one_event(sql: SqlChannel, place: Place, change: Change, *, images: Sequence[str]) -> Event:
    if not change.result.ok:
        raise Indeterminate(f"{change.what!a} could not be tried: {change.result.describe()}")
    count = len(change.events)
    assert count == 1, f"{change.what!a}: {count} events for one row"
    (event,) = change.events
    _is_whole(sql, place, change.what, event)
    for image in images:
        assert event.image(image) is not None, f"{change.what!a}: the event has no image {image}"
    return event


def _is_whole(sql: SqlChannel, place: Place, what: str, event: Event) -> None:
    """It names an audited table and a key, and its images name every column that holds something."""
    table = next((each for each in place.audit.tables if each == event.roles["table"]), None)
    assert table is not None, f"{what!a}: the event names no audited table"
    assert event.roles["key"], f"{what!a}: the event names no row"
    images = {name: image for name in ("before", "after") if (image := event.image(name)) is not None}
    assert images, f"{what!a}: the event holds neither image"
    wanted = {column.name.lower() for column in columns_of(sql, place, table) if not column.virtual}
    for name, image in images.items():
        missing = wanted - set(image)
        assert not missing, f"{what!a}: the image {name} leaves out {', '.join(sorted(missing))!a}"


def _is_of(place: Place, what: str, event: Event, tenant: str) -> None:
    if "tenant" in place.audit.columns:
        found = event.roles.get("tenant")
        assert _plain(found) == _plain(tenant), f"{what}: {event.what} is of tenant {found!a}, not {tenant!a}"


def _plain(value: Any) -> str:
    """An id as text, be it stored as text with hyphens or in its bytes."""
    return (str(value["$hex"]) if isinstance(value, dict) else str(value)).replace("-", "").lower()
