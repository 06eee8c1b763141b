"""Control tenant-binding-authorised."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, SqlChannel
from proofs.probes.tenancy.scene import JUNK, in_words, own, refusals, scene, script, succeeded, tally, views
from proofs.probes.tenancy.wording import unknown_like


def test_only_the_own_tenant_can_be_bound(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue], experiment: Experiments
) -> None:
    """An identity takes its own tenant; another's id and an unknown id of the same form are refused."""
    here = scene(target)
    unknown = unknown_like(here.sides[0].id, [side.id for side in here.sides])
    for mine, other in here.pairs:
        with experiment(f"take the tenant of {other.name} as {mine.identity}") as e:
            bound, theirs, nobodys, again = sql.script(
                mine.identity, [here.bind(mine.id), here.bind(other.id), here.bind(unknown), here.bind(mine.id)]
            )
            e.control(bound)
            e.attack(theirs, refused_with=tuple(refusals(params)))
            e.attack(nobodys, refused_with=tuple(refusals(params)))
            e.control(again)
            (first,) = sql.script(mine.identity, [here.bind(other.id)])
            e.attack(first, refused_with=tuple(refusals(params)))


def test_what_is_no_tenant_gives_no_rows(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """NULL, an empty text and a text that is SQL are refused, or taken for no tenant at all: no view shows a row.

    The same session is shown rows with its own tenant.
    """
    here = scene(target)
    tallies = [view.tally for view in views(sql, here)]
    for mine, _ in here.pairs:
        for value in (None, "", JUNK):
            (attempt, *none), (bound, *some) = script(
                sql, mine.identity, [[here.bind(value), *tallies], [here.bind(mine.id), *tallies]]
            )
            succeeded(bound)
            for without, control in zip(none, some, strict=True):
                own(control)
                seen = tally(without, refusals(params))
                assert not seen, f"{mine.identity} is shown {in_words(seen)} after {attempt.describe()}"


def test_a_refused_binding_shows_no_other_tenant(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """After the attempt to take another's tenant, with and without an own one before it, no row of another is shown."""
    here = scene(target)
    tallies = [view.tally for view in views(sql, here)]
    for mine, other in here.pairs:
        (bound, *before), (_, *after) = script(
            sql, mine.identity, [[here.bind(mine.id), *tallies], [here.bind(other.id), *tallies]]
        )
        (_, *fresh), *_ = script(sql, mine.identity, [[here.bind(other.id), *tallies]])
        succeeded(bound)
        for control, switched, alone in zip(before, after, fresh, strict=True):
            mine_alone = own(control)
            for result in (switched, alone):
                others = {name: n for name, n in tally(result, refusals(params)).items() if name not in mine_alone}
                assert not others, f"{mine.identity} is shown {in_words(others)} after it tried {here.bind(other.id)!a}"


def test_refusals_do_not_tell_which_tenants_exist(sql: SqlChannel, target: Target) -> None:
    """The answers for another's real id and for an unknown one of the same form are the same, and hold no id.

    How long the server takes for either is not measured.
    """
    here = scene(target)
    unknown = unknown_like(here.sides[0].id, [side.id for side in here.sides])
    for mine, other in here.pairs:
        bound, theirs, nobodys = sql.script(
            mine.identity, [here.bind(mine.id), here.bind(other.id), here.bind(unknown)]
        )
        succeeded(bound)
        real, made_up = (_without(each.message, tried) for each, tried in ((theirs, other.id), (nobodys, unknown)))
        assert (theirs.codes, real) == (nobodys.codes, made_up), (
            f"{mine.identity} can tell a tenant that exists from one that does not: "
            f"{theirs.describe()}; {nobodys.describe()}"
        )
        told = [side.name for side in here.sides if _without(real, side.id) != real]
        assert not told, f"the refusal names the tenant {told[0]}: {theirs.describe()}"


def _without(message: str, tenant: str) -> str:
    """The message without an id that the caller sent anyway, in either way of writing it."""
    for spelled in (tenant, tenant.replace("-", "")):
        at = message.lower().find(spelled.lower())
        if at >= 0:
            message = message[:at] + "…" + message[at + len(spelled) :]
    return message
