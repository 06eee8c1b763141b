"""Control tenant-view-isolation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, QueryResult, SqlChannel
from proofs.probes.sqltext import literal, quoted
from proofs.probes.tenancy.definitions import base_tables, bodies, visible
from proofs.probes.tenancy.scene import JUNK, View, in_words, own, refusals, scene, script, succeeded, tally, views

SAMPLE = 3
NO_SUCH_RIGHT = (1142, 1143)
"""ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR."""


def test_own_context_shows_own_rows_only(sql: SqlChannel, target: Target) -> None:
    """With both tenants' sessions open, every view shows each tenant rows of one tenant: its own, not the other's.

    The other's rows, by their values, are then asked for: found in the other's session, not in the own one.
    """
    here = scene(target)
    shown = views(sql, here)
    for mine, other in here.pairs:
        labels = {"own": mine.identity, "other": other.identity}
        steps = [("own", here.bind(mine.id)), ("other", here.bind(other.id))]
        steps += [(label, view.tally) for view in shown for label in labels]
        steps += [("other", f"SELECT * FROM {view.quoted} LIMIT {SAMPLE}") for view in shown]  # noqa: S608
        results = sql.scenario(labels, steps)
        succeeded(*results[:2])
        counted, samples = results[2 : 2 + 2 * len(shown)], results[2 + 2 * len(shown) :]
        for place, view in enumerate(shown):
            seen, theirs = own(counted[2 * place]), own(counted[2 * place + 1])
            assert len(seen) == 1, f"{view.name} shows {mine.name} rows of several tenants: {in_words(seen)}"
            assert view.tenant is None or seen.keys() != theirs.keys(), (
                f"{view.name} shows {mine.name} and {other.name} rows of the same tenant: {in_words(seen)}"
            )
        lookups = [
            lookup
            for view, sample in zip(shown, samples, strict=True)
            for lookup in _lookups(view, sample)
            if view.tenant
        ]
        again = sql.scenario(labels, [*steps[:2], *[(label, each) for each in lookups for label in labels]])
        succeeded(*again[:2])
        for without, control in zip(again[2::2], again[3::2], strict=True):
            own(control)
            assert not tally(without), f"a row of {other.name} is shown to {mine.name}: {without.describe()}"


def test_without_a_context_nothing_is_shown(
    sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]
) -> None:
    """Before a context is taken, with a malformed one and after a dropped one every view is empty, or refused.

    The same session is then shown rows with its own context, once more after it was dropped.
    """
    here = scene(target)
    shown = views(sql, here)
    tallies = [view.tally for view in shown]
    drop = here.tenancy.clear_context
    for mine, _ in here.pairs:
        without = {"it took a context": [], "it had more than a malformed context": [here.bind(JUNK), here.bind(None)]}
        groups = [statements + tallies for statements in without.values()] + [[here.bind(mine.id), *tallies]]
        groups += [[drop, *tallies], [here.bind(mine.id), *tallies]] if drop else []
        results = script(sql, mine.identity, groups)
        for when, group in zip(without, results, strict=False):
            _nothing_shown(group[-len(tallies) :], refusals(params), f"{mine.identity} before {when}")
        for bound, *counted in results[2::2]:
            succeeded(bound)
            for result in counted:
                own(result)
        for dropped, *counted in results[3::2]:
            succeeded(dropped)
            _nothing_shown(counted, refusals(params), f"{mine.identity} with its context dropped")
    if drop is None:
        raise Indeterminate("the inventory does not say how a context is dropped (tenancy.clear_context)")


def test_queries_of_two_tenants_are_disjoint(sql: SqlChannel, target: Target) -> None:
    """The inventory's queries (`tenancy.queries`) give both tenants rows, and not one row to both."""
    here = scene(target)
    queries = list(here.tenancy.queries)
    if not queries:
        raise Indeterminate("the inventory names no queries to compare (tenancy.queries)")
    answers = {}
    for side in here.sides:
        [bound], results = script(sql, side.identity, [[here.bind(side.id)], queries])
        succeeded(bound)
        answers[side] = [_rows(result) for result in results]
    for mine, other in here.pairs:
        for query, rows, theirs in zip(queries, answers[mine], answers[other], strict=True):
            common = rows & theirs
            assert not common, (
                f"{query!a} shows {len(common)} rows to {mine.name} and to {other.name}, for example {min(common)!a}"
            )


def test_views_and_routines_are_their_definers(sql: SqlChannel, target: Target) -> None:
    """Every view and routine of the application is SQL SECURITY DEFINER, and every view names the tenant column.

    What runs with its caller's rights needs the caller to have rights on the tables (MySQL Reference Manual, "Stored
    Object Access Control"). That the column is named shows no isolation; that it is not shows that there is none.
    """
    here = scene(target)
    found = {(body.kind, body.name.lower()): body for body in bodies(sql, target, here.schema)}
    listed = [("view", name) for name in here.application.views]
    listed += [("routine", name) for name in here.application.routines]
    missing = [name for kind, name in listed if (kind, name.lower()) not in found]
    if missing:
        raise Indeterminate(f"{here.schema}.{missing[0]} was not found, though the inventory names it (application)")
    own_rights = [name for kind, name in listed if found[kind, name.lower()].security != "DEFINER"]
    assert not own_rights, f"run with the caller's rights (SQL SECURITY INVOKER): {', '.join(own_rights)}"
    unscoped = [name for name in here.application.views if not found["view", name.lower()].names(here.tenancy.column)]
    assert not unscoped, f"views whose definition does not name {here.tenancy.column}: {', '.join(unscoped)}"


def test_nothing_else_is_readable(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Applications can read no table or view but the views of the inventory: tenants' tables refuse them themselves."""
    here = scene(target)
    known = {(here.schema.lower(), name.lower()) for name in here.application.views}
    tables = base_tables(sql, target, here.schema, here.tenancy.column)
    for identity in here.application.identities:
        others = [each for each in visible(sql, identity) if (each[0].lower(), each[1].lower()) not in known]
        tried = sql.script(identity, [_nothing(*each) for each in others]) if others else []
        open_to = [".".join(each) for each, result in zip(others, tried, strict=True) if result.ok]
        assert not open_to, f"{identity} reads what is not of its interface (application.views): {', '.join(open_to)}"
    for side in here.sides:
        with experiment(f"read the base tables as {side.identity}") as e:
            statements = [f"SELECT 1 FROM {quoted(here.schema, table)} LIMIT 0" for table in tables]  # noqa: S608
            [bound, view], results = script(
                sql, side.identity, [[here.bind(side.id), _nothing(here.schema, here.application.views[0])], statements]
            )
            e.control(bound)
            e.control(view)
            for result in results:
                e.attack(result, refused_with=NO_SUCH_RIGHT)


def _nothing(schema: str, name: str) -> str:
    return f"SELECT 1 FROM {quoted(schema, name)} LIMIT 0"  # noqa: S608


def _nothing_shown(results: Sequence[QueryResult], refused_with: frozenset[int], whom: str) -> None:
    for result in results:
        seen = tally(result, refused_with)
        assert not seen, f"{whom} is shown {in_words(seen)}: {result.describe()}"


def _lookups(view: View, sample: QueryResult) -> list[str]:
    if not sample.ok or sample.truncated:
        raise Indeterminate(f"no row of the other tenant was seen: {sample.describe()}")
    # Texts are left out: dates, JSON and decimals as text are not always equal to what they were read as.
    conditions = [
        " AND ".join(
            f"{quoted(name)} = {literal(value)}" for name, value in row.items() if isinstance(value, int | dict)
        )
        for row in sample.rows
    ]
    column = quoted(view.tenant or "")
    return [
        f"SELECT {column} AS tenant, COUNT(*) AS n FROM {view.quoted} WHERE {condition} GROUP BY {column}"  # noqa: S608
        for condition in conditions
        if condition
    ]


def _rows(result: QueryResult) -> frozenset[str]:
    if not result.ok or result.truncated:
        raise Indeterminate(f"not all of the answer was seen: {result.describe()}")
    if not result.rows:
        raise Indeterminate(
            f"no row is shown to the tenant itself, so that none in common means nothing: {result.describe()}"
        )
    return frozenset(json.dumps(row, sort_keys=True) for row in result.rows)
