"""Who sees what is stored in full: information_schema hides whatever its reader has no right to."""

from __future__ import annotations

from proofs.errors import Indeterminate
from proofs.model import Target
from proofs.ports import SqlChannel
from proofs.probes.rights.serverwide import powers_of


def complete_reader(sql: SqlChannel, target: Target) -> str:
    """The identity that sees every routine, view, trigger and event: the operator, if there is one, or the inspector.

    An inspector without TRIGGER and EVENT sees no triggers and no events, and that is no proof that there are none:
    `Indeterminate` where a right is missing.
    """
    reader = "operator" if "operator" in target.identities else "inspector"
    user, _, host = str(sql.rows("SELECT CURRENT_USER() AS account", identity=reader)[0]["account"]).rpartition("@")
    held = powers_of(sql, target.engine, (user, host))
    missing = [each for each in ("TRIGGER", "EVENT", "SHOW VIEW") if each not in held]
    if "SELECT" not in held and (target.engine == "mariadb" or "SHOW_ROUTINE" not in held):
        missing.append("SHOW_ROUTINE" if target.engine == "mysql" else "SELECT")
    if missing:
        raise Indeterminate(f"{reader} does not see all stored objects: it has no {', '.join(missing)} on *.*")
    return reader


def account_name(name: str) -> tuple[str, str]:
    """`user@host` as information_schema and CURRENT_USER() spell it → user and host in lower case."""
    user, _, host = name.rpartition("@")
    return user, host.lower()
