"""Two tenants and what the application may read and call, as the inventory names them; what a session is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from proofs.errors import Indeterminate
from proofs.model import Application, ParameterValue, Target, Tenancy
from proofs.ports import QueryResult, SqlChannel
from proofs.probes.sqltext import filled, literal, quoted
from proofs.probes.transport.settings import texts

Step = tuple[str, str]
JUNK = "' OR 1 = 1 -- "
"""An id that is none, and one that would be every tenant's if it got into a statement unquoted."""


@dataclass(frozen=True, slots=True)
class Side:
    """One tenant, its id, and the identity that acts for it alone."""

    name: str
    id: str
    identity: str


@dataclass(frozen=True, slots=True)
class View:
    """A view of the application; `tenant` is its tenant column, if it has one."""

    name: str
    quoted: str
    tenant: str | None

    @property
    def tally(self) -> str:
        """How many rows of which tenant it shows: no row at all where it shows none. Columns tenant and n."""
        if self.tenant is None:
            return f"SELECT NULL AS tenant, COUNT(*) AS n FROM {self.quoted} HAVING n > 0"  # noqa: S608
        column = quoted(self.tenant)
        return f"SELECT {column} AS tenant, COUNT(*) AS n FROM {self.quoted} GROUP BY {column} LIMIT 1000"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything the probes of this surface need of the inventory. `sides`: two tenants or more."""

    schema: str
    application: Application
    tenancy: Tenancy
    sides: tuple[Side, ...]

    def bind(self, tenant: str | None) -> str:
        """The statement that makes a session act for a tenant."""
        return filled(self.tenancy.set_context, {"tenant": tenant})

    @property
    def pairs(self) -> Iterator[tuple[Side, Side]]:
        """Each tenant with another one."""
        return zip(self.sides, (*self.sides[1:], self.sides[0]), strict=True)


def scene(target: Target) -> Scene:
    """What the inventory says; `Indeterminate` naming the key that is missing."""
    for key in ("schema", "application", "tenancy"):
        if getattr(target, key) is None:
            raise Indeterminate(f"the inventory says nothing of the tenants ({key})")
    assert target.schema is not None
    assert target.application is not None
    assert target.tenancy is not None
    sides = tuple(Side(name, each.id, each.identity) for name, each in target.tenancy.tenants.items())
    if len(sides) < 2 or len({side.identity for side in sides}) < len(sides):
        raise Indeterminate("two tenants with an identity each are needed (tenancy.tenants)")
    if not target.application.views:
        raise Indeterminate("the inventory names no view of the application (application.views)")
    return Scene(target.schema, target.application, target.tenancy, sides)


def committing(target: Target) -> Scene:
    """`scene` for probes that must commit a context: one that is rolled back could not outlive its session anyway."""
    if not target.allow_canary_writes:
        raise Indeterminate("the target does not allow canary writes (allow_canary_writes): no context is committed")
    return scene(target)


def views(sql: SqlChannel, here: Scene) -> tuple[View, ...]:
    """The views of the application with their tenant columns, as an application sees them."""
    found = sql.rows(
        "SELECT table_name AS name, column_name AS column_name FROM information_schema.columns "  # noqa: S608
        f"WHERE table_schema = {literal(here.schema)}",
        identity=here.sides[0].identity,
    )
    columns = {(str(row["name"]).lower(), str(row["column_name"]).lower()) for row in found}
    missing = [name for name in here.application.views if not any(table == name.lower() for table, _ in columns)]
    if missing:
        raise Indeterminate(f"{here.sides[0].identity} sees no view {here.schema}.{missing[0]} (application.views)")
    column = here.tenancy.column
    return tuple(
        View(name, quoted(here.schema, name), column if (name.lower(), column.lower()) in columns else None)
        for name in here.application.views
    )


def refusals(params: Mapping[str, ParameterValue]) -> frozenset[int]:
    """The error numbers with which the application's own interface refuses: parameter `refused_with`."""
    return frozenset(int(code) for code in texts(params, "refused_with"))


def succeeded(*results: QueryResult) -> None:
    """For steps that must succeed for the rest to mean anything."""
    for result in results:
        if not result.ok:
            raise Indeterminate(f"the control experiment did not succeed: {result.describe()}")


def tally(result: QueryResult, refused_with: frozenset[int] = frozenset()) -> dict[str, int]:
    """Rows by tenant (as a literal) that a `View.tally` counted; a refusal for lack of a context shows none."""
    if not result.ok and result.codes & refused_with:
        return {}
    if not result.ok or result.truncated:
        raise Indeterminate(f"what the view shows was not seen: {result.describe()}")
    return {literal(row["tenant"]): int(row["n"]) for row in result.rows}


def own(result: QueryResult) -> dict[str, int]:
    """`tally` of a control experiment: with its own context a tenant must see rows, or nothing else means anything."""
    seen = tally(result)
    if not seen:
        raise Indeterminate(
            f"no row is shown to the tenant itself, so that none to others means nothing: {result.describe()}"
        )
    return seen


def in_words(counts: Mapping[str, int]) -> str:
    """`3 rows of X'…', 2 rows of X'…'`."""
    return ", ".join(f"{count} rows of {tenant}" for tenant, count in sorted(counts.items())[:5]) or "no rows"


def script(
    sql: SqlChannel, identity: str, groups: Sequence[Sequence[str]], *, transaction: bool = True
) -> list[list[QueryResult]]:
    """One session, its statements in groups; the results grouped alike."""
    results = iter(sql.script(identity, [each for group in groups for each in group], transaction=transaction))
    return [[next(results) for _ in group] for group in groups]
