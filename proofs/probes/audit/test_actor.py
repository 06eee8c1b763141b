"""Control audit-actor-is-real-caller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.apicalls import ApiCall, api_calls, tenancy_of
from proofs.probes.audit.place import place_of
from proofs.probes.audit.scene import Event, Played, Scene
from proofs.probes.audit.stored import append_routines, triggers_of
from proofs.probes.audit.wording import session_words

WHO = "SELECT USER() AS login, CURRENT_USER() AS account"
LIES = (
    "SET SESSION timestamp = 86400",
    "SET SESSION time_zone = '+13:00'",
    "SET @actor = 'somebody else', @audit_actor = 'somebody else', @user = 'somebody else'",
)
"""What a session may set about itself that must not show in its events; a refusal is as good."""
CLOSE_S = 120
"""Seconds between two events of one scene, at most: a clock that was set back shows as years, a zone as hours."""


def test_actor_is_the_login(sql: SqlChannel, target: Target) -> None:
    """Writes of two identities are recorded under two actors, each the login of its caller, never the definer's."""
    place = place_of(target)
    place.column("actor")
    actors = {}
    for tenant in tenancy_of(target).tenants:
        call = api_calls(sql, target, tenant)[0]
        played, who, looks = _write(sql, target, call, ())
        login = played.must(who).rows[0]
        own = {str(login["login"]), str(login["account"])}
        for event in _events(played, looks[0], call):
            actor = str(event.roles["actor"])
            assert actor in own, f"{call.identity} wrote as {sorted(own)!a}, recorded is the actor {actor!a}"
            actors[call.identity] = actor
    if len(actors) < 2:
        raise Indeterminate(f"only {len(actors)} identity wrote; two are needed (tenancy.tenants)")
    assert len(set(actors.values())) == len(actors), f"different callers, one actor: {actors!a}"


def test_session_settings_change_neither_actor_nor_time(sql: SqlChannel, target: Target) -> None:
    """What a session sets about itself (clock, time zone, variables) does not show in the event it causes.

    Control experiment: the same write in the same session, before anything was set.
    """
    place = place_of(target)
    place.column("time")
    call = api_calls(sql, target, next(iter(tenancy_of(target).tenants)))[0]
    played, _, looks = _write(sql, target, call, LIES)
    honest, *_ = _events(played, looks[0], call)
    known = {event.roles["id"] for event in played.events(looks[0])}
    lied = [event for event in _events(played, looks[1], call) if event.roles["id"] not in known]
    if not lied:
        raise Indeterminate(f"the second write {call.name!a} added no event: {played[looks[1] - 1].describe()}")
    for event in lied:
        was, now = str(honest.roles["actor"]), str(event.roles["actor"])
        assert was == now, f"a session's settings changed the recorded actor from {was!a} to {now!a}"
        apart = abs(_time(event) - _time(honest))
        assert apart <= CLOSE_S, (
            f"a session's settings changed the recorded time by {apart:.0f} s:"
            f" {honest.roles['time']!a}, then {event.roles['time']!a}"
        )


def test_nothing_a_session_sets_is_recorded(sql: SqlChannel, target: Target) -> None:
    """The triggers of audited tables and the routines that write events use no variable that a session can set."""
    place = place_of(target)
    stored = [*triggers_of(sql, place, place.audit.tables), *append_routines(sql, place)]
    found = [f"{each.name}: {word}" for each in stored for word in session_words(each.body)]
    assert not found, f"what is recorded depends on what the session sets: {'; '.join(found)!a}"


def _write(sql: SqlChannel, target: Target, call: ApiCall, lies: Sequence[str]) -> tuple[Played, int, tuple[int, int]]:
    """One write, a look, the lies and another write, a look."""
    scene = Scene(sql, place_of(target))
    scene.session("writer", call.identity)
    who = scene.step("writer", WHO)
    scene.step("writer", call.context)
    scene.step("writer", call.statement)
    first = second = scene.look()
    if lies:
        for statement in (*lies, call.statement):
            scene.step("writer", statement)
        second = scene.look()
    return scene.play(), who, (first, second)


def _events(played: Played, look: int, call: ApiCall) -> Sequence[Event]:
    played.must(look - 1)
    events = played.events(look)
    if not events:
        raise Indeterminate(f"the application's write {call.name!a} added no event")
    return events


def _time(event: Event) -> float:
    text = str(event.roles["time"]).replace("Z", "+00:00")
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError as error:
        raise Indeterminate(f"the time of an event is no date and time: {text!a}") from error
