"""The application's own writes, made ready to be called: `tenancy.writes` of the inventory with their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Target, Tenancy
from proofs.ports import SqlChannel
from proofs.probes.engines import must_roll_back
from proofs.probes.sqltext import filled


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One write of a tenant: the statement that takes the tenant's context, and the call; to be rolled back."""

    name: str
    tenant: str
    identity: str
    context: str
    statement: str


def tenancy_of(target: Target) -> Tenancy:
    """The inventory's word on tenants. Raises `Indeterminate` where it has none."""
    if target.tenancy is None:
        raise Indeterminate("the inventory does not say how rows belong to tenants (tenancy)")
    return target.tenancy


def must_allow_writes(sql: SqlChannel, target: Target) -> None:
    """Raises `Indeterminate` unless the target allows canary writes and every table of its schema can roll back."""
    if not target.allow_canary_writes:
        raise Indeterminate("the target does not allow canary writes (allow_canary_writes)")
    must_roll_back(sql, target)


def api_calls(sql: SqlChannel, target: Target, tenant: str) -> Sequence[ApiCall]:
    """Every write of the inventory for one of its tenants, by that tenant's identity.

    The values are looked up as that identity in its own context. Raises `Indeterminate` where writes are not allowed,
    none is named, or a value is not to be had.
    """
    tenancy = tenancy_of(target)
    must_allow_writes(sql, target)
    if not tenancy.writes:
        raise Indeterminate("the inventory names no write of the application (tenancy.writes)")
    who = tenancy.tenants[tenant]
    context = filled(tenancy.set_context, {"tenant": who.id})
    queries = dict.fromkeys(query for write in tenancy.writes for query in write.values.values())
    answers = sql.script(who.identity, [context, *queries])
    if not answers[0].ok:
        raise Indeterminate(answers[0].describe())
    found = {}
    for query, answer in zip(queries, answers[1:], strict=True):
        if not answer.ok or not answer.rows:
            raise Indeterminate(f"no value for the application's writes: {answer.describe()}, no row")
        found[query] = next(iter(answer.rows[0].values()))
    return [
        ApiCall(
            write.name,
            tenant,
            who.identity,
            context,
            filled(write.call, {"tenant": who.id} | {name: found[query] for name, query in write.values.items()}),
        )
        for write in tenancy.writes
    ]
