"""Control tenant-write-isolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target, TenantWrite
from proofs.ports import Experiment, Experiments, QueryResult, SqlChannel
from proofs.probes.sqltext import filled
from proofs.probes.tenancy.definitions import table_columns
from proofs.probes.tenancy.effects import WATCH, digest, engines_that_keep
from proofs.probes.tenancy.scene import JUNK, Scene, Side, refusals, scene, script, succeeded
from proofs.probes.tenancy.wording import placeholders

Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Attack:
    """A call that must be refused, after statements that set the context it is made in."""

    title: str
    identity: str
    before: tuple[str, ...]
    call: str


def test_writes_need_a_context(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """Every call that writes is refused without a context, with a malformed and with a dropped one.

    The same call, with the own context, goes through. All of it in transactions that are rolled back.
    """
    here = _writable(sql, target)
    bench = Bench(sql, target, here, tuple(refusals(params)))
    values = {side: _values(sql, here, side) for side in here.sides}
    for write in here.tenancy.writes:
        for side in here.sides:
            call = _call(write, side.id, values[side][write.name])
            attacks = [
                Attack(f"{write.name} without a context", side.identity, (), call),
                Attack(f"{write.name} with a malformed context", side.identity, (here.bind(JUNK),), call),
            ]
            if here.tenancy.clear_context is not None:
                dropped = (here.bind(side.id), here.tenancy.clear_context)
                attacks.append(Attack(f"{write.name} with a dropped context", side.identity, dropped, call))
            with experiment(f"{write.name} without the context of {side.name}") as e:
                bench.prove(e, side, (here.bind(side.id), call), attacks)
    if here.tenancy.clear_context is None:
        raise Indeterminate("the inventory does not say how a context is dropped (tenancy.clear_context)")


def test_writes_reach_no_other_tenant(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """With the own context, every call is refused for the other's id, and for the own id with the other's values.

    The same call with the own id and the own values goes through. All of it in transactions that are rolled back.
    """
    here = _writable(sql, target)
    bench = Bench(sql, target, here, tuple(refusals(params)))
    values = {side: _values(sql, here, side) for side in here.sides}
    for write in here.tenancy.writes:
        for mine, other in here.pairs:
            bind, own_values, their_values = here.bind(mine.id), values[mine][write.name], values[other][write.name]
            calls = {
                f"with the other's {name}": _call(write, mine.id, {**own_values, name: their_values[name]})
                for name in write.values
            }
            if len(write.values) > 1:
                calls["with the other's values"] = _call(write, mine.id, their_values)
            if "tenant" in placeholders(write.call):
                calls["for the other's tenant"] = _call(write, other.id, own_values)
                calls["for the other's tenant, with its values"] = _call(write, other.id, their_values)
                calls["for no tenant"] = _call(write, JUNK, own_values)
            attacks = [Attack(f"{write.name} {what}", mine.identity, (bind,), call) for what, call in calls.items()]
            own_call = _call(write, mine.id, own_values)
            if attacks:
                with experiment(f"{write.name} as {mine.name} against {other.name}") as e:
                    bench.prove(e, mine, (bind, own_call), attacks)


def _writable(sql: SqlChannel, target: Target) -> Scene:
    here = scene(target)
    if not here.tenancy.writes:
        raise Indeterminate("the inventory names no calls that write (tenancy.writes)")
    if not target.allow_canary_writes:
        raise Indeterminate("the target does not allow canary writes (allow_canary_writes)")
    if keeping := engines_that_keep(sql, here.schema):
        raise Indeterminate(f"what is written here cannot be rolled back: {', '.join(keeping)}")
    return here


def _values(sql: SqlChannel, here: Scene, side: Side) -> dict[str, dict[str, Any]]:
    """The values of every call, as the tenant's own identity finds them in its own context."""
    wanted = [(write.name, name, query) for write in here.tenancy.writes for name, query in write.values.items()]
    [bound], results = script(sql, side.identity, [[here.bind(side.id)], [query for *_, query in wanted]])
    succeeded(bound, *results)
    found: dict[str, dict[str, Any]] = {write.name: {} for write in here.tenancy.writes}
    for (write, name, _), result in zip(wanted, results, strict=True):
        if not result.rows:
            raise Indeterminate(
                f"{side.name} has no value for {{{name}}} of {write} (tenancy.writes): {result.describe()}"
            )
        found[write][name] = next(iter(result.rows[0].values()))
    return found


def _call(write: TenantWrite, tenant: str, values: Values) -> str:
    return filled(write.call, {"tenant": tenant, **values})


@dataclass(frozen=True, slots=True)
class Bench:
    """Makes attacks and tells what one that was let through did."""

    sql: SqlChannel
    target: Target
    here: Scene
    refused_with: tuple[int, ...]

    def prove(self, e: Experiment, side: Side, control: Sequence[str], attacks: Sequence[Attack]) -> None:
        """Each attack in a session of its own, beside the control experiment."""
        for result in self.sql.script(side.identity, control):
            e.control(result)
        for attack in attacks:
            *_, result = self.sql.script(attack.identity, [*attack.before, attack.call])
            if result.ok:
                self._tell(attack, result)
            e.attack(result, refused_with=self.refused_with)

    def _tell(self, attack: Attack, result: QueryResult) -> None:
        """Make the attack again while every tenant watches its rows: raises with what it changed, if it did.

        The watchers see what is not committed yet; everything is rolled back once more.
        """
        here = self.here
        columns = table_columns(self.sql, self.target, here.schema)
        looks = [
            (side.name, view, digest(here.schema, view, columns.get(view, [])))
            for side in here.sides
            for view in here.application.views
        ]
        sessions = {"attacker": attack.identity, **{side.name: side.identity for side in here.sides}}
        steps = [(side.name, each) for side in here.sides for each in (*WATCH, here.bind(side.id))]
        watching = [(name, statement) for name, _, statement in looks]
        attacking = [("attacker", each) for each in (*attack.before, attack.call)]
        results = self.sql.scenario(sessions, [*steps, *watching, *attacking, *watching])
        before, after = results[len(steps) : len(steps) + len(looks)], results[-len(looks) :]
        changed = [
            f"{name}'s rows in {view}"
            for (name, view, _), was, now in zip(looks, before, after, strict=True)
            if was.ok and now.ok and list(was.rows) != list(now.rows)
        ]
        if not changed:
            raise Indeterminate(f"{attack.title}: let through, but no row was seen to change: {result.describe()}")
        raise AssertionError(
            f"{attack.title}: let through, it changed {', '.join(changed)} (rolled back): {result.describe()}"
        )
