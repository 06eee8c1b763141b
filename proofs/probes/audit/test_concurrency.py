"""Control audit-chain-concurrency-safe."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.apicalls import api_calls, tenancy_of
from proofs.probes.audit.place import place_of
from proofs.probes.audit.scene import Scene

WAITED = (1205, 1213, 1062, 1644)
"""Lock wait timeout, deadlock, duplicate key, refused by a trigger: the second writer did not go on (both manuals)."""


def test_second_writer_waits(sql: SqlChannel, target: Target) -> None:
    """While one transaction has appended an event, a second one cannot append another to the same end of the chain.

    It waits (1205 after a second, the least there is) or is refused; never are there two events with one previous hash.
    Control experiment: once the first has rolled back, the second writes at once, and has its event.
    """
    place = place_of(target)
    tenants = list(tenancy_of(target).tenants)
    if len(tenants) < 2:
        raise Indeterminate("two tenants are needed to write at the same time (tenancy.tenants)")
    first, second = (api_calls(sql, target, tenant)[0] for tenant in tenants[:2])
    scene = Scene(sql, place)
    scene.session("first", first.identity)
    scene.session("second", second.identity)
    contexts = [scene.step("first", first.context), scene.step("second", second.context)]
    one, before = scene.step("first", first.statement), scene.look()
    two, both = scene.step("second", second.statement), scene.look()
    for label in ("first", "second"):
        scene.step(label, "ROLLBACK")
    again = [scene.step("second", each) for each in ("START TRANSACTION", second.context, second.statement)]
    alone = scene.look()
    played = scene.play()
    for step in (*contexts, one, *again):
        played.must(step)
    if not played.events(before) or not played.events(alone):
        raise Indeterminate(f"the application's write {second.name!a} alone added no event")
    links = [str(event.roles["previous"]) for event in played.events(both)]
    doubled = sorted({link for link in links if links.count(link) > 1})
    assert not doubled, f"two events of open transactions have one previous hash, the chain forks: {doubled!a}"
    went_on = played[two].ok and len(played.events(both)) > len(played.events(before))
    assert not went_on, f"the second writer went on while the first had not committed: {played[two].describe()}"
    if not played[two].ok and not played[two].codes & set(WAITED):
        raise Indeterminate(f"refused for another reason than a wait: {played[two].describe()}")


def test_one_write_extends_one_chain(sql: SqlChannel, target: Target) -> None:
    """Each event of a transaction that writes several times follows the one before it, hash by hash."""
    place = place_of(target)
    call = api_calls(sql, target, next(iter(tenancy_of(target).tenants)))[0]
    scene = Scene(sql, place)
    scene.session("writer", call.identity)
    scene.step("writer", call.context)
    writes = [scene.step("writer", call.statement) for _ in range(2)]
    look = scene.look()
    played = scene.play()
    if not all(played[write].ok for write in writes):
        raise Indeterminate(f"the application's write {call.name!a} twice: {played[writes[1]].describe()}")
    events = played.events(look)
    links = [str(event.roles["previous"]) for event in events]
    assert len(set(links)) == len(links), f"events of one transaction share a previous hash: {links!a}"
