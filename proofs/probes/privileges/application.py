"""The application of a target as these probes meet it: who it logs in as, what it is approved to use."""

from __future__ import annotations

from collections.abc import Sequence

from proofs.errors import Indeterminate
from proofs.model import Application, Target
from proofs.probes.rights.paths import Path
from proofs.probes.sqltext import filled, quoted

TABLE_DENIED = (1142, 1143)
"""ER_TABLEACCESS_DENIED_ERROR, and ER_COLUMNACCESS_DENIED_ERROR where some column is granted."""
ROUTINE_DENIED = 1370
"""ER_PROCACCESS_DENIED_ERROR."""


def application_of(target: Target) -> Application:
    """The application's section of the inventory; `Indeterminate` without one."""
    if target.application is None:
        raise Indeterminate("the inventory does not say what the application may use (application)")
    return target.application


def approved(path: Path, target: Target) -> bool:
    """Whether a path leads through the application's interface: a routine or view that it is meant to use."""
    application = application_of(target)
    first = path.through[0] if path.through else None
    if first is None or first.schema.lower() != str(target.schema).lower():
        return False
    names = application.views if first.kind == "VIEW" else application.routines
    return first.name.lower() in {name.lower() for name in names}


def others(paths: Sequence[Path], target: Target) -> list[Path]:
    """The paths that do not lead through the application's interface.

    Nor do those count that begin with a trigger: the write that sets it off is a path of its own, and what the trigger
    does is not the writer's choice.
    """
    started = [path for path in paths if not path.through or path.through[0].kind != "TRIGGER"]
    return [path for path in started if not approved(path, target)]


def told(paths: Sequence[Path], limit: int = 5) -> str:
    """Paths in words, the first few of many."""
    more = f" (and {len(paths) - limit} more)" if len(paths) > limit else ""
    return "; ".join(str(path) for path in paths[:limit]) + more


def opening(target: Target, identity: str) -> list[str]:
    """Statements that make a session of the identity act for its tenant, where the inventory has tenants."""
    if target.tenancy is None:
        return []
    for tenant in target.tenancy.tenants.values():
        if tenant.identity == identity:
            return [filled(target.tenancy.set_context, {"tenant": tenant.id})]
    return []


def calling(target: Target, identity: str) -> list[str]:
    """Calls of approved routines by an identity that change nothing but its own session."""
    calls = opening(target, identity)
    if not calls and target.names.get("definer_routine") and target.schema is not None:
        calls = [f"CALL {quoted(target.schema, target.names['definer_routine'])}()"]
    if not calls:
        raise Indeterminate("the inventory names no call for this identity (tenancy.tenants, names.definer_routine)")
    return calls


def reading(target: Target) -> str:
    """A read through the interface: the control experiment of every read that must be refused."""
    application = application_of(target)
    if not application.views or target.schema is None:
        raise Indeterminate("the inventory names no view that the application may read (application.views)")
    return f"SELECT * FROM {quoted(target.schema, application.views[0])} LIMIT 1"  # noqa: S608 - quoted
