"""Control tenant-context-unforgeable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import Experiments, QueryResult, SqlChannel
from proofs.probes.sqltext import literal, quoted
from proofs.probes.tenancy.definitions import bodies, table_columns
from proofs.probes.tenancy.scene import (
    Scene,
    Side,
    committing,
    in_words,
    own,
    refusals,
    scene,
    script,
    succeeded,
    tally,
    views,
)
from proofs.probes.tenancy.wording import spellings, user_variables

COMMON_NAMES = (
    "tenant",
    "tenant_id",
    "tenantid",
    "tenant_uuid",
    "tenant_uuid_bin",
    "tenant_id_bin",
    "current_tenant",
    "current_tenant_id",
    "app_tenant",
    "app_tenant_id",
    "ctx_tenant",
    "context_tenant",
    "session_tenant",
    "org_id",
    "customer_id",
    "account_id",
)
"""Names that tenant contexts in user variables go by, beside those found in the schema's own texts."""
LOCK = "proof-of-controls"
NO_SUCH_RIGHT = (1142, 1143)


def test_user_variables_do_not_count(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """With every user variable that a routine or view reads, and common names, set to the other's id, nothing changes.

    Without a context there is no row still; with the own one only own rows. The setter does change what is shown.
    """
    here = scene(target)
    tallies = [view.tally for view in views(sql, here)]
    found = {name for body in bodies(sql, target, here.schema) for name in user_variables(body.text)}
    names = sorted({name.lower() for name in found} | set(COMMON_NAMES))
    doubts: list[Indeterminate] = []
    for mine, other in here.pairs:
        for spelled in spellings(other.id):
            forge = "SET " + ", ".join(f"@{quoted(name)} = {spelled}" for name in names)
            (forged, *none), (bound, *some), (again, *still) = script(
                sql, mine.identity, [[forge, *tallies], [here.bind(mine.id), *tallies], [forge, *tallies]]
            )
            whom = f"{mine.identity} with {len(names)} variables set to {spelled}"
            try:
                succeeded(forged, bound, again)
                _no_foreign_rows(none, some, still, refusals(params), whom)
            except Indeterminate as doubt:
                # One spelling may only make a view fail, where the next one opens it.
                doubts.append(doubt)
    if doubts:
        raise doubts[0]


def test_state_tables_are_out_of_reach(sql: SqlChannel, target: Target, experiment: Experiments) -> None:
    """Applications can neither read nor write the tables that hold contexts and entitlements, in any column.

    None of the statements touches a row even where it is let through.
    """
    here = scene(target)
    if not here.tenancy.state:
        raise Indeterminate("the inventory does not say where contexts and entitlements are kept (tenancy.state)")
    columns = table_columns(sql, target, here.schema)
    missing = [table for table in here.tenancy.state if table not in columns]
    if missing:
        raise Indeterminate(f"the schema {here.schema} has no table {missing[0]} (tenancy.state)")
    for identity in here.application.identities:
        with experiment(f"read and write {', '.join(here.tenancy.state)} as {identity}") as e:
            statements = [each for table in here.tenancy.state for each in _untouching(here, table, columns[table])]
            view = f"SELECT 1 FROM {quoted(here.schema, here.application.views[0])} LIMIT 0"  # noqa: S608
            control, *results = sql.script(identity, [view, *statements])
            e.control(control)
            for result in results:
                e.attack(result, refused_with=NO_SUCH_RIGHT)


def test_a_context_is_not_shared(sql: SqlChannel, target: Target, params: Mapping[str, ParameterValue]) -> None:
    """While a session acts for a tenant, no other session does, of another login or of the same.

    Neither by itself, nor after it takes and releases locks of likely names, nor as the connection id of the first,
    where it may call itself that (`pseudo_thread_id`). The first session is shown its rows throughout.
    """
    here = committing(target)
    tallies = [view.tally for view in views(sql, here)]
    for thief, victim in here.pairs:
        for identity in (thief.identity, victim.identity):
            results = _steal(sql, here, victim, identity, tallies)
            for result in results:
                seen = tally(result, refusals(params))
                assert not seen, (
                    f"{identity} is shown {in_words(seen)} while another session acts for {victim.name}: "
                    f"{result.describe()}"
                )


def _steal(sql: SqlChannel, here: Scene, victim: Side, identity: str, tallies: Sequence[str]) -> list[QueryResult]:
    """What the thief is shown, after each way of tampering. `Indeterminate` unless the victim keeps its context."""
    looks = [("thief", each) for each in tallies]
    steps = [("victim", f"DO GET_LOCK('{LOCK}', 0)"), ("victim", here.bind(victim.id)), *looks]
    for tamper in tampering(victim.id):
        steps += [("thief", tamper), *looks]
    steps += [("victim", each) for each in tallies]
    if here.tenancy.clear_context is not None:
        steps.append(("victim", here.tenancy.clear_context))
    sessions = {"victim": victim.identity, "thief": identity}
    results = sql.scenario(sessions, steps, transaction=False)
    succeeded(results[1])
    for (label, statement), result in zip(steps, results, strict=True):
        if label == "victim" and statement in tallies:
            own(result)
    return [
        result
        for (label, statement), result in zip(steps, results, strict=True)
        if label == "thief" and statement in tallies
    ]


def tampering(tenant: str) -> tuple[str, ...]:
    """What a client may try on state that sessions share; which of it is refused does not matter.

    A connection's id is `pseudo_thread_id` to CONNECTION_ID() on both engines; IS_USED_LOCK tells the victim's, which
    holds a lock of a known name.
    """
    names = [literal(tenant), "CONNECTION_ID()", f"IS_USED_LOCK('{LOCK}')", "USER()", "'tenant'"]
    names += [
        f"CONCAT({prefix}, IS_USED_LOCK('{LOCK}'))" for prefix in ("'tenant'", "'tenant_'", "'tenant-'", "'tenant:'")
    ]
    return (
        "DO RELEASE_ALL_LOCKS()",
        "DO " + ", ".join(f"GET_LOCK({name}, 0)" for name in names),
        "DO " + ", ".join(f"RELEASE_LOCK({name})" for name in names),
        f"SET SESSION pseudo_thread_id = IS_USED_LOCK('{LOCK}')",
    )


def _untouching(here: Scene, table: str, columns: Sequence[str]) -> list[str]:
    """Statements that need a right each and touch no row: reading, and writing column by column.

    IGNORE: past the check of rights, a column without a default is no error then (1364).
    """
    name = quoted(here.schema, table)
    statements = [f"DELETE FROM {name} LIMIT 0"]  # noqa: S608
    for column in map(quoted, columns):
        statements += [
            f"SELECT {column} FROM {name} LIMIT 0",  # noqa: S608
            f"INSERT IGNORE INTO {name} ({column}) SELECT NULL FROM DUAL WHERE FALSE",  # noqa: S608
            f"UPDATE {name} SET {column} = NULL LIMIT 0",  # noqa: S608
        ]
    return statements


def _no_foreign_rows(
    none: Sequence[QueryResult],
    some: Sequence[QueryResult],
    still: Sequence[QueryResult],
    refused_with: frozenset[int],
    whom: str,
) -> None:
    for without, control, forged in zip(none, some, still, strict=True):
        mine = own(control)
        seen = tally(without, refused_with)
        assert not seen, f"{whom} is shown {in_words(seen)} without a context: {without.describe()}"
        seen = tally(forged, refused_with)
        assert not seen or seen == mine, (
            f"{whom} is shown {in_words(seen)} in place of {in_words(mine)}: {forged.describe()}"
        )
