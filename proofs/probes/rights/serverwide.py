"""What accounts may do to the server as a whole in the end, for controls that judge powers rather than objects."""

from __future__ import annotations

from collections.abc import Mapping

from proofs.model import Engine
from proofs.ports import SqlChannel
from proofs.probes.rights.facts import Key
from proofs.probes.rights.paths import Rights
from proofs.probes.rights.tables import read


def effective_privileges(sql: SqlChannel, engine: Engine) -> Mapping[Key, Mapping[str, str]]:
    """Account or role → server-wide privilege → how it is held, e.g. `{"SUPER": "by role dba → SUPER on *.*"}`.

    Roles count whether or not they are active by default, since SET ROLE needs no further right. Besides the
    engines' own privileges there are `WRITE GRANT TABLES` and `PROXY ANY ACCOUNT`. What is held by the tables counts,
    and what is held in memory. `Indeterminate` where a grant table cannot be read.
    """
    rights = Rights(read(sql, engine))
    return {key: _told(rights, key) for key in rights.facts.accounts}


def powers_of(sql: SqlChannel, engine: Engine, account: Key) -> Mapping[str, str]:
    """`effective_privileges` of one account; `Indeterminate` also where the grant tables don't know it."""
    return _told(Rights(read(sql, engine)), account)


def _told(rights: Rights, account: Key) -> dict[str, str]:
    return {privilege: "by " + " → ".join(path.steps) for privilege, path in rights.serverwide(account).items()}
