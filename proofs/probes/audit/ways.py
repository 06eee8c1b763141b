"""Ways to do something to the audit, from every account that can log in: rights, roles, proxies, definers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import accounts
from proofs.probes.audit.place import Place
from proofs.probes.rights.objects import read_rights
from proofs.probes.rights.paths import Path
from proofs.probes.rights.sessions import Thing
from proofs.probes.transport.settings import texts

SHOWN = 8
LENDERS = ("PROCEDURE", "FUNCTION", "TRIGGER", "VIEW")
"""Kinds of stored objects that act as their definer."""


def tables_of(place: Place, *, audited: bool = False) -> Sequence[Thing]:
    """The audit table and what the chain rests on; with `audited`, the audited tables too."""
    names = (place.audit.table, *place.audit.guarded, *(place.audit.tables if audited else ()))
    return [Thing("table", place.schema, name) for name in names]


def routines_of(place: Place) -> Sequence[Thing]:
    """The routines that write events."""
    return [Thing("PROCEDURE", place.schema, name) for name in place.audit.append]


def ways(
    sql: SqlChannel,
    target: Target,
    place: Place,
    wanted: Iterable[tuple[str, Thing]],
    params: Mapping[str, ParameterValue],
    *,
    lending: Sequence[str],
    owners_lend: bool = False,
    spared: Iterable[str] = (),
) -> list[str]:
    """Every way in words, but those of principals, of the accounts `exempt_accounts`, and of `spared` identities.

    `lending` are the kinds of stored objects that could lend their definer's rights for it. What is lent by the locked
    owners of the audit's own routines is how events come to be: no finding, unless `owners_lend`. Raises
    `Indeterminate` where the grants cannot be read or not even the principals have a way (then the look itself is in
    doubt).
    """
    rights = read_rights(sql, target)
    found = accounts(sql, target.engine)
    locked = {(each.user, each.host.lower()) for each in found if not each.can_log_in}
    owners = {
        stored.definer
        for stored in rights.stored
        if (stored.schema, stored.name) in {(place.schema, name) for name in place.audit.append}
        and (stored.definer[0], stored.definer[1].lower()) in locked
        and not owners_lend
    }
    excused = {_name(target, identity) for identity in (*place.audit.principals, *spared)}
    exempt = {each.lower() for each in texts(params, "exempt_accounts")}
    said: dict[str, None] = {}
    known = False
    for action, thing in wanted:
        for path in rights.who_can(action, thing):
            user, host = path.account
            name = (user, host.lower())
            if name in excused:
                known = True
            elif name not in locked and f"{user}@{host}".lower() not in exempt and _counts(path, lending, owners):
                said[str(path)] = None
    if not said and not known:
        raise Indeterminate("nobody at all has a way, not even a principal: the grants were not seen in full")
    return list(said)


def told(found: Sequence[str]) -> str:
    """Some of the ways, and how many there are."""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _counts(path: Path, lending: Sequence[str], owners: Iterable[tuple[str, str]]) -> bool:
    return all(stored.kind in lending and stored.definer not in owners for stored in path.through)


def _name(target: Target, identity: str) -> tuple[str, str]:
    described = target.identities[identity]
    return described.user, described.host.lower()
