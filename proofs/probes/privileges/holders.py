"""Accounts as the probes of this surface judge them: who can log in, who is exempt, what each can make use of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from proofs.errors import Indeterminate
from proofs.model import ParameterValue, Target
from proofs.ports import SqlChannel
from proofs.probes.accounts import login_accounts, without
from proofs.probes.engines import schema_of
from proofs.probes.rights.facts import Grant, Key
from proofs.probes.rights.paths import Path, Rights
from proofs.probes.rights.sessions import Steps, Thing
from proofs.probes.rights.tables import read


def granted(sql: SqlChannel, target: Target) -> Rights:
    """Grants, roles and proxies: what accounts can do themselves. `Indeterminate` where a table is out of reach."""
    return Rights(read(sql, target.engine))


def judged(sql: SqlChannel, target: Target, exempt: ParameterValue) -> list[Key]:
    """Every account that somebody can log in to and that is not exempt; `Indeterminate` if that leaves none."""
    found = without(login_accounts(sql, target.engine), exempt)
    if not found:
        raise Indeterminate("every account that can log in is exempt, so nobody was judged")
    return [(account.user, account.host) for account in found]


def uses(rights: Rights, account: Key, privileges: frozenset[str]) -> Iterator[tuple[str, Grant]]:
    """Each grant of one of the privileges that the account can make use of, with the path to it in words."""
    for steps, grant in rights.holdings(account):
        for privilege in sorted(grant.privileges & privileges):
            yield path_text(account, (*steps, grant.one(privilege))), grant


def themselves(paths: Iterable[Path]) -> list[Path]:
    """Paths of what accounts can do themselves: neither through a stored object nor by becoming somebody else.

    Who can become anybody is the subject of the controls runtime-variables-protected and root-local-only.
    """
    return [path for path in paths if not path.through and not path.administrator]


def path_text(account: Key, steps: Steps) -> str:
    """A path in words, as `Path` tells it."""
    return str(Path(account, steps))


def attackers(target: Target, *, applications: bool = True) -> list[str]:
    """The identities that a refusal is tried with: the application's, the auditor, the migration account.

    `Indeterminate` if there is none of them.
    """
    names = target.application.identities if target.application and applications else ()
    found = [name for name in dict.fromkeys((*names, "auditor", "migration")) if name in target.identities]
    if not found:
        raise Indeterminate("the inventory has no identity to try it with (application.identities, auditor, migration)")
    return found


def of_application(target: Target) -> set[Key]:
    """The accounts that applications log in as."""
    names = target.application.identities if target.application else ()
    return {(target.identities[name].user, target.identities[name].host.lower()) for name in names}


def audited(target: Target) -> Sequence[Thing]:
    """The audit, what it rests on, and the tables it watches."""
    if target.audit is None:
        raise Indeterminate("the inventory does not describe an audit (audit)")
    schema = schema_of(target)
    names = dict.fromkeys((target.audit.table, *target.audit.guarded, *target.audit.tables))
    return [Thing("table", schema, name) for name in names]
